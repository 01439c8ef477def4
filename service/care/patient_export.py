"""Use case: everything that is held on a patient, as one document that programs read. Nothing of anybody else is in it.

Which tables it has is declared in `service.care.holdings`. Private columns stand in it as plain text; hashes, keys and
book-keeping of synchronisation do not.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, LargeBinary, Table, select
from sqlalchemy.orm import Session

from models import Patient, Practice
from models.base import Base
from models.private import Sealed, keys_of
from service.care.access_log import Whose, list_accesses
from service.care.holdings import HOLDINGS, rows_of
from service.care.resealing import sealed_models

FORMAT: Final = "recovery-record-1"
_NOT_TOLD: Final = frozenset({"practice_id", "rev"})
_ACCESSES_AT_ONCE: Final = 500
_OF_ACCESS: Final = ("id", "happened_at", "kind", "area", "actor", "name", "role")


def export_patient(session: Session, patient: Patient, now: datetime) -> dict[str, Any]:
    """Return all that is held on a patient: a list of rows for each table, and who looked at them or changed them."""
    practice = session.get_one(Practice, patient.practice_id)
    tables = [Base.metadata.tables[name] for name, holding in HOLDINGS.items() if holding.not_exported is None]
    return {
        "format": FORMAT,
        "exported_at": now,
        "practice": {name: getattr(practice, name) for name in ("id", "name", "country", "time_zone", "phone")},
        "patient_id": patient.id,
        "tables": {str(table.name): list(_rows(session, table, patient)) for table in tables},
        "access_log": list(_accesses(session, patient)),
        "left_out": {name: told for name, holding in HOLDINGS.items() if (told := holding.not_exported) is not None},
    }


def _rows(session: Session, table: Table, patient: Patient) -> Iterator[dict[str, Any]]:
    sealed = _sealed_of(table)
    query = select(table).where(rows_of(table, patient.practice_id, patient.id)).order_by(*table.primary_key)
    rows = session.connection().execute(query).mappings().all()
    keys = keys_of(session, patient.practice_id, (row[name] for row in rows for name in sealed))
    plain = [str(column.name) for column in table.columns if _is_told(column)]
    for row in rows:
        told = {name: row[name] for name in plain}
        for name, attribute in sealed.items():
            place = {"practice_id": patient.practice_id, "row_id": row["id"]}
            told[name.removesuffix("_sealed")] = attribute.opened(row[name], keys, **place)
        yield told


def _sealed_of(table: Table) -> dict[str, Sealed]:
    """Return the private columns of a table by the column that holds them."""
    return {
        each.column: each for model, columns in sealed_models().items() if model.__table__ is table for each in columns
    }


def _is_told(column: Column[Any]) -> bool:
    return column.name not in _NOT_TOLD and not isinstance(column.type, LargeBinary)


def _accesses(session: Session, patient: Patient) -> Iterator[dict[str, Any]]:
    after: str | None = None
    while True:
        page, goes_on_after = list_accesses(
            session, patient.practice_id, patient.id, Whose.everybody, after=after, limit=_ACCESSES_AT_ONCE
        )
        yield from ({name: getattr(each, name) for name in _OF_ACCESS} for each in page)
        after = goes_on_after or (page[-1].id if len(page) == _ACCESSES_AT_ONCE else None)
        if after is None:
            return
