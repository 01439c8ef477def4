"""Plans anew what waits for a wrong instant since the rules of its zone changed, a bounded number at a turn.

Zone data is the machine's, or of the package `tzdata`; either may be renewed at any time. A round looks at all that
waits: whenever a worker starts, and each day.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session, sessionmaker

from models.isolation import reading_practice
from schedules.jobs.practices import attempt_each, practice_ids
from schedules.jobs.replan import replan_as_job
from schedules.planning.zone_rules import Misplaced, Place, look_at_times, would_move

LOOKED_AT_ONCE = 200  # messages that wait
REPLANNED_AT_ONCE = 10  # episodes: half a second's work
ROUND_EVERY = timedelta(days=1)
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ZoneRound:
    """How far a round has come: the practices that are left, the present one first, and when the next may begin.

    `misplaced` is what was found and is yet to be planned again.
    """

    practice_ids: list[str] = field(default_factory=list)
    after: Place | None = None
    next_at: datetime | None = None
    misplaced: list[Misplaced] = field(default_factory=list)


def replan_by_zone_rules(make_session: sessionmaker[Session], now: datetime, so_far: ZoneRound) -> None:
    """Plan the episodes again of whose messages some wait for another instant than their wall time is today.

    One turn looks at a bounded number of one practice's messages, unless some that were found are yet to be planned
    again, which it does for a few. It leaves in `so_far` where the next one goes on.
    """
    if not so_far.misplaced and (so_far.practice_ids or _begin(make_session, now, so_far)):
        _look(make_session, so_far)
    now_ones, so_far.misplaced = so_far.misplaced[:REPLANNED_AT_ONCE], so_far.misplaced[REPLANNED_AT_ONCE:]
    errors = attempt_each(now_ones, lambda each: _replan(make_session, each, now))
    if errors:
        raise errors[0]


def _begin(make_session: sessionmaker[Session], now: datetime, so_far: ZoneRound) -> bool:
    """Begin a round if it is time for one and there is a practice. Return whether it has begun."""
    if so_far.next_at is not None and now < so_far.next_at:
        return False
    ZoneInfo.clear_cache()  # the rules are read once a process, and may be others by now
    so_far.practice_ids, so_far.next_at = practice_ids(make_session), now + ROUND_EVERY
    return bool(so_far.practice_ids)


def _look(make_session: sessionmaker[Session], so_far: ZoneRound) -> None:
    """Look at some of a practice's messages and move on, to the next practice if these were the last."""
    practice_id = so_far.practice_ids[0]
    with reading_practice(make_session, practice_id) as session:
        look = look_at_times(session, practice_id, after=so_far.after, most=LOOKED_AT_ONCE)
    so_far.misplaced, so_far.after = list(look.misplaced), look.through
    if look.through is None:
        so_far.practice_ids.pop(0)


def _replan(make_session: sessionmaker[Session], misplaced: Misplaced, now: datetime) -> None:
    practice_id, episode_id = misplaced.practice_id, misplaced.episode_id
    with reading_practice(make_session, practice_id) as session:
        if not would_move(session, misplaced, now):
            return
    replan_as_job(make_session, practice_id, episode_id, job="replan_by_zone_rules", now=now)
    logger.info("episode %s is planned again by the present rules of its zones", episode_id)
