"""Inserts many new rows at the commit, without an object for each: a plan has some 150.

They take the transaction's revision, after everything else is flushed, so that the clock stays the last lock. Until
then nobody sees them, not even the session that adds them.
"""

from typing import Any, cast

from sqlalchemy import event
from sqlalchemy.orm import Session

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


@event.listens_for(Session, "before_commit")
def _insert_waiting(session: Session) -> None:
    waiting = cast("_Rows | None", session.info.pop(_WAITING, None))
    if not waiting:
        return
    session.flush()
    for model, rows in waiting.items():
        if issubclass(model, Synced):
            for row in rows:
                row["rev"] = stamp(session, row["practice_id"])
        insert_rows(session.connection(), table_of(model), rows)


@event.listens_for(Session, "after_soft_rollback")
def _forget_waiting(session: Session, _previous: object) -> None:
    session.info.pop(_WAITING, None)
