"""Use cases of whoever keeps the keys: data keys under a new master key, and old values under data keys.

Each works on one batch in the caller's transaction. What is left to do shows in the rows themselves, so that whoever
was stopped begins again where he was; a value that somebody changes meanwhile is left as that one wrote it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    LargeBinary,
    Table,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from models import DataKey, Patient, Practice
from models.base import Base, Synced, table_of
from models.data_keys import present_master, rewrap
from models.private import UNDER_DATA_KEY, UNDER_MASTER, Keys, Sealed, SealError, make_data_key
from models.sync import stamp

Place = tuple[str, str]  # practice and row
START: Final[Place] = ("", "")


@dataclass(frozen=True, slots=True)
class Batch:
    """What one batch did: how many rows it `changed`, how many hold a value that does not open, and where it ended."""

    changed: int
    unreadable: int
    last: Place | None  # None: there is no more


@cache
def sealed_models() -> Mapping[type[Base], tuple[Sealed, ...]]:
    """Return the models that have private columns, with these, by the name of their table."""
    found: dict[type[Base], tuple[Sealed, ...]] = {}
    for mapper in sorted(Base.registry.mappers, key=lambda each: str(each.local_table)):
        columns = tuple(value for value in vars(mapper.class_).values() if isinstance(value, Sealed))
        if columns:
            found[mapper.class_] = columns
    return MappingProxyType(found)


def rewrap_batch(session: Session, most: int) -> int:
    """Wrap up to `most` data keys with the present master key. Return how many.

    Raises SealError if the one that wrapped a key is not given.
    """
    query = select(DataKey).where(DataKey.wrapped_by != present_master()).order_by(DataKey.practice_id, DataKey.id)
    rows = session.scalars(query.limit(most).with_for_update()).all()
    for row in rows:
        rewrap(row)
    return len(rows)


def count_by_master(session: Session) -> dict[str, int]:
    """Return how many data keys each master key wraps, by its name."""
    query = select(DataKey.wrapped_by, func.count()).group_by(DataKey.wrapped_by)
    return {row.wrapped_by: row[1] for row in session.execute(query.order_by(DataKey.wrapped_by))}


def make_keys(session: Session, most: int) -> int:
    """Make the keys that practices, and up to `most` patients, do not have yet. Return how many."""
    owned = exists().where(DataKey.practice_id == Practice.id, DataKey.patient_id.is_(None))
    practices = session.scalars(select(Practice.id).where(~owned).order_by(Practice.id).with_for_update()).all()
    for practice_id in practices:
        make_data_key(session, practice_id)
    has_one = exists().where(DataKey.practice_id == Patient.practice_id, DataKey.patient_id == Patient.id)
    query = select(Patient.practice_id, Patient.id).where(~has_one, Patient.deleted.is_(False))
    query = query.order_by(Patient.practice_id, Patient.id).limit(most).with_for_update(key_share=True)
    patients = session.execute(query).all()
    for practice_id, patient_id in patients:
        make_data_key(session, practice_id, patient_id)
    return len(practices) + len(patients)


def count_old(session: Session, model: type[Base]) -> int:
    """Return how many rows hold a value that is sealed under a master key itself."""
    return session.scalar(select(func.count()).select_from(model).where(_is_old(model))) or 0


def reseal_batch(session: Session, model: type[Base], after: Place, most: int) -> Batch:
    """Seal old values of up to `most` rows after `after` under the key of their patient or practice."""
    rows = _read(session, model, after, most)
    _lock_patients(session, rows)
    changed = unreadable = 0
    for row in rows:
        try:
            changed += _reseal(session, model, row)
        except SealError:
            unreadable += 1
    last = (rows[-1]["practice_id"], rows[-1]["id"]) if len(rows) == most else None
    return Batch(changed, unreadable, last)


def _read(session: Session, model: type[Base], after: Place, most: int) -> list[dict[str, Any]]:
    table = table_of(model)
    practice, owner = _practice_of(table), _owner_of(table)
    columns = [practice.label("practice_id"), table.c.id, owner.label("patient_id")]
    query = select(*columns, *(table.c[each.column] for each in sealed_models()[model]))
    query = query.where(_is_old(model), tuple_(practice, table.c.id) > tuple_(literal(after[0]), literal(after[1])))
    rows = session.connection().execute(query.order_by(practice, table.c.id).limit(most))
    return [dict(row) for row in rows.mappings()]


def _lock_patients(session: Session, rows: list[dict[str, Any]]) -> None:
    """Lock those whose rows these are, in the order in which everybody does."""
    whose = sorted({(row["practice_id"], row["patient_id"]) for row in rows if row["patient_id"] is not None})
    query = select(Patient.id).where(tuple_(Patient.practice_id, Patient.id).in_(whose))
    session.execute(query.order_by(Patient.practice_id, Patient.id).with_for_update(key_share=True)).all()


def _reseal(session: Session, model: type[Base], row: Mapping[str, Any]) -> bool:
    """Seal a row's old values anew. Return whether it was changed. Raises SealError for one that does not open."""
    table, practice_id = table_of(model), row["practice_id"]
    old = {each: row[each.column] for each in sealed_models()[model] if _is_under_master(row[each.column])}
    new: dict[str, Any] = {}
    for column, sealed in old.items():
        text = column.opened(sealed, _NO_KEYS, practice_id=practice_id, row_id=row["id"])
        whose = {"practice_id": practice_id, "patient_id": row["patient_id"], "row_id": row["id"]}
        new[column.column] = column.closed(session, text or "", **whose)
    if not all(sealed[:1] == UNDER_DATA_KEY for sealed in new.values()):
        return False  # its owner has no key: it was erased, or came in between
    # A synced row changes for nobody, but no row changes without a revision.
    revision = {"rev": stamp(session, practice_id)} if issubclass(model, Synced) else {}
    as_read = (table.c[each.column] == sealed for each, sealed in old.items())
    is_it = (_practice_of(table) == practice_id, table.c.id == row["id"], *as_read)
    done = session.connection().execute(update(table).where(*is_it).values(**new, **revision))
    return cast("CursorResult[Any]", done).rowcount == 1


_NO_KEYS: Final[Keys] = {}


def _is_under_master(sealed: bytes | None) -> bool:
    return sealed is not None and sealed[:1] == UNDER_MASTER


def _is_old(model: type[Base]) -> ColumnElement[bool]:
    table, old = table_of(model), literal(UNDER_MASTER, LargeBinary)
    return or_(*(func.substr(table.c[each.column], 1, 1) == old for each in sealed_models()[model]))


def _practice_of(table: Table) -> ColumnElement[str]:
    return table.c.id if table is table_of(Practice) else table.c.practice_id


def _owner_of(table: Table) -> ColumnElement[str | None]:
    if table is table_of(Patient):
        return table.c.id
    return table.c.patient_id if "patient_id" in table.c else literal(None)
