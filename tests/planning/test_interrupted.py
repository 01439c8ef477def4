"""A move that is cut short at any of its statements leaves all of it or nothing."""

from datetime import date

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.care import Surgery
from models.engine import make_session_factory
from models.reminder import DeliveryState
from schedules.plan.vocabulary import ReminderState, SurgeryStatus
from schedules.planning import plan_episode
from tests.faults import interrupt_everywhere
from tests.planning.snapshots import everything
from tests.planning.test_plan_episode import LATER, deliveries_of, operated, plan, reminder_of

MOVED_TO = date(2026, 3, 25)


def test_a_move_interrupted_at_every_statement_leaves_all_or_nothing(session: Session, engine: Engine) -> None:
    surgery = operated(session, surgery_on=date(2026, 3, 18), status=SurgeryStatus.planned)
    plan(session, surgery)
    sent = reminder_of(session, "education", "first")
    sent.state, deliveries_of(session, sent)[0].state = ReminderState.sent, DeliveryState.sent
    session.commit()
    make_session = make_session_factory(engine)
    practice_id, surgery_id, episode_id = surgery.practice_id, surgery.id, surgery.episode_id
    before = everything(session)
    session.rollback()

    def move() -> None:
        with make_session() as own:
            row = own.get_one(Surgery, (practice_id, surgery_id))
            row.surgery_on = MOVED_TO
            plan_episode(own, practice_id, episode_id, LATER)
            own.commit()

    def assert_untouched() -> None:
        with make_session() as own:
            assert everything(own) == before

    statements = interrupt_everywhere(engine, move, assert_untouched)

    assert statements > 10
    with make_session() as own:
        after = everything(own)
        assert after != before
        plan_episode(own, practice_id, episode_id, LATER)
        own.commit()
        assert everything(own) == after
