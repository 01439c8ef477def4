"""Which rows a caller reaches: staff those of their practice, a patient's device the patient's own.

A row out of reach and a row that does not exist are refused alike.
"""

from typing import Final, TypeVar

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models import Episode, Patient, Practice, Staff
from models.base import OfPatient, Tenant
from models.caseload import is_limited, whole_practice
from models.people import StaffRole
from service.errors import Fault, InvalidError, NotFoundError
from service.identity.principal import Principal

Row = TypeVar("Row", bound=OfPatient)
# Whom a patient's care may be given to. Auditors and operators reach no patient.
TREATING: Final = (StaffRole.coordinator, StaffRole.clinician, StaffRole.practice_admin)


def practice_of(session: Session, caller: Principal) -> Practice:
    """Return the caller's practice."""
    return session.get_one(Practice, caller.practice_id)


def find_patient(session: Session, caller: Principal, patient_id: str) -> Patient:
    """Return a patient whom the caller reaches. Raises NotFoundError."""
    patient = session.get(Patient, (caller.practice_id, patient_id))
    if patient is None or patient.deleted or caller.patient_id not in (None, patient.id):
        raise NotFoundError
    return patient


def find_row(session: Session, caller: Principal, model: type[Row], row_id: str) -> Row:
    """Return a patient's row that the caller reaches. Raises NotFoundError."""
    row = session.get(model, (caller.practice_id, row_id))
    if row is None or row.deleted or caller.patient_id not in (None, row.patient_id):
        raise NotFoundError
    return row


def lock_patient(session: Session, practice_id: str, patient_id: str) -> Patient:
    """Return a patient, locked to the commit: writes about one patient go one after another.

    Locks are taken in one order everywhere: patients, deliveries, the revision clock. Raises NotFoundError.
    """
    key = (practice_id, patient_id)
    patient = session.get(Patient, key, with_for_update={"key_share": True}, populate_existing=True)
    if patient is None or patient.deleted:
        raise NotFoundError(Fault("/patient_id", "a patient of this practice", "an unknown id"))
    return patient


def lock_row(session: Session, caller: Principal, model: type[Row], row_id: str) -> Row:
    """Return a patient's row that the caller reaches, to be changed: its patient is locked to the commit.

    The row is read again under the lock, so that a revision which is compared with an ETag is the newest one.
    Raises NotFoundError.
    """
    row = find_row(session, caller, model, row_id)
    lock_patient(session, row.practice_id, row.patient_id)
    session.refresh(row)
    return row


def is_stored(session: Session, caller: Principal, model: type[Tenant], row_id: str) -> bool:
    """Return whether the practice has a row of that id, whoever reaches it. Asks the database until it has one."""
    if not is_limited(session):
        return session.get(model, (caller.practice_id, row_id)) is not None
    stored = select(exists().where(model.practice_id == caller.practice_id, model.id == row_id))
    with whole_practice(session):
        return bool(session.scalar(stored))


def find_named_episode(session: Session, caller: Principal, episode_id: str) -> Episode:
    """Return the episode that a body names. Raises NotFoundError."""
    try:
        return find_row(session, caller, Episode, episode_id)
    except NotFoundError:
        raise NotFoundError(Fault("/episode_id", "an episode within your reach", "an unknown id")) from None


def refuse_who_treats_nobody(session: Session, practice_id: str, staff_id: str | None, pointer: str) -> None:
    """Raise unless `staff_id` is None, or names somebody of the practice's staff to whom patients may be given.

    Raises NotFoundError for nobody of the practice's staff, InvalidError for an auditor or operator.
    """
    if staff_id is None:
        return
    person = session.get(Staff, (practice_id, staff_id))
    if person is None:
        raise NotFoundError(Fault(pointer, "a member of the practice's staff", "an unknown id"))
    if person.role not in TREATING:
        raise InvalidError(Fault(pointer, "one of " + ", ".join(TREATING), person.role))


def refuse_change(pointer: str, expected: str) -> InvalidError:
    """Return the refusal of a field that never changes."""
    return InvalidError(Fault(pointer, expected, "another value"))
