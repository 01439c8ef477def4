"""Finds rows of the session's transaction, those that are not flushed yet included.

Use cases do not flush: the revision clock is taken last, at the commit.
"""

from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import Tenant

Row = TypeVar("Row", bound=Tenant)


def find(session: Session, model: type[Row], practice_id: str, row_id: str, *, lock: bool = False) -> Row | None:
    """Return a tenant's row by its id, or None. `lock` keeps others from changing it until the commit."""
    for row in session.new:
        if isinstance(row, model) and (row.practice_id, row.id) == (practice_id, row_id):
            return row
    return session.get(model, (practice_id, row_id), with_for_update={"key_share": True} if lock else None)


def find_all(session: Session, model: type[Row], practice_id: str, *, lock: bool = False, **equal: str) -> list[Row]:
    """Return a tenant's rows whose columns equal the words given, ordered by id; `lock` as in `find`.

    They are sorted here: for an order SQLite would walk through all that the practice has, as ids come in order there.
    """
    query = select(model).filter_by(practice_id=practice_id, **equal)
    if lock:
        _forget_unchanged(session, model)
        if session.get_bind().dialect.name == "postgresql":  # all who lock do so in one order; SQLite has one writer
            query = query.order_by(model.id).with_for_update()
    stored = session.scalars(query).all()
    wanted = {"practice_id": practice_id, **equal}
    added = [
        row
        for row in session.new
        if isinstance(row, model) and all(getattr(row, column) == value for column, value in wanted.items())
    ]
    return sorted([*stored, *added], key=lambda row: row.id)


def _forget_unchanged(session: Session, model: type[Row]) -> None:
    """Let a locking query bring what it locks: what was read before the lock may have changed since."""
    for row in list(session.identity_map.values()):
        if isinstance(row, model) and not session.is_modified(row):
            session.expire(row)
