"""Inserts rows without an object for each: many at the commit, as a plan has some 150, or one that may be there.

Those at the commit take the transaction's revision, after everything else is flushed, so that the clock stays the last
lock. Until then nobody sees them, not even the session that adds them.
"""

from typing import Any, cast

from sqlalchemy import CursorResult, event, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from models.base import Base, Synced, table_of
from models.sets import insert_rows
from models.sync import stamp

_WAITING = "rows_to_insert"
_Rows = dict[type[Base], list[dict[str, Any]]]


def insert_at_commit(session: Session, model: type[Base], columns: dict[str, Any]) -> None:
    """Insert a new row of `model` when the session commits. Every row of a model names the same columns.

    Columns that are not named take their default; `rev` is filled in.
    """
    waiting = cast(_Rows, session.info.setdefault(_WAITING, {}))
    waiting.setdefault(model, []).append(columns)


def change_alike(session: Session) -> None:
    """Have all changed rows of a model name the same columns when they are flushed: then one statement changes them."""
    changed: dict[type[Base], list[Base]] = {}
    for row in session.dirty:
        changed.setdefault(type(row), []).append(row)
    for rows in changed.values():
        names = {name for row in rows for name in inspect(row).committed_state}
        for row in rows:
            for name in names - inspect(row).unloaded:
                flag_modified(row, name)


def insert_once(session: Session, model: type[Base], columns: dict[str, Any]) -> bool:
    """Insert a row of a table that is not synced, now, unless its key is taken. Return whether it is new.

    Who inserts the same key at once waits for the other's commit.
    """
    dialect = session.get_bind().dialect.name
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(model).values(columns)
    # Unless told to, it forgets how many rows an insert made.
    kept = statement.on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return cast("CursorResult[Any]", session.execute(kept)).rowcount == 1


def store_pending(session: Session) -> None:
    """Store what waits for the flush and for the commit, now: for a session that turns to another practice."""
    session.flush()
    waiting = cast(_Rows, session.info.pop(_WAITING, {}))
    for model, rows in waiting.items():
        if issubclass(model, Synced):
            for row in rows:
                row["rev"] = stamp(session, row["practice_id"])
        insert_rows(session.connection(), table_of(model), rows)


@event.listens_for(Session, "before_commit")
def _store_waiting(session: Session) -> None:
    if session.info.get(_WAITING):
        store_pending(session)


@event.listens_for(Session, "after_soft_rollback")
def _forget_waiting(session: Session, _previous: object) -> None:
    session.info.pop(_WAITING, None)
