"""Use case: the messages of an episode are listed, and of each one why it went or did not."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Reminder
from models.reminder import Decision
from service.care.lists import rows_after


def list_reminders(
    session: Session, practice_id: str, episode_id: str, *, after: str | None, limit: int
) -> Sequence[Reminder]:
    """Return up to `limit` reminders in the order of their due times, from the one after the id `after` on."""
    place = (Reminder.due_at, Reminder.id)
    query = select(Reminder).filter_by(practice_id=practice_id, episode_id=episode_id, deleted=False)
    return rows_after(session, query, place, practice_id=practice_id, after=after, limit=limit)


def list_decisions(
    session: Session, practice_id: str, reminder_id: str, *, after: str | None, limit: int
) -> Sequence[Decision]:
    """Return up to `limit` lines of the reminder's story in the order of deciding, from the one after `after` on."""
    query = select(Decision).filter_by(practice_id=practice_id, reminder_id=reminder_id).order_by(Decision.id)
    if after is not None:
        query = query.where(Decision.id > after)
    return session.scalars(query.limit(limit)).all()
