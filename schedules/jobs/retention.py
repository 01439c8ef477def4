"""The nightly removal of what is past its term: all practices in turns, so that none waits for a large one.

In a process that nothing due waits for. Patients' records are none of its business: `flask retention` sees to those.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from config import Settings
from models.audit import ActorKind
from schedules.clock import Clock
from schedules.jobs.apart import run_apart
from schedules.jobs.practices import attempt_each, practice_ids
from schedules.keeping.removal import remove_batch
from schedules.keeping.terms import Terms

MOST_TURNS = 200  # of a practice in a night: what is left has the next one
logger = logging.getLogger(__name__)


def keep_to_terms(make_session: sessionmaker[Session], now: datetime, terms: Terms) -> None:
    """Remove what is past its term, a batch of each practice after the other, a bounded number in all.

    A practice where something fails has no more turns this time. Raises the first error in the end.
    """
    waiting, errors = practice_ids(make_session), []

    def take_turn(practice_id: str) -> None:
        removed = remove_batch(make_session, practice_id, terms, now, actor=ActorKind.worker)
        if removed:
            left.append(practice_id)
            logger.info("past its term in %s: %d rows removed", practice_id, sum(removed.values()))

    for _ in range(MOST_TURNS):
        left: list[str] = []
        errors += attempt_each(waiting, take_turn)
        waiting = left
    if errors:
        raise errors[0]


def keep_night(settings: Settings, clock: Clock, read_now: Callable[[Session, Clock], datetime]) -> None:
    """Do this night's removal, in a process of its own. What it raises is one line in the log."""

    def keep(make_session: sessionmaker[Session], now: datetime) -> None:
        keep_to_terms(make_session, now, Terms.of_days(**settings.kept_days))

    run_apart("retention", keep, settings, clock, read_now)
