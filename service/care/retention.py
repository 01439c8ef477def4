"""Use case: patients are erased whose record the clinic need not keep any longer, by its own years.

Each in a transaction of its own, which looks again whether anything stands against it: whoever is stopped has left
nothing half done, and goes on where it was.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, sessionmaker

from models import Episode, Patient, journal
from models.audit import ActorKind, AuditAction
from models.erasure import ErasureReason
from models.isolation import in_practice, reading_practice
from service.care.erasure import Erase, erase_patient, is_over
from service.care.erasure_ledger import LedgerEntry
from service.care.reach import lock_patient
from service.errors import ConflictError, NotFoundError

ROUTE = "flask retention"
_LOOKED_AT_ONCE = 500


def find_over(make_session: sessionmaker[Session], practice_id: str, now: datetime) -> list[str]:
    """Return the ids of all patients of a practice whose record need not be kept any longer, in their order."""
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        with reading_practice(make_session, practice_id) as session:
            page = _page(session, practice_id, after)
            found += [patient.id for patient in page if is_over(session, patient, now)]
            after = page[-1].id if len(page) == _LOOKED_AT_ONCE else None
    return found


def erase_over(
    make_session: sessionmaker[Session],
    practice_id: str,
    patient_id: str,
    now: datetime,
    *,
    enter: Callable[[LedgerEntry], None],
) -> bool:
    """Erase a patient whose record need not be kept any longer. Return whether it was done.

    It is not while a message is on its way, or if somebody came first with a hold or new care. Raises LedgerError.
    """
    try:
        with in_practice(make_session, practice_id) as session:
            patient = lock_patient(session, practice_id, patient_id)
            if not is_over(session, patient, now):
                return False
            erase_patient(session, patient, Erase(ErasureReason.retention_over), now, enter=enter)
            about = {"reason": ErasureReason.retention_over.value}
            act = journal.Act(ActorKind.command, None, AuditAction.write, ROUTE, about=about, patient_ids=[patient_id])
            journal.append(session, practice_id, act, now)
    except (ConflictError, NotFoundError):
        return False
    return True


def _page(session: Session, practice_id: str, after: str) -> list[Patient]:
    """Return the next patients who were cared for once."""
    was_cared_for = exists().where(Episode.practice_id == Patient.practice_id, Episode.patient_id == Patient.id)
    query = select(Patient).where(
        Patient.practice_id == practice_id, Patient.deleted.is_(False), Patient.id > after, was_cared_for
    )
    return list(session.scalars(query.order_by(Patient.id).limit(_LOOKED_AT_ONCE)))
