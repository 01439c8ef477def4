"""Two who plan one episode in the same instant make each of its rows once (R11)."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from models.engine import make_session_factory
from models.isolation import in_practice
from models.reminder import Delivery, Reminder
from schedules.planning import plan_episode
from tests.database import service_engine_of
from tests.planning.test_plan_episode import NOW, operated

PLANNERS = 3


def test_planners_who_start_at_once_plan_each_reminder_once(engine: Engine, session: Session) -> None:
    surgery = operated(session)
    practice_id = surgery.practice_id
    make_session, together = make_session_factory(service_engine_of(engine)), threading.Barrier(PLANNERS)

    def plan(_number: int) -> str:
        together.wait()
        try:
            with in_practice(make_session, practice_id) as mine:
                plan_episode(mine, practice_id, surgery.episode_id, NOW)
        except (IntegrityError, OperationalError) as error:  # the service answers 409 or 503, and is asked again
            return type(error).__name__
        return "planned"

    with ThreadPoolExecutor(PLANNERS) as threads:
        ends = list(threads.map(plan, range(PLANNERS)))

    assert "planned" in ends
    reminders = Counter((row.milestone_id, row.key, row.repeat) for row in session.scalars(select(Reminder)))
    deliveries = Counter((row.reminder_id, row.generation, row.step) for row in session.scalars(select(Delivery)))
    assert set(reminders.values()) == set(deliveries.values()) == {1}
    assert {reminder_id for reminder_id, *_ in deliveries} <= set(session.scalars(select(Reminder.id)))
