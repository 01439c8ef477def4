"""Removes the replies that were kept for a repeat of their request, once nobody may ask for them any more."""

from datetime import datetime

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session, sessionmaker

from models.isolation import in_practice, reading_practice
from models.replies import KEPT_FOR, KeptReply
from schedules.jobs.practices import for_each, practice_ids

REMOVED_AT_ONCE = 500
MOST_BATCHES = 10  # of a practice at one turn: nothing due waits long, and what is left has the next turn


def remove_old_replies(make_session: sessionmaker[Session], now: datetime) -> None:
    """Remove what was kept long enough, a bounded number of each practice. Nothing is written where nothing is old."""

    def remove(practice_id: str) -> None:
        is_any_left = _is_any_old(make_session, practice_id, now)
        for _ in range(MOST_BATCHES):
            if not is_any_left:
                return
            with in_practice(make_session, practice_id) as session:
                is_any_left = _remove_batch(session, practice_id, now) == REMOVED_AT_ONCE

    for_each(practice_ids(make_session), remove)


def _is_any_old(make_session: sessionmaker[Session], practice_id: str, now: datetime) -> bool:
    with reading_practice(make_session, practice_id) as session:
        return session.scalars(_old(practice_id, now).limit(1)).one_or_none() is not None


def _remove_batch(session: Session, practice_id: str, now: datetime) -> int:
    """Remove some and return how many. What another worker removes, or a request takes anew, is passed by."""
    batch = _old(practice_id, now).order_by(KeptReply.made_at).limit(REMOVED_AT_ONCE)
    ids = session.scalars(batch.with_for_update(skip_locked=True)).all()
    session.execute(delete(KeptReply).where(KeptReply.practice_id == practice_id, KeptReply.id.in_(ids)))
    return len(ids)


def _old(practice_id: str, now: datetime) -> Select[str]:
    return select(KeptReply.id).where(KeptReply.practice_id == practice_id, KeptReply.made_at <= now - KEPT_FOR)
