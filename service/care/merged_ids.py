"""Which records became part of a patient's: their ids stay in the audit trail, which is never rewritten."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import RecordMerge
from models.caseload import admit


def absorbed_ids(session: Session, practice_id: str, patient_id: str) -> tuple[str, ...]:
    """Return the ids of the records that were merged into a patient's, however far back."""
    query = select(RecordMerge.absorbed_id).where(
        RecordMerge.practice_id == practice_id, RecordMerge.patient_id == patient_id
    )
    return tuple(sorted(session.scalars(query)))


def merged_ids(session: Session, practice_id: str, patient_id: str) -> tuple[str, ...]:
    """Return a patient's id and those of the records that were merged into theirs.

    Who sees the patient sees what the trail says of these too.
    """
    absorbed = absorbed_ids(session, practice_id, patient_id)
    for each in absorbed:
        admit(session, each)
    return (patient_id, *absorbed)
