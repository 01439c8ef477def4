"""Use cases: complications, emergency visits, readmissions and reoperations are entered, listed and withdrawn.

An event is never changed: one that was entered wrongly is withdrawn and entered anew. By the clinic's staff alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import ClinicalEvent, Surgery
from models.report import ClinicalEventKind
from schedules.plan.vocabulary import SurgeryStatus
from service.care.enrol import clinic_today
from service.care.lists import rows_after
from service.care.reach import find_named_episode, is_stored, lock_patient, lock_row, practice_of
from service.errors import ConflictError, Fault, InvalidError, NotFoundError, describe
from service.identity.principal import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """What went otherwise than planned, on a day of the clinic's calendar. `surgery_id` None: after no single one."""

    episode_id: str
    kind: ClinicalEventKind
    occurred_on: date
    surgery_id: str | None = None
    detail: str | None = None


def put_event(
    session: Session, caller: Principal, event_id: str, record: EventRecord, *, now: datetime
) -> tuple[ClinicalEvent, bool]:
    """Store an event under the client's id. Return the row, and whether it is new.

    Raises NotFoundError for an episode, surgery or id that is another's, InvalidError for a day ahead or before the
    first performed surgery, ConflictError for an id under which another event stands or one was withdrawn.
    """
    episode = find_named_episode(session, caller, record.episode_id)
    _refuse_surgery(session, caller, record)
    _refuse_day(session, caller, record, clinic_today(practice_of(session, caller), now))
    lock_patient(session, caller.practice_id, episode.patient_id)
    if not is_stored(session, caller, ClinicalEvent, event_id):
        row = ClinicalEvent(practice_id=caller.practice_id, id=event_id, patient_id=episode.patient_id)
        session.add(row)
        for field in fields(record):
            setattr(row, field.name, getattr(record, field.name))
        row.recorded_at = now
        return row, True
    stored = session.get(ClinicalEvent, (caller.practice_id, event_id))
    if stored is None:
        raise NotFoundError  # of another caseload
    if stored.deleted or any(getattr(stored, field.name) != getattr(record, field.name) for field in fields(record)):
        raise ConflictError(Fault("", "a new id: an event never changes, it is withdrawn", "the id of another event"))
    return stored, False


def withdraw_event(session: Session, caller: Principal, event_id: str) -> ClinicalEvent:
    """Take back an event that was entered wrongly: it counts no more. Raises NotFoundError."""
    row = lock_row(session, caller, ClinicalEvent, event_id)
    row.deleted = True
    return row


def list_events(
    session: Session, practice_id: str, episode_id: str, *, after: str | None, limit: int
) -> Sequence[ClinicalEvent]:
    """Return up to `limit` events of an episode, the latest first, from the one after the id `after` on."""
    place = (ClinicalEvent.occurred_on, ClinicalEvent.id)
    query = select(ClinicalEvent).filter_by(practice_id=practice_id, episode_id=episode_id, deleted=False)
    return rows_after(session, query, place, practice_id=practice_id, after=after, limit=limit, latest_first=True)


def _refuse_surgery(session: Session, caller: Principal, record: EventRecord) -> None:
    if record.surgery_id is None:
        return
    surgery = session.get(Surgery, (caller.practice_id, record.surgery_id))
    if surgery is None or surgery.deleted or surgery.episode_id != record.episode_id:
        raise NotFoundError(Fault("/surgery_id", "a surgery of the episode", "an unknown id"))


def _refuse_day(session: Session, caller: Principal, record: EventRecord, today: date) -> None:
    of_episode = {"practice_id": caller.practice_id, "episode_id": record.episode_id, "deleted": False}
    performed = select(Surgery.surgery_on).filter_by(status=SurgeryStatus.performed, **of_episode)
    day0 = min((day for day in session.scalars(performed) if day is not None), default=None)
    if day0 is None:
        raise ConflictError(Fault("", "an episode with a surgery that was performed", "one without"))
    if not day0 <= record.occurred_on <= today:
        raise InvalidError(Fault("/occurred_on", f"a date from {day0} to {today}", describe(record.occurred_on)))
