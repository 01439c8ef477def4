"""Plans open episodes anew after a clinic changed its rhythm of check-ins, a bounded number at a turn.

How far it has come stands in the practice's row, so that any worker goes on there.
"""

import logging
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from models.care import Episode
from models.isolation import in_practice, reading_doors, reading_practice
from models.practice import Practice
from schedules.jobs.practices import attempt_each, for_each
from schedules.jobs.replan import replan_as_job
from schedules.planning.facts import PLANNED_FOR

REPLANNED_AT_ONCE = 10  # episodes of a practice: half a second's work
logger = logging.getLogger(__name__)


def replan_by_rhythm(make_session: sessionmaker[Session], now: datetime) -> None:
    """Plan some more open episodes of each practice whose rhythm was changed. One that fails stops no other.

    Raises the first error, once the others had their turn.
    """
    with reading_doors(make_session) as session:
        changed = session.scalars(select(Practice.id).where(Practice.rhythm_planned_through.is_not(None))).all()
    for_each(sorted(changed), lambda practice_id: _go_on(make_session, practice_id, now))


def _go_on(make_session: sessionmaker[Session], practice_id: str, now: datetime) -> None:
    with reading_practice(make_session, practice_id) as session:
        practice = session.get_one(Practice, practice_id)
        rhythms, after = practice.check_in_rhythms, practice.rhythm_planned_through or ""
        query = (
            select(Episode.id)
            .where(Episode.practice_id == practice_id, Episode.id > after)
            .where(Episode.status.in_(PLANNED_FOR), ~Episode.deleted)
            .order_by(Episode.id)
            .limit(REPLANNED_AT_ONCE)
        )
        episode_ids = session.scalars(query).all()
    errors = attempt_each(episode_ids, lambda episode_id: _replan(make_session, practice_id, episode_id, now))
    with in_practice(make_session, practice_id) as session:
        practice = session.get_one(Practice, practice_id, with_for_update={"key_share": True})
        # Where it was changed once more meanwhile, or another worker was here, the next turn begins where that says.
        if (practice.check_in_rhythms, practice.rhythm_planned_through) == (rhythms, after):
            is_over = len(episode_ids) < REPLANNED_AT_ONCE
            practice.rhythm_planned_through = None if is_over else episode_ids[-1]
    if errors:
        raise errors[0]


def _replan(make_session: sessionmaker[Session], practice_id: str, episode_id: str, now: datetime) -> None:
    replan_as_job(make_session, practice_id, episode_id, job="replan_by_rhythm", now=now)
    logger.info("episode %s is planned again by the clinic's rhythm of check-ins", episode_id)
