"""New rules of a zone, as a government makes them: a release of the zone data in a folder that is read first."""

import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo


class ZoneData:
    """Zone data that a test renews. Programs that have read a zone already know its former rules until they look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def give(self, zone: str, *, the_rules_of: str) -> None:
        """Let a zone have the rules of another from now on."""
        package, _, name = the_rules_of.rpartition("/")
        rules = resources.files("tzdata").joinpath("zoneinfo", *package.split("/"), name).read_bytes()
        file = self._folder / zone
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(rules)


@contextmanager
def zone_data(folder: Path) -> Iterator[ZoneData]:
    """Have zones read from `folder` first, and put everything back afterwards."""
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([folder, *before])
    try:
        yield ZoneData(folder)
    finally:
        zoneinfo.reset_tzpath(before)
        ZoneInfo.clear_cache()
