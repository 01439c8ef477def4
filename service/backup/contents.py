"""The way of a database into a backup and out of it again, on both kinds."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select

from service.backup.manifest import Manifest, read_manifest, refuse_other_content, refuse_unfit, split
from service.backup.places import POSTGRESQL, SQLITE, Place, connected
from service.backup.sealed_file import read_sealed, write_sealed
from service.backup.server import clearing_statements, closing_statements, version_of
from service.backup.sqlite import copy_out, refuse_damaged

_READ_BYTES = 1 << 20


def back_up_sqlite(place: Place, target: Path, room: Path, now: datetime) -> Manifest:
    """Write a backup of a SQLite database to `target` by way of a copy in the private folder `room`."""
    copy = room / "copy.sqlite3"
    copy_out(place.path, copy)
    with connected(f"sqlite:///{copy}") as connection:
        manifest = read_manifest(connection, now)
    write_sealed(target, place.key, _content(manifest, _parts_of(copy)))
    return manifest


def back_up_postgresql(place: Place, target: Path, now: datetime) -> Manifest:
    """Write a backup of a PostgreSQL database to `target`: counts and dump are of one snapshot."""
    with connected(place.address, snapshot=True) as connection:
        place.programs().refuse_unfit(version_of(connection), "pg_dump")
        snapshot: str = connection.execute(select(func.pg_export_snapshot())).scalar_one()
        manifest = read_manifest(connection, now)
        write_sealed(target, place.key, _content(manifest, place.programs().dump(snapshot)))
    return manifest


def read_whole(file: Path, key: bytes, kind: str) -> Manifest:
    """Return the manifest of a backup that was read to its end. Raises BackupError if it is not whole, or unfit."""
    manifest, content = split(read_sealed(file, key))
    refuse_unfit(manifest, kind)
    for _ in content:
        pass
    return manifest


def unpack_sqlite(file: Path, key: bytes, copy: Path) -> Manifest:
    """Write the SQLite database in a backup to the new file `copy`, and prove that it is whole and what it says."""
    manifest, content = split(read_sealed(file, key))
    refuse_unfit(manifest, SQLITE)
    with copy.open("wb") as unpacked:
        for part in content:
            unpacked.write(part)
    refuse_damaged(copy)
    with connected(f"sqlite:///{copy}") as connection:
        refuse_other_content(connection, manifest)
    return manifest


def load_postgresql(file: Path, place: Place) -> None:
    """Put a backup in the place of all that a PostgreSQL database holds, in one transaction.

    It has no schema version afterwards, until its after-care gives it back. Read the backup whole first.
    """
    with connected(place.address) as connection:
        place.programs().refuse_unfit(version_of(connection), "pg_restore", "psql")
        clearing = clearing_statements(connection)
    manifest, content = split(read_sealed(file, place.key))
    refuse_unfit(manifest, POSTGRESQL)
    place.programs().load(content, before=clearing, after=closing_statements(manifest))


def _content(manifest: Manifest, parts: Iterator[bytes]) -> Iterator[bytes]:
    yield manifest.to_bytes()
    yield from parts


def _parts_of(file: Path) -> Iterator[bytes]:
    with file.open("rb") as copy:
        while part := copy.read(_READ_BYTES):
            yield part
