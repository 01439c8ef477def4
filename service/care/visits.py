"""Use cases: a visit or imaging is booked, and how it ended is noted. One that took place achieves its milestone."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Milestone, Visit
from models.people import StaffRole
from models.report import VisitKind, VisitState
from service.care.enrol import clinic_today
from service.care.patients import RequireMatch
from service.care.progress import follow_reports, note_achieved, refuse_day
from service.care.reach import find_named_episode, is_stored, lock_patient, lock_row, practice_of, refuse_change
from service.errors import ConflictError, Fault, ForbiddenError, InvalidError, NotFoundError, describe
from service.identity.principal import Principal

TOOK_PLACE: Final = frozenset({VisitState.done, VisitState.seen})
_BEGUN: Final = TOOK_PLACE | {VisitState.no_show}
# A visit may begin before its time.
_EARLY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRecord:
    """An appointment. `milestone_id` is the plan's item that it is for, None beside the plan."""

    episode_id: str
    kind: VisitKind
    state: VisitState
    booked_for: datetime
    milestone_id: str | None = None
    note: str | None = None


def put_visit(
    session: Session,
    caller: Principal,
    visit_id: str,
    record: VisitRecord,
    *,
    now: datetime,
    require_match: RequireMatch,
) -> tuple[Visit, bool]:
    """Store a visit under the client's id. Return the row, and whether it is new.

    Raises NotFoundError for an episode, milestone or id that is another's, InvalidError for a state that cannot be,
    ForbiddenError for imaging that is seen by who is no clinician, and what `require_match` raises.
    """
    episode = find_named_episode(session, caller, record.episode_id)
    milestone = _milestone_of(session, caller, record)
    lock_patient(session, caller.practice_id, episode.patient_id)
    is_new = not is_stored(session, caller, Visit, visit_id)
    if is_new:
        row = Visit(practice_id=caller.practice_id, id=visit_id, patient_id=episode.patient_id)
        row.episode_id, row.kind, row.state = episode.id, record.kind, record.state
        session.add(row)
        changed = {each.name for each in fields(record)}
    else:
        row = lock_row(session, caller, Visit, visit_id)
        changed = {each.name for each in fields(record) if getattr(row, each.name) != getattr(record, each.name)}
        if changed:
            require_match(row)
        if "episode_id" in changed:
            raise refuse_change("/episode_id", "the episode of this visit, which never changes")
    if changed & {"kind", "state", "booked_for"}:
        _refuse_state(caller, record, now)
    for name in sorted(changed):
        setattr(row, name, getattr(record, name))
    if milestone is not None and record.state in TOOK_PLACE:
        _achieve(session, caller, milestone, record, now)
    return row, is_new


def list_visits(session: Session, practice_id: str, episode_id: str) -> Sequence[Visit]:
    """Return an episode's visits, the latest first."""
    query = select(Visit).filter_by(practice_id=practice_id, episode_id=episode_id, deleted=False)
    return session.scalars(query.order_by(Visit.booked_for.desc(), Visit.id)).all()


def record_of(row: Visit) -> VisitRecord:
    """Return a stored visit as it would be sent. Raises ConflictError for one without a time."""
    if row.booked_for is None:
        raise ConflictError(Fault("/booked_for", "a time", "none"))
    return VisitRecord(
        episode_id=row.episode_id,
        kind=row.kind,
        state=row.state,
        booked_for=row.booked_for,
        milestone_id=row.milestone_id,
        note=row.note,
    )


def _milestone_of(session: Session, caller: Principal, record: VisitRecord) -> Milestone | None:
    if record.milestone_id is None:
        return None
    milestone = session.get(Milestone, (caller.practice_id, record.milestone_id))
    if milestone is None or milestone.deleted or milestone.episode_id != record.episode_id:
        raise NotFoundError(Fault("/milestone_id", "a milestone of the episode", "an unknown id"))
    return milestone


def _refuse_state(caller: Principal, record: VisitRecord, now: datetime) -> None:
    if record.state in _BEGUN and record.booked_for > now + _EARLY:
        expected = f"a time up to {(now + _EARLY).date()} for what is {record.state}"
        raise InvalidError(Fault("/booked_for", expected, describe(record.booked_for)))
    if record.state is not VisitState.seen:
        return
    if record.kind is not VisitKind.imaging:
        raise InvalidError(
            Fault("/state", "booked, done, no_show or cancelled: only imaging is seen", record.state.value)
        )
    if caller.role is not StaffRole.clinician:
        raise ForbiddenError(Fault("/state", "a clinician, who has seen the pictures", record.state.value))


def _achieve(session: Session, caller: Principal, milestone: Milestone, record: VisitRecord, now: datetime) -> None:
    """Note the milestone as achieved on the visit's day. What lifts a limit is cleared by a clinician, never so."""
    if milestone.lifts is not None or milestone.cancelled_at is not None:
        return
    practice = practice_of(session, caller)
    on = min(clinic_today(practice, record.booked_for), clinic_today(practice, now))
    refuse_day(session, milestone, on, clinic_today(practice, now))
    if note_achieved(session, caller, milestone, on, now):
        follow_reports(session, [milestone], now, reason="achieved")
