"""Use cases: the clinic's rota. Who is on call is said in wall times of its zone; phones hear of it at once."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import OnCallShift, Practice, Staff
from schedules.plan.errors import PlanError
from schedules.plan.on_call import WallSpan
from schedules.plan.vocabulary import OnCallPlace
from schedules.planning.on_call import load_rota, write_on_call
from service.care.lists import rows_after
from service.care.monitoring import Monitoring
from service.care.reach import refuse_who_treats_nobody
from service.errors import Fault, InvalidError, NotFoundError

_PLACE = (OnCallShift.from_on, OnCallShift.from_at, OnCallShift.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftRecord:
    """One person's time on call and place in the chain, from a wall time up to, not including, another."""

    staff_id: str
    place: OnCallPlace
    from_on: date
    from_at: time
    until_on: date
    until_at: time


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is on call at an instant, by place, and until when somebody is without a gap.

    `monitored_until` None: nobody is, or no worker runs that would tell them.
    """

    on_call: Mapping[OnCallPlace, Sequence[str]]
    monitored_until: datetime | None


def who_watches(session: Session, practice: Practice, now: datetime, monitoring: Monitoring) -> Watch:
    """Return who is on call at `now`: of those with a shift, whoever can be told of an alert."""
    return Watch(load_rota(session, practice, now).on_call, monitoring.until(session, practice, now))


def list_shifts(
    session: Session, practice: Practice, *, since: date | None, now: datetime, after: str | None, limit: int
) -> Sequence[OnCallShift]:
    """Return up to `limit` shifts that end on `since` or later (default: today), by their beginning."""
    first = since or now.astimezone(ZoneInfo(practice.time_zone)).date()
    query = select(OnCallShift).where(OnCallShift.practice_id == practice.id, OnCallShift.until_on >= first)
    return rows_after(session, query, _PLACE, practice_id=practice.id, after=after, limit=limit)


def put_shift(
    session: Session,
    practice_id: str,
    shift_id: str,
    record: ShiftRecord,
    *,
    require_tag: Callable[[str], None],
) -> tuple[OnCallShift, bool]:
    """Store a shift under the client's id. Return the row, and whether it is new.

    Raises NotFoundError for somebody who is none of the staff, InvalidError for who treats nobody and for a span that
    cannot be, and what `require_tag` raises for a change of the shift as it stands.
    """
    _lock(session, practice_id)
    _refuse_impossible(record)
    person = session.get(Staff, (practice_id, record.staff_id))
    if person is None or person.disabled_at is not None:
        raise NotFoundError(Fault("/staff_id", "a member of the practice's staff", "an unknown id"))
    refuse_who_treats_nobody(session, practice_id, record.staff_id, "/staff_id")
    row = session.get(OnCallShift, (practice_id, shift_id))
    is_new = row is None
    if row is None:
        row = OnCallShift(practice_id=practice_id, id=shift_id)
        session.add(row)
    elif record_of(row) != record:
        require_tag(tag_of(row))
    for name, value in asdict(record).items():
        setattr(row, name, value)
    return row, is_new


def remove_shift(session: Session, practice_id: str, shift_id: str) -> OnCallShift:
    """Remove a shift and return what it was. Alerts call whom the rota names when they call. Raises NotFoundError."""
    _lock(session, practice_id)
    row = session.get(OnCallShift, (practice_id, shift_id))
    if row is None:
        raise NotFoundError
    session.delete(row)
    return row


def tell_phones(session: Session, practice_id: str, now: datetime, monitoring: Monitoring) -> None:
    """Bring what the phones' card says of who watches to how it stands, once what was changed is flushed."""
    practice = _lock(session, practice_id)
    write_on_call(session, practice, now, is_working=monitoring.is_working(session))


def record_of(row: OnCallShift) -> ShiftRecord:
    """Return a stored shift as it was given."""
    return ShiftRecord(
        staff_id=row.staff_id,
        place=row.place,
        from_on=row.from_on,
        from_at=row.from_at,
        until_on=row.until_on,
        until_at=row.until_at,
    )


def tag_of(row: OnCallShift) -> str:
    """Return what a change of the shift names: a digest of it."""
    return hashlib.sha256(orjson.dumps(asdict(record_of(row)), option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _lock(session: Session, practice_id: str) -> Practice:
    """Return the practice, locked to the commit: of two who change the rota the second sees what the first did."""
    return session.get_one(Practice, practice_id, with_for_update={"key_share": True}, populate_existing=True)


def _refuse_impossible(record: ShiftRecord) -> None:
    try:
        WallSpan(from_on=record.from_on, from_at=record.from_at, until_on=record.until_on, until_at=record.until_at)
    except PlanError as error:
        raise InvalidError(Fault("/until_on", error.expected, error.got)) from None
