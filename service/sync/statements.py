"""The statements that read what changed, built once for each collection, schema version and kind of caller.

Every row they answer begins with the revision at which it came to be so for the caller, whether it is gone, whose it
is, and its id; the columns of the schema version follow.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Join,
    Select,
    Table,
    and_,
    bindparam,
    case,
    exists,
    literal_column,
    null,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from models import Panel
from models.base import table_of
from models.prepared import Prepared
from service.sync.collections import Collection, served

EFFECTIVE, GONE, PATIENT, ID, FIRST_COLUMN = range(5)
Query = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]
_PANEL: Final = table_of(Panel)
_SINCE: Final[BindParameter[int]] = bindparam("since")
_TOP: Final[BindParameter[int]] = bindparam("top")


class _InThisOrder(Join):
    """A join whose first table is read first: a panel, then what changed of each of its patients.

    SQLite would rather look through all that changed in the practice, by revision, and then ask whose each row is.
    """

    inherit_cache = True


@compiles(_InThisOrder, "sqlite")
def _join_in_this_order(join: _InThisOrder, compiler: SQLCompiler, **options: Any) -> str:
    """Return the join as SQLite has it that keeps the order."""
    text = compiler.visit_join(join, **options)  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    return str(text).replace(" JOIN ", " CROSS JOIN ", 1)


@lru_cache(maxsize=64)
def probe(version: int, kind: str, is_first: bool) -> Prepared:  # noqa: FBT001 - a cache's key
    """Return one row of truth values: for each collection, whether it has a change."""
    found = (_any_of(each, version, kind, is_first=is_first) for each in served(version))
    return Prepared(select(*(column.label(f"c{place}") for place, column in enumerate(found))))


@lru_cache(maxsize=512)
def all_of(collection: Collection, version: int, kind: str, is_first: bool) -> Prepared:  # noqa: FBT001 - a cache's key
    """Return what reads every change over `since`."""
    return Prepared(_together(_parts(collection, version, kind, is_first=is_first, is_paged=False)))


@lru_cache(maxsize=512)
def page_of(collection: Collection, version: int, kind: str, is_first: bool) -> Prepared:  # noqa: FBT001 - a cache's key
    """Return what reads up to `limit` changes after the row `after_id` of revision `since`."""
    parts = _parts(collection, version, kind, is_first=is_first, is_paged=True)
    return Prepared(_together(parts).limit(bindparam("limit")))


@lru_cache(maxsize=512)
def of_ids(collection: Collection, version: int, kind: str) -> Query:
    """Return what reads the rows of these `ids`, as far as the caller sees them."""
    table = collection.table
    query = _select(collection, version, table.c.rev, table.c.deleted)
    query = query.where(
        table.c.practice_id == bindparam("practice_id"), table.c.id.in_(bindparam("ids", expanding=True))
    )
    whose = collection.of_patient
    if whose is None:
        return query
    if kind == "patient":
        return query.where(whose == bindparam("who"))
    on_panel = select(_PANEL.c.patient_id).where(*_panel_of_caller(), _PANEL.c.active)
    return query.where(whose.in_(on_panel))


def _any_of(collection: Collection, version: int, kind: str, *, is_first: bool) -> ColumnElement[bool]:
    """Return whether there is any change: no column is read, and no order made."""
    parts = _parts(collection, version, kind, is_first=is_first, is_paged=False)
    return or_(*(exists(part.with_only_columns(literal_column("1"))) for part in parts))


def _together(parts: Sequence[Select[*tuple[Any, ...]]]) -> Query:
    whole: Query = parts[0] if len(parts) == 1 else union_all(*parts)
    return whole.order_by("effective", "id")


def _parts(
    collection: Collection, version: int, kind: str, *, is_first: bool, is_paged: bool
) -> tuple[Select[*tuple[Any, ...]], ...]:
    table, whose = collection.table, collection.of_patient
    if kind == "patient" or whose is None:
        query = _select(collection, version, table.c.rev, table.c.deleted)
        query = query.where(table.c.practice_id == bindparam("practice_id"), *_follows(table.c.rev, table, is_paged))
        query = query if whose is None else query.where(whose == bindparam("who"))
        return (query.where(table.c.deleted.is_(False)) if is_first else query,)
    parts = (_stayed(collection, version, is_paged), _joined(collection, version, is_paged))
    return parts if is_first else (*parts, _left(collection, version, is_paged))


def _stayed(collection: Collection, version: int, is_paged: bool) -> Select[*tuple[Any, ...]]:  # noqa: FBT001 - passed on
    """Rows that changed of patients who were on the panel at the caller's place already."""
    table = collection.table
    joined_before = _PANEL.c.changed_rev < _SINCE if is_paged else _PANEL.c.changed_rev <= _SINCE
    query = _of_panel(collection, _select(collection, version, table.c.rev, table.c.deleted))
    return query.where(_PANEL.c.active, joined_before, *_follows(_revision_of(collection), table, is_paged))


def _joined(collection: Collection, version: int, is_paged: bool) -> Select[*tuple[Any, ...]]:  # noqa: FBT001 - passed on
    """All rows of patients who have joined the panel since."""
    table = collection.table
    joined_after = _PANEL.c.changed_rev >= _SINCE if is_paged else _PANEL.c.changed_rev > _SINCE
    later = case((table.c.rev > _PANEL.c.changed_rev, table.c.rev), else_=_PANEL.c.changed_rev)
    query = _of_panel(collection, _select(collection, version, later, table.c.deleted))
    return query.where(
        _PANEL.c.active, joined_after, *_follows(later, table, is_paged), _revision_of(collection) <= _TOP
    )


def _left(collection: Collection, version: int, is_paged: bool) -> Select[*tuple[Any, ...]]:  # noqa: FBT001 - passed on
    """The ids of all rows of patients who have left the panel since: their content is not even read."""
    table = collection.table
    empty = [null().label(column.name) for column in collection.columns_of(version)]
    told = _PANEL.c.changed_rev.label("effective"), true().label("gone"), _PANEL.c.patient_id, table.c.id
    query = _of_panel(collection, select(*told, *empty))
    return query.where(_PANEL.c.active.is_(False), *_follows(_PANEL.c.changed_rev, table, is_paged))


def _revision_of(collection: Collection) -> ColumnElement[Any]:
    """Return the revision of a panel's row. A patient's own row is found by its id, which no index has before it."""
    # Not the bare column: SQLite would read the index of the practice's revisions, which covers what a probe asks.
    return collection.table.c.rev + 0 if collection.of_patient is collection.table.c.id else collection.table.c.rev


def _select(
    collection: Collection, version: int, effective: ColumnElement[Any], gone: ColumnElement[Any]
) -> Select[*tuple[Any, ...]]:
    whose = collection.of_patient
    patient: ColumnElement[Any] = null() if whose is None else whose
    told = effective.label("effective"), gone.label("gone"), patient.label("whose"), collection.table.c.id
    return select(*told, *(column.stored.label(f"w_{column.name}") for column in collection.columns_of(version)))


def _of_panel(collection: Collection, query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    table, whose = collection.table, collection.of_patient
    assert whose is not None  # noqa: S101 - rows of everybody are on no panel
    is_theirs = and_(_PANEL.c.practice_id == table.c.practice_id, _PANEL.c.patient_id == whose)
    return query.select_from(_InThisOrder(_PANEL, table, is_theirs)).where(*_panel_of_caller())


def _panel_of_caller() -> tuple[ColumnElement[bool], ...]:
    return _PANEL.c.practice_id == bindparam("practice_id"), _PANEL.c.staff_id == bindparam("who")


def _follows(effective: ColumnElement[Any], table: Table, is_paged: bool) -> tuple[ColumnElement[bool], ...]:  # noqa: FBT001
    if is_paged:
        return tuple_(effective, table.c.id) > tuple_(_SINCE, bindparam("after_id")), effective <= _TOP
    return effective > _SINCE, effective <= _TOP
