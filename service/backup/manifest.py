"""What a backup says of itself, and whether a restored database is what it says: schema, rows, epochs."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, column, func, inspect, select, table, text

from models.migrate import is_known, revision_of
from service.backup.errors import BackupError

VERSION_TABLE: Final = "alembic_version"
_LENGTH_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Manifest:
    """The kind of database and its schema, when it was read, its rows by table, and each practice's epoch."""

    database: str
    schema: str
    made_at: datetime
    rows: dict[str, int]
    epochs: dict[str, int]

    def to_bytes(self) -> bytes:
        """Return it as it stands in front of a backup's content: its length, and JSON."""
        told = json.dumps(asdict(self) | {"made_at": self.made_at.isoformat()}, sort_keys=True).encode()
        return len(told).to_bytes(_LENGTH_BYTES, "big") + told


def read_manifest(connection: Connection, made_at: datetime) -> Manifest:
    """Return what is to be said of the database as this transaction sees it.

    Raises BackupError for one that was never migrated: it is none of ours.
    """
    schema = revision_of(connection)
    if schema is None:
        raise BackupError("expected a database of this service, got one without a schema version")
    return Manifest(connection.dialect.name, schema, made_at, count_rows(connection), epochs_in(connection))


def epochs_in(connection: Connection) -> dict[str, int]:
    """Return the epoch of each practice, as far as the database has any."""
    if not inspect(connection).has_table("sync_clock"):
        return {}
    clocks = table("sync_clock", column("practice_id"), column("epoch"))
    return {practice_id: int(epoch) for practice_id, epoch in connection.execute(select(*clocks.columns))}


def count_rows(connection: Connection) -> dict[str, int]:
    """Return how many rows each table has."""
    names = sorted(set(inspect(connection).get_table_names()) - {VERSION_TABLE})
    return {name: connection.scalar(select(func.count()).select_from(table(name))) or 0 for name in names}


def holds_rows(connection: Connection) -> bool:
    """Return whether any table has a row."""
    names = set(inspect(connection).get_table_names()) - {VERSION_TABLE}
    return any(connection.scalar(select(text("1")).select_from(table(name)).limit(1)) for name in sorted(names))


def split(content: Iterator[bytes]) -> tuple[Manifest, Iterator[bytes]]:
    """Return the manifest that stands in front of a backup's content, and the rest. Raises BackupError."""
    found = bytearray()

    def read(length: int) -> bytes:
        while len(found) < length:
            part = next(content, b"")
            if not part:
                raise BackupError("expected a manifest in front of the backup, got none")
            found.extend(part)
        taken = bytes(found[:length])
        del found[:length]
        return taken

    told = json.loads(read(int.from_bytes(read(_LENGTH_BYTES), "big")))
    return _manifest_of(told), _after(bytes(found), content)


def _manifest_of(told: dict[str, Any]) -> Manifest:
    return Manifest(**told | {"made_at": datetime.fromisoformat(told["made_at"])})


def _after(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def refuse_unfit(manifest: Manifest, kind: str) -> None:
    """Raise BackupError unless the backup is of a database of this kind, with a schema that is known here."""
    if manifest.database != kind:
        raise BackupError(f"expected a backup of a {kind} database, got one of {manifest.database}")
    if not is_known(manifest.schema):
        raise BackupError(
            f"expected a backup of this version of the service or an older one, got schema {manifest.schema}"
        )


def refuse_other_content(connection: Connection, manifest: Manifest) -> None:
    """Raise BackupError unless the restored database has the schema and the rows that the manifest names."""
    schema = revision_of(connection)
    if schema != manifest.schema:
        raise BackupError(f"expected schema {manifest.schema} as the backup says, got {schema or 'none'}")
    rows = count_rows(connection)
    for name in sorted(rows.keys() | manifest.rows.keys()):
        if rows.get(name) != manifest.rows.get(name):
            raise BackupError(
                f"expected {manifest.rows.get(name, 'no table')} rows in {name} as the backup says, "
                f"got {rows.get(name, 'no table')}"
            )
    if epochs_in(connection) != manifest.epochs:
        raise BackupError("expected the epochs that the backup names, got others")
