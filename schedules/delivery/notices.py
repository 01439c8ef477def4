"""What a notice to an admin is about: somebody opened a patient outside of their caseload. Knows not whom, nor why."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.caseload import EmergencyAccess
from models.people import Staff, StaffRole
from models.practice import Practice


@dataclass(frozen=True, slots=True)
class Opened:
    """An access as its notice tells of it. `zone` is the practice's."""

    role: StaffRole
    opened_at: datetime
    expires_at: datetime
    zone: str


def load_opened(session: Session, practice_id: str, access_ids: Collection[str]) -> dict[str, Opened]:
    """Return the practice's accesses by id, in one query; in none if none is asked for."""
    if not access_ids:
        return {}
    query = (
        select(EmergencyAccess.id, Staff.role, EmergencyAccess.opened_at, EmergencyAccess.expires_at)
        .add_columns(Practice.time_zone)
        .join(Staff, (Staff.practice_id == EmergencyAccess.practice_id) & (Staff.id == EmergencyAccess.staff_id))
        .join(Practice, Practice.id == EmergencyAccess.practice_id)
        .where(EmergencyAccess.practice_id == practice_id, EmergencyAccess.id.in_(access_ids))
    )
    return {row[0]: Opened(*row[1:]) for row in session.connection().execute(query)}
