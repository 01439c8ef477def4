"""Use cases: somebody of the clinic says that a record is still needed, and that it is not any more."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models import Patient, RecordHold
from models.hold import HoldReason
from models.ids import new_id
from service.care.reach import lock_patient
from service.errors import Fault, NotFoundError


def place_hold(
    session: Session, practice_id: str, patient_id: str, reason: HoldReason, now: datetime, *, by: str | None
) -> RecordHold:
    """Put a record on hold for a reason and return the hold; the one that is open if there is one for it.

    `by` is a member of staff, or None for a command. Raises NotFoundError.
    """
    patient = lock_patient(session, practice_id, patient_id)
    whose = {"practice_id": practice_id, "patient_id": patient.id, "reason": reason, "ended_at": None}
    hold = session.scalars(select(RecordHold).filter_by(**whose)).one_or_none()
    if hold is None:
        hold = RecordHold(id=new_id(now), placed_at=now, placed_by=by, **whose)
        session.add(hold)
        session.flush()
    return hold


def end_hold(
    session: Session, practice_id: str, patient_id: str, hold_id: str, now: datetime, *, by: str | None
) -> RecordHold:
    """End a hold and return it; one that has ended stays as it is. Raises NotFoundError."""
    patient = lock_patient(session, practice_id, patient_id)
    hold = session.get(RecordHold, (practice_id, hold_id), populate_existing=True)
    if hold is None or hold.patient_id != patient.id:
        raise NotFoundError(Fault("/hold_id", "a hold on this patient's record", "an unknown id"))
    if hold.ended_at is None:
        hold.ended_at, hold.ended_by = now, by
    return hold


def list_holds(session: Session, patient: Patient) -> Sequence[RecordHold]:
    """Return the holds that were ever placed on a record, in the order in which they were."""
    whose = {"practice_id": patient.practice_id, "patient_id": patient.id}
    return session.scalars(select(RecordHold).filter_by(**whose).order_by(RecordHold.id)).all()


def is_on_hold(session: Session, patient: Patient) -> bool:
    """Return whether a hold on the record is open."""
    is_open = exists().where(
        RecordHold.practice_id == patient.practice_id,
        RecordHold.patient_id == patient.id,
        RecordHold.ended_at.is_(None),
    )
    return bool(session.scalar(select(is_open)))
