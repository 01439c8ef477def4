"""A surgery that moves before, during and after a message: the old one falls silent, the new one comes (R18)."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.reminder import Delivery, DeliveryState, Reminder
from schedules.plan.vocabulary import Provider
from schedules.planning import Answer, plan_episode
from tests.clock import FixedClock
from tests.planning.test_plan_episode import deliveries_of, operated, plan, reminder_of
from tests.worker.desks import Outbox, claim_all, deliver, desk_of, lapse, pass_now
from tests.worker.rounds import work_off

WEEK = timedelta(days=7)
DUE_AT = datetime(2026, 3, 9, 13, 0, tzinfo=UTC)  # the goal of walking, day 14 at 09:00 in New York
EFFECTIVE, ON_ITS_WAY = Answer.effective, Answer.in_flight

# How far the message had come; the answer; how often the old time's message leaves and the new one's, in all.
CASES = [
    ("waiting", EFFECTIVE, 0, 1),
    ("leased", EFFECTIVE, 0, 1),
    ("sending", ON_ITS_WAY, 1, 1),
    ("sent", Answer.already_sent, 1, 1),
]


@pytest.mark.parametrize(("stage", "answer", "of_the_old", "of_the_new"), CASES, ids=[case[0] for case in CASES])
def test_a_move_silences_the_old_message_and_the_new_one_comes_at_its_time(
    engine: Engine, session: Session, stage: str, answer: Answer, of_the_old: int, of_the_new: int
) -> None:
    surgery = operated(session)
    plan(session, surgery)
    goal = reminder_of(session, "walk30", "goal")
    silence_all_but(session, goal)
    clock, outbox = FixedClock(DUE_AT), Outbox()
    desk = desk_of(engine, clock, {Provider.smtp: outbox})
    claims = [] if stage == "waiting" else claim_all(session, clock)
    permits = [pass_now(session, claim, clock.now()) for claim in claims if stage == "sending"]
    if stage == "sent":
        deliver(desk, claims[0])
    session.expire_all()

    assert surgery.surgery_on is not None
    surgery.surgery_on += WEEK
    answers = plan_episode(session, surgery.practice_id, surgery.episode_id, clock.now())
    session.commit()
    silence_all_but(session, goal)
    for claim in claims:
        deliver(desk, claim)  # the worker that held it goes on
    lapse(session, clock)
    work_off(engine, clock, desk)
    before = len(outbox.messages) + len(permits)
    clock.advance(WEEK)
    work_off(engine, clock, desk)

    session.expire_all()
    assert answers.get(goal.id) in {answer, None} if stage == "sent" else answers[goal.id] is answer
    assert before == of_the_old
    assert len(outbox.messages) + len(permits) - before == of_the_new
    assert goal.due_at == DUE_AT + WEEK
    last = deliveries_of(session, goal)[-1]
    assert (last.generation, last.state, last.due_at) == (goal.generation, DeliveryState.sent, DUE_AT + WEEK)


def silence_all_but(session: Session, *reminders: Reminder) -> None:
    """Leave some reminders' deliveries alone to be claimed."""
    others = Delivery.reminder_id.not_in([each.id for each in reminders])
    for row in session.scalars(select(Delivery).where(others)):
        row.state, row.reason = DeliveryState.cancelled, "withdrawn"
    session.commit()
