"""Use cases: a member of staff keeps filters of the worklist under names of their own, and one that it opens with.

Nobody else sees them. A saved view hides whom it does not name, so the worklist says beside any filter how many alerts
of the clinic nobody has in hand.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Final

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import SavedView, Staff
from service.care.checks import storable
from service.care.reach import refuse_who_treats_nobody
from service.errors import ConflictError, Fault, NotFoundError
from service.identity.principal import Principal

MOST_VIEWS: Final = 20
LONGEST_NAME: Final = 60
WHOSE: Final = "of"  # the filter that holds an id of staff; the others hold words


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRecord:
    """A view as it was given. `filters` are those of the worklist's address, without those that ask for nothing."""

    name: str
    filters: Mapping[str, str] = field(hash=False)
    is_default: bool = False


def list_views(session: Session, caller: Principal) -> Sequence[SavedView]:
    """Return the caller's views, the earliest first."""
    query = select(SavedView).filter_by(practice_id=caller.practice_id, staff_id=caller.actor_id)
    return session.scalars(query.order_by(SavedView.made_at, SavedView.id)).all()


def put_view(
    session: Session,
    caller: Principal,
    view_id: str,
    record: ViewRecord,
    *,
    require_tag: Callable[[str], None],
    now: datetime,
) -> tuple[SavedView, bool]:
    """Store a view under an id of the caller's choosing. Return the row, and whether it is new.

    Raises NotFoundError for another person's view or an unknown coordinator, ConflictError for a name that another of
    the caller's views has and for one view too many, and what `require_tag` raises for a change.
    """
    _lock_self(session, caller)
    record = replace(record, name=storable(record.name))
    row = session.get(SavedView, (caller.practice_id, view_id))
    if row is not None and row.staff_id != caller.actor_id:
        raise NotFoundError
    if row is not None and record_of(row) == record:
        return row, False
    if row is not None:
        require_tag(tag_of(row))
    refuse_who_treats_nobody(session, caller.practice_id, record.filters.get(WHOSE), "/coordinator_id")
    others = [each for each in list_views(session, caller) if each.id != view_id]
    _refuse_beside(others, record)
    if record.is_default:
        for each in others:
            each.is_default = False
        session.flush()  # the former default goes first: the database takes no second one
    is_new = row is None
    if row is None:
        row = SavedView(practice_id=caller.practice_id, id=view_id, staff_id=caller.actor_id, made_at=now)
        session.add(row)
    row.filters, row.is_default = dict(record.filters), record.is_default
    row.name = record.name
    return row, is_new


def remove_view(session: Session, caller: Principal, view_id: str) -> None:
    """Remove one of the caller's views. Raises NotFoundError."""
    row = session.get(SavedView, (caller.practice_id, view_id))
    if row is None or row.staff_id != caller.actor_id:
        raise NotFoundError
    session.delete(row)


def record_of(row: SavedView) -> ViewRecord:
    """Return a stored view as it was given."""
    return ViewRecord(name=row.name or "", filters=dict(row.filters), is_default=row.is_default)


def tag_of(row: SavedView) -> str:
    """Return what a change of the view names: a digest of it."""
    return hashlib.sha256(orjson.dumps(asdict(record_of(row)), option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _refuse_beside(others: Sequence[SavedView], record: ViewRecord) -> None:
    if any(_same(each.name or "", record.name) for each in others):
        raise ConflictError(Fault("/name", "a name that none of your views has", "one that is in use"))
    if len(others) >= MOST_VIEWS:
        raise ConflictError(Fault("", f"at most {MOST_VIEWS} views", "one more"))


def _same(one: str, other: str) -> bool:
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def _lock_self(session: Session, caller: Principal) -> None:
    """Lock the caller's own row to the commit: of two changes the second sees what the first did."""
    session.get_one(
        Staff, (caller.practice_id, caller.actor_id), with_for_update={"key_share": True}, populate_existing=True
    )
