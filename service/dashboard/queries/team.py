"""Who of a clinic's staff may be given patients, by id and name."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Episode, Staff
from schedules.plan.vocabulary import EpisodeStatus
from service.care.reach import TREATING


def find_colleagues(session: Session, practice_id: str) -> dict[str, str]:
    """Return the names of those who treat patients, by id, in the order of names."""
    query = select(Staff.id, Staff.display_name).where(
        Staff.practice_id == practice_id, Staff.role.in_(TREATING), Staff.disabled_at.is_(None)
    )
    return {row[0]: row[1] for row in session.execute(query.order_by(Staff.display_name, Staff.id))}


def count_without_coordinator(session: Session, practice_id: str) -> int:
    """Return of how many open episodes nobody is the coordinator."""
    query = select(func.count(Episode.id)).where(
        Episode.practice_id == practice_id,
        Episode.deleted.is_(False),
        Episode.coordinator_id.is_(None),
        Episode.status.in_((EpisodeStatus.active, EpisodeStatus.paused)),
    )
    return session.execute(query).scalar_one()
