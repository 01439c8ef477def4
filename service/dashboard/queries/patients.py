"""What the list of patients shows: names, numbers, and the last or next surgery."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from models import Patient, Surgery
from schedules.plan.vocabulary import ApproachClass, Procedure, SurgeryStatus

_MOST_WORDS = 5


@dataclass(frozen=True, slots=True)
class Operation:
    """A surgery as lists show it."""

    procedure: Procedure
    approach_class: ApproachClass | None
    levels: tuple[str, ...]
    surgery_on: date | None
    status: SurgeryStatus


@dataclass(frozen=True, slots=True)
class Listed:
    """A patient of the practice, and their surgeries in order."""

    patient_id: str
    given_name: str
    family_name: str
    mrn: str
    date_of_birth: date
    surgeries: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of the patients that were found, and how many there are."""

    rows: tuple[Listed, ...]
    count: int


def find_patients(session: Session, practice_id: str, text: str, *, offset: int, limit: int) -> Found:
    """Return a page of the practice's patients by name. Every word of `text` is in a name or in the number.

    What a word holds stands for itself: there are no wildcards. Three SELECTs.
    """
    which = and_(
        Patient.practice_id == practice_id, Patient.deleted.is_(False), *map(_holds, text.split()[:_MOST_WORDS])
    )
    count = session.scalar(select(func.count()).select_from(Patient).where(which)) or 0
    columns = (Patient.id, Patient.given_name, Patient.family_name, Patient.mrn, Patient.date_of_birth)
    order = (Patient.family_name, Patient.given_name, Patient.id)
    people = session.execute(select(*columns).where(which).order_by(*order).offset(offset).limit(limit)).all()
    surgeries = _surgeries(session, practice_id, [row.id for row in people])
    return Found(tuple(Listed(*row, tuple(surgeries.get(row.id, ()))) for row in people), count)


def _holds(word: str) -> ColumnElement[bool]:
    columns = (Patient.given_name, Patient.family_name, Patient.mrn)
    return or_(*(column.icontains(word, autoescape=True) for column in columns))


def _surgeries(session: Session, practice_id: str, patient_ids: Sequence[str]) -> dict[str, list[Operation]]:
    columns = (Surgery.procedure, Surgery.approach_class, Surgery.levels, Surgery.surgery_on, Surgery.status)
    query = select(Surgery.patient_id, *columns).where(
        Surgery.practice_id == practice_id,
        Surgery.patient_id.in_(patient_ids),
        Surgery.deleted.is_(False),
    )
    found: dict[str, list[Operation]] = {}
    for row in session.execute(query.order_by(Surgery.patient_id, Surgery.surgery_on, Surgery.stage)):
        found.setdefault(row.patient_id, []).append(
            Operation(row.procedure, row.approach_class, tuple(row.levels), row.surgery_on, row.status)
        )
    return found
