"""Who of a clinic's staff is on call and can be told, and what the phones' card says of it.

On call is who has a shift, is not disabled, and has an address: a person whom nothing reaches watches over nobody.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from models.alert import OnCallShift, StaffAddress
from models.people import Staff, StaffRole
from models.practice import Practice
from models.safety import SafetyCard
from schedules.plan.escalation import Rota
from schedules.plan.on_call import LONGEST_SHIFT_DAYS, Shift, WallSpan, covered_until, on_call_at
from schedules.planning.rows import find

_ONE_DAY = timedelta(days=1)
# A phone that hears nothing from us for longer says "not monitored": the rota may have changed since. The card is
# written anew once half of it has passed, so that this costs two revisions a day.
CARD_HOLDS_FOR = timedelta(hours=24)
_CARD_RENEWED_BELOW = CARD_HOLDS_FOR / 2


def load_rota(session: Session, practice: Practice, now: datetime) -> Rota:
    """Return who can be called at `now`."""
    admins = select(Staff.id).where(
        Staff.practice_id == practice.id, Staff.role == StaffRole.practice_admin, *_can_be_told()
    )
    return Rota(on_call_at(load_shifts(session, practice, now), now), tuple(session.scalars(admins.order_by(Staff.id))))


def load_shifts(session: Session, practice: Practice, now: datetime) -> list[Shift]:
    """Return the shifts of those who can be told that are not over at `now`, in instants."""
    zone = ZoneInfo(practice.time_zone)
    # A day on either side: which day it is depends on the zone.
    query = (
        select(OnCallShift)
        .join(Staff, and_(Staff.practice_id == OnCallShift.practice_id, Staff.id == OnCallShift.staff_id))
        .where(OnCallShift.practice_id == practice.id, OnCallShift.until_on >= (now - _ONE_DAY).date(), *_can_be_told())
        .where(OnCallShift.from_on <= (now + timedelta(days=LONGEST_SHIFT_DAYS)).date())
    )
    return [shift_of(row, zone) for row in session.scalars(query)]


def is_on_call(session: Session, practice: Practice, staff_id: str, now: datetime) -> bool:
    """Return whether somebody has a shift at `now`, whether or not anything reaches them."""
    mine = select(OnCallShift).where(
        OnCallShift.practice_id == practice.id,
        OnCallShift.staff_id == staff_id,
        OnCallShift.until_on >= (now - _ONE_DAY).date(),
    )
    zone = ZoneInfo(practice.time_zone)
    return any(shift_of(row, zone).covers(now) for row in session.scalars(mine))


def shift_of(row: OnCallShift, zone: ZoneInfo) -> Shift:
    """Return a stored shift in instants."""
    span = WallSpan(from_on=row.from_on, from_at=row.from_at, until_on=row.until_on, until_at=row.until_at)
    return Shift(row.staff_id, row.place, *span.instants(zone))


def monitored_until(session: Session, practice: Practice, now: datetime) -> datetime | None:
    """Return until when somebody is on call from `now` on without a gap; None: nobody is."""
    return covered_until(load_shifts(session, practice, now), now)


def is_on_call_current(session: Session, practice: Practice, now: datetime) -> bool:
    """Return whether a clinic's card says who watches as it stands. Writes nothing."""
    card = find(session, SafetyCard, practice.id, practice.id)
    return card is None or _is_current(card, monitored_until(session, practice, now), now)


def write_on_call(session: Session, practice: Practice, now: datetime, *, is_working: bool = True) -> bool:
    """Bring what a clinic's card says of who watches to how it stands. Return whether it was not that.

    `is_working`: a worker runs that would tell whoever is on call; else the card says that nobody watches, until one is
    back. Whoever may write at the same time has locked the practice's row.
    """
    card = find(session, SafetyCard, practice.id, practice.id)
    until = monitored_until(session, practice, now) if is_working else None
    if card is None or _is_current(card, until, now):
        return False
    card.monitored_until = _told(until, now)
    return True


def _is_current(card: SafetyCard, until: datetime | None, now: datetime) -> bool:
    told = card.monitored_until
    if told is None or told <= now:
        return until is None or until <= now
    if until is None or told > until:
        return False
    return told == until or told - now >= _CARD_RENEWED_BELOW


def _told(until: datetime | None, now: datetime) -> datetime | None:
    return None if until is None else min(until, now + CARD_HOLDS_FOR)


def _can_be_told() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    has_address = exists().where(
        StaffAddress.practice_id == Staff.practice_id,
        StaffAddress.staff_id == Staff.id,
        StaffAddress.disabled_at.is_(None),
    )
    signs_in_by_mail = and_(Staff.email_sealed.is_not(None), Staff.email_dead_at.is_(None))
    return Staff.disabled_at.is_(None), or_(has_address, signs_in_by_mail)
