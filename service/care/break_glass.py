"""Use cases: somebody opens a patient outside of their caseload for a while, says why, and is reviewed afterwards.

The patient is named by number and date of birth, as one names somebody whom one has in front of oneself or on the
telephone: there is no looking through those whom one may not see.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Decision, Delivery, EmergencyAccess, Patient, Staff
from models.caseload import EmergencyReason, admit, whole_practice
from models.ids import new_id
from models.reminder import OPEN_STATES, DecisionKind, DeliveryState
from schedules.planning.notices import give_notice
from service.errors import ConflictError, Fault, NotFoundError
from service.identity.principal import Principal

LONGEST_NOTE: Final = 500


class AccessState(StrEnum):
    """Whether somebody has reviewed an access."""

    open = "open"
    reviewed = "reviewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whom somebody wants to open, and why."""

    mrn: str
    date_of_birth: date
    reason: EmergencyReason
    note: str


@dataclass(frozen=True, slots=True)
class Notice:
    """How the e-mail to one admin about an access stands. `reason`: why it waits, or did not go out."""

    staff_id: str
    name: str
    state: DeliveryState
    reason: str | None
    finished_at: datetime | None

    @property
    def waits(self) -> bool:
        """Return whether it is still to go out."""
        return self.state in OPEN_STATES


@dataclass(frozen=True, slots=True)
class Opened:
    """An access as it is reviewed: with the name of whose it was, and who was told."""

    access: EmergencyAccess
    name: str
    notices: Sequence[Notice] = ()


def break_glass(
    session: Session, caller: Principal, wanted: Wanted, *, life: timedelta, now: datetime
) -> EmergencyAccess:
    """Open a patient for the caller, and have the clinic's admins told.

    Raises NotFoundError, and ConflictError for one whom they see already.
    """
    if not caller.own_caseload_only:
        raise ConflictError(Fault("", "somebody who sees their own caseload alone", "somebody who sees every patient"))
    named = select(Patient.id).where(
        Patient.practice_id == caller.practice_id,
        Patient.mrn == wanted.mrn,
        Patient.date_of_birth == wanted.date_of_birth,
        Patient.deleted.is_(False),
    )
    seen = session.scalar(named)
    with whole_practice(session):
        patient_id = session.scalar(named)
    if patient_id is None:
        raise NotFoundError
    if seen is not None:
        raise ConflictError(Fault("/mrn", "a patient outside of your caseload", "one whom you see already"))
    row = EmergencyAccess(practice_id=caller.practice_id, id=new_id(now), patient_id=patient_id, reason=wanted.reason)
    session.add(row)
    row.staff_id, row.opened_at, row.expires_at = caller.actor_id, now, now + life
    row.note = wanted.note
    admit(session, patient_id)
    give_notice(session, row, now)
    return row


def list_opened(
    session: Session, practice_id: str, state: AccessState, *, after: str | None, limit: int
) -> Sequence[Opened]:
    """Return up to `limit` accesses, the latest first, from the one after the id `after` on."""
    is_open = EmergencyAccess.reviewed_at.is_(None)
    query = (
        select(EmergencyAccess, Staff.display_name)
        .join(Staff, (Staff.practice_id == EmergencyAccess.practice_id) & (Staff.id == EmergencyAccess.staff_id))
        .where(EmergencyAccess.practice_id == practice_id, is_open if state is AccessState.open else ~is_open)
    )
    if after is not None:
        query = query.where(EmergencyAccess.id < after)
    rows = session.execute(query.order_by(EmergencyAccess.id.desc()).limit(limit)).all()
    notices = _list_notices(session, practice_id, [row[0].id for row in rows])
    return [Opened(*row, notices.get(row[0].id, ())) for row in rows]


def count_unreviewed(session: Session, practice_id: str) -> int:
    """Return how many accesses nobody has reviewed."""
    query = select(func.count()).where(
        EmergencyAccess.practice_id == practice_id, EmergencyAccess.reviewed_at.is_(None)
    )
    return session.execute(query).scalar_one()


def review(session: Session, caller: Principal, access_id: str, now: datetime) -> EmergencyAccess:
    """Say that an access was looked into. Who said so first stands.

    Raises NotFoundError, and ConflictError for one's own.
    """
    key = (caller.practice_id, access_id)
    row = session.get(EmergencyAccess, key, with_for_update={"key_share": True}, populate_existing=True)
    if row is None:
        raise NotFoundError
    if row.staff_id == caller.actor_id:
        raise ConflictError(Fault("", "somebody else's access", "your own"))
    if row.reviewed_at is None:
        row.reviewed_at, row.reviewed_by = now, caller.actor_id
    return row


def _list_notices(session: Session, practice_id: str, access_ids: Sequence[str]) -> dict[str, list[Notice]]:
    """Return the notices of each access by the admin's name. Two queries, whatever their number."""
    passed_over = select(Decision.access_id, Decision.generation, Decision.reason).where(
        Decision.practice_id == practice_id,
        Decision.access_id.in_(access_ids),
        Decision.kind == DecisionKind.passed_over,
    )
    whys = {(access_id, number): reason for access_id, number, reason in session.execute(passed_over)}
    query = (
        select(Delivery, Staff.display_name)
        .join(Staff, (Staff.practice_id == Delivery.practice_id) & (Staff.id == Delivery.staff_id))
        .where(Delivery.practice_id == practice_id, Delivery.access_id.in_(access_ids))
    )
    # Of a notice that went on to another address the last step counts.
    last = {
        (row.access_id, row.generation): (row, name) for row, name in session.execute(query.order_by(Delivery.step))
    }
    found: dict[str, list[Notice]] = {}
    for key, (row, name) in sorted(last.items(), key=lambda each: (each[1][1], each[0])):
        reason = whys.get(key, row.reason) if row.state is DeliveryState.suppressed else row.reason
        notice = Notice(row.staff_id or "", name, row.state, reason, row.finished_at)
        found.setdefault(row.access_id or "", []).append(notice)
    return found
