"""What a schema version has more than the one before it."""

from collections.abc import Iterator
from dataclasses import dataclass

from service.sync.collections import OLDEST_VERSION, Collection, served
from service.sync.columns import WireColumn


@dataclass(frozen=True, slots=True)
class Growth:
    """A collection's columns that came with `version`: all of them where the collection itself `is_new`."""

    version: int
    collection: Collection
    columns: tuple[WireColumn, ...]
    is_new: bool


def growths(version: int) -> Iterator[Growth]:
    """Yield what came with each version after the oldest, up to `version`, in the order of versions."""
    for newer in range(OLDEST_VERSION + 1, version + 1):
        for collection in served(newer):
            before = collection.columns_of(newer - 1)
            added = tuple(column for column in collection.columns_of(newer) if column not in before)
            if added:
                yield Growth(newer, collection, added, is_new=not before)
