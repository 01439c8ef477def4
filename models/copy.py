"""Copies a SQLite clinic to an empty PostgreSQL database, row for row, and proves that all of it arrived.

Sealed values are copied as they are: the same key opens them there. Revisions and epochs are copied too, so devices go
on from where they stand.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, func, insert, inspect, select

from models.base import Base, table_of
from models.engine import make_engine
from models.migrate import is_current, upgrade
from models.panel import Panel
from models.reminder import Delivery, DeliveryState
from models.row_security import unforced

BATCH_ROWS = 1_000
LEASE_ENDED_AT = datetime(1970, 1, 1, tzinfo=UTC)
_CHECKSUM_MODULUS = 1 << 256
_VERSION_TABLE = "alembic_version"


class CopyError(Exception):
    """The copy was refused or undone. Says what was expected and what came; the target holds no copied row."""


@dataclass(frozen=True, slots=True)
class TableCopy:
    """What was copied of one table. The checksum is the same on both sides and does not depend on the order of rows."""

    table: str
    rows: int
    checksum: str


def copy_database(source_url: str, target_url: str) -> tuple[TableCopy, ...]:
    """Copy every row of the SQLite database at `source_url` to the PostgreSQL database at `target_url`.

    The target is migrated first, as the role of its URL, which then owns the tables. Rows travel in one transaction.
    The source takes no other writes meanwhile. Raises CopyError if the source is not current, the target is not empty,
    or a table did not arrive whole.
    """
    source = make_engine(source_url)
    target = make_engine(target_url, unhurried=True)
    try:
        _check_kinds(source, target)
        with source.connect() as reading:
            _check_source(reading)
            with target.connect() as connection, unforced(connection):
                _check_empty(connection)
            upgrade(target_url)
            with target.begin() as writing, unforced(writing):
                return tuple(_copy_table(table, reading, writing) for table in _tables())
    finally:
        source.dispose()
        target.dispose()


def _check_kinds(source: Engine, target: Engine) -> None:
    if source.dialect.name != "sqlite":
        raise CopyError(f"expected a SQLite database to copy from, got {source.dialect.name}")
    if target.dialect.name != "postgresql":
        raise CopyError(f"expected a PostgreSQL database to copy to, got {target.dialect.name}")


def _check_source(reading: Connection) -> None:
    if not is_current(reading):
        raise CopyError("expected a database of the newest schema to copy from, got an older one: migrate it first")


def _check_empty(connection: Connection) -> None:
    ours = Base.metadata.tables
    stored = set(inspect(connection).get_table_names()) - {_VERSION_TABLE}
    strange = sorted(stored - set(ours))
    if strange:
        raise CopyError(f"expected an empty database to copy to, got the tables {', '.join(strange)}")
    filled = [name for name in sorted(stored) if _count(connection, ours[name])]
    if filled:
        raise CopyError(f"expected an empty database to copy to, got rows in {', '.join(filled)}")


def _tables() -> list[Table]:
    """Return the tables in the order of copying: panels last, since arriving episodes make some by themselves."""
    panel = table_of(Panel)
    return [*(table for table in Base.metadata.sorted_tables if table is not panel), panel]


def _copy_table(table: Table, reading: Connection, writing: Connection) -> TableCopy:
    rows, checksum = 0, 0
    if table is table_of(Panel):
        writing.execute(delete(table))
    for batch in _batches(reading, table):
        writing.execute(insert(table), batch)
        rows += len(batch)
        checksum += sum(map(_row_checksum, batch))
    arrived = _count(writing, table)
    if arrived != rows:
        raise CopyError(f"expected {rows} rows in {table.name}, got {arrived}")
    there = sum(_row_checksum(row) for batch in _read(writing, table) for row in batch)
    if (there - checksum) % _CHECKSUM_MODULUS:
        raise CopyError(f"expected the rows of {table.name} to arrive unchanged, got another checksum")
    return TableCopy(table.name, rows, f"{checksum % _CHECKSUM_MODULUS:064x}")


def _batches(reading: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    """Yield the source's rows as they are to stand in the target."""
    for batch in _read(reading, table):
        yield [_with_ended_lease(row) for row in batch] if table is Delivery.__table__ else batch


def _read(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    result = connection.execute(select(table), execution_options={"yield_per": BATCH_ROWS})
    for part in result.mappings().partitions(BATCH_ROWS):
        yield [dict(row) for row in part]


def _with_ended_lease(row: dict[str, Any]) -> dict[str, Any]:
    """Return a delivery whose lease, counted by the old machine's clock, has run out by the new database's.

    A worker there claims it as after another worker's death: an attempt without an outcome stays to be accounted for.
    """
    held = row["state"] in (DeliveryState.leased, DeliveryState.sending)
    return row | {"lease_until": LEASE_ENDED_AT if held else None, "lease_until_ms": None, "lease_boot": None}


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _row_checksum(row: dict[str, Any]) -> int:
    told = json.dumps(row, sort_keys=True, default=_plain)
    return int.from_bytes(hashlib.sha256(told.encode()).digest())


def _plain(value: object) -> object:
    """Return a column's value as JSON can tell it: instants are in UTC on both sides."""
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
