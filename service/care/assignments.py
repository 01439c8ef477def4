"""Use cases: a patient is given to colleagues besides the coordinator and the surgeon, and taken back from them.

Whoever sees a patient may have a colleague see them too. It counts where staff see their own caseload alone (see
`service.identity.caseload`), and is stored where they see everybody.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import CareAssignment, Staff
from models.ids import new_id
from models.people import StaffRole
from service.care.reach import find_patient, lock_patient, refuse_who_treats_nobody
from service.errors import Fault, NotFoundError
from service.identity.principal import Principal


@dataclass(frozen=True, slots=True)
class Assigned:
    """A colleague who was given the patient."""

    staff_id: str
    name: str
    role: StaffRole
    assigned_at: datetime
    assigned_by: str


def list_assigned(session: Session, caller: Principal, patient_id: str) -> list[Assigned]:
    """Return to whom a patient was given, by name. Raises NotFoundError."""
    find_patient(session, caller, patient_id)
    query = (
        select(CareAssignment, Staff.display_name, Staff.role)
        .join(Staff, (Staff.practice_id == CareAssignment.practice_id) & (Staff.id == CareAssignment.staff_id))
        .where(CareAssignment.practice_id == caller.practice_id, CareAssignment.patient_id == patient_id)
        .order_by(Staff.display_name, Staff.id)
    )
    return [
        Assigned(row.staff_id, name, role, row.assigned_at, row.assigned_by)
        for row, name, role in session.execute(query)
    ]


def give_patient(session: Session, caller: Principal, patient_id: str, staff_id: str, now: datetime) -> None:
    """Give a patient to a colleague. Given already, it stays so.

    Raises NotFoundError, InvalidError for who treats nobody.
    """
    lock_patient(session, caller.practice_id, patient_id)
    refuse_who_treats_nobody(session, caller.practice_id, staff_id, "/staff_id")
    if _find(session, caller.practice_id, patient_id, staff_id) is None:
        assign(session, caller, patient_id, staff_id, now)


def take_patient_back(session: Session, caller: Principal, patient_id: str, staff_id: str) -> None:
    """Take a patient back from a colleague. Raises NotFoundError if they were not given them."""
    lock_patient(session, caller.practice_id, patient_id)
    row = _find(session, caller.practice_id, patient_id, staff_id)
    if row is None:
        raise NotFoundError(Fault("/staff_id", "somebody to whom the patient was given", "somebody else"))
    session.delete(row)


def assign(session: Session, caller: Principal, patient_id: str, staff_id: str, now: datetime) -> None:
    """Store that a patient, who is locked or new, is given to somebody."""
    row = CareAssignment(practice_id=caller.practice_id, id=new_id(now), patient_id=patient_id, staff_id=staff_id)
    row.assigned_at, row.assigned_by = now, caller.actor_id
    session.add(row)


def _find(session: Session, practice_id: str, patient_id: str, staff_id: str) -> CareAssignment | None:
    query = select(CareAssignment).filter_by(practice_id=practice_id, patient_id=patient_id, staff_id=staff_id)
    return session.scalars(query).one_or_none()
