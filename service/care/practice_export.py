"""Use case: a practice's rows, table by table, for its own evaluation. One page of rows is in memory at a time.

Which tables there are follows from `service.care.holdings`: what an export of a patient has, by patient. Private
columns come only where they are asked for; hashes, keys and book-keeping of synchronisation never do.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Boolean, Column, Date, Integer, LargeBinary, RowMapping, Table, select
from sqlalchemy.orm import Session

from models.base import Base, UtcDateTime
from models.private import Sealed, keys_of
from service.care.holdings import HOLDINGS, Found
from service.care.parquet import CellType
from service.care.resealing import sealed_models
from service.care.safe_csv import Cell

ROWS_AT_ONCE: Final = 1000
_NOT_TOLD: Final = frozenset({"practice_id", "rev", "deleted"})
_TOO_LARGE: Final = frozenset({"letter.pdf"})  # a whole document in a cell: it is read as itself
_TYPES: Final[Mapping[type[Any], CellType]] = {
    Boolean: CellType.truth,
    Integer: CellType.whole,
    Date: CellType.day,
    UtcDateTime: CellType.instant,
}


@dataclass(frozen=True, slots=True)
class ExportTable:
    """One table: the names of its columns in order, and its rows page by page."""

    table: Table
    with_private: bool

    @property
    def header(self) -> list[str]:
        """Return the names of the columns: the plain ones, then the private ones."""
        return [column.name for column in self._plain] + [each.removesuffix("_sealed") for each in self._private]

    @property
    def cell_types(self) -> list[CellType]:
        """Return of what type the cells of each column are: text, where nothing else is said."""
        plain = [
            next((told for kind, told in _TYPES.items() if isinstance(column.type, kind)), CellType.text)
            for column in self._plain
        ]
        return plain + [CellType.text] * len(self._private)

    def pages(self, session: Session, practice_id: str) -> Iterator[list[list[Cell]]]:
        """Yield the practice's rows by id, without tombstones, so many at a time."""
        columns = self.table.c
        query = select(self.table).where(columns.practice_id == practice_id).order_by(columns.id).limit(ROWS_AT_ONCE)
        if "deleted" in columns:
            query = query.where(~columns.deleted)
        last = ""
        while rows := session.connection().execute(query.where(columns.id > last)).mappings().all():
            yield self._told(session, practice_id, rows)
            last = rows[-1]["id"]

    def patient_ids(self, session: Session, practice_id: str) -> set[str]:
        """Return the patients whom the rows are about."""
        columns = self.table.c
        whose = columns.id if self.table.name == "patient" else columns.patient_id
        query = select(whose).where(columns.practice_id == practice_id).distinct()
        query = query.where(~columns.deleted) if "deleted" in columns else query
        return {each for each in session.connection().scalars(query) if each is not None}

    @property
    def _plain(self) -> list[Column[Any]]:
        return [
            each for each in self.table.columns if each.name not in _NOT_TOLD and not isinstance(each.type, LargeBinary)
        ]

    @property
    def _private(self) -> Mapping[str, Sealed]:
        return _sealed_columns()[self.table.name] if self.with_private else {}

    def _told(self, session: Session, practice_id: str, rows: Sequence[RowMapping]) -> list[list[Cell]]:
        plain, private = self._plain, self._private
        keys = keys_of(session, practice_id, (row[name] for row in rows for name in private))
        return [
            [_cell(row[column.name]) for column in plain]
            + [
                each.opened(row[name], keys, practice_id=practice_id, row_id=row["id"])
                for name, each in private.items()
            ]
            for row in rows
        ]


@lru_cache(maxsize=1)
def exportable() -> Mapping[str, Table]:
    """Return the tables that a practice can export, by name."""
    return {
        name: Base.metadata.tables[name]
        for name, holding in sorted(HOLDINGS.items())
        if holding.not_exported is None and holding.found is Found.by_patient
    }


@lru_cache(maxsize=1)
def _sealed_columns() -> Mapping[str, Mapping[str, Sealed]]:
    """Return the private columns of each exportable table by the column that holds them."""
    found: dict[str, dict[str, Sealed]] = {name: {} for name in exportable()}
    for model, columns in sealed_models().items():
        for each in columns:
            name = str(model.__tablename__)
            if name in found and f"{name}.{each.column.removesuffix('_sealed')}" not in _TOO_LARGE:
                found[name][each.column] = each
    return found


def _cell(value: Any) -> Cell:
    """Return a column's value as one cell: words as they are stored, lists and objects as JSON, instants in UTC."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, time):
        return value.isoformat()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value  # type: ignore[no-any-return]  # text, a number, a day, a truth value or nothing
