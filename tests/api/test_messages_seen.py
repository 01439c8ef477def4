"""What was opened counts as seen, and is not said again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import MessageLink, Practice, Reminder
from models.engine import make_session_factory
from models.reminder import Decision, DecisionKind, Delivery, DeliveryState
from schedules.delivery.channels import Message
from schedules.plan.vocabulary import Provider, ReminderState
from tests import builders
from tests.api.conftest import Look
from tests.api.message_reader import WRONG, Reader, path_in
from tests.clock import FixedClock
from tests.worker.desks import Outbox, claim_all, deliver, desk_of
from tests.worker.rows import is_somebody_waiting, wait_until


@pytest.fixture
def repeat(session: Session, message: Message) -> Delivery:
    """Return the step that says the message again on another channel if nobody answers."""
    (sent,) = session.query(Reminder)
    delivery = builders.delivery(session, sent, id=f"{sent.id}.1.1", step=1, after_silence=True)
    session.commit()
    return delivery


def seen_and_repeat(look: Look, repeat: Delivery) -> tuple[datetime | None, DeliveryState, str | None]:
    (reminder,), (step,) = look(Reminder), look(Delivery, id=repeat.id)
    return reminder.acknowledged_at, step.state, step.reason


def test_what_was_opened_counts_as_seen_and_is_not_said_again(
    reader: Reader, repeat: Delivery, look: Look, clock: FixedClock
) -> None:
    reader.open(WRONG)
    before = seen_and_repeat(look, repeat)
    opened_at = clock.now()
    reader.open()
    clock.advance(timedelta(minutes=1))
    reader.open()

    assert before == (None, DeliveryState.pending, None)
    assert seen_and_repeat(look, repeat) == (opened_at, DeliveryState.cancelled, "acknowledged")
    kinds = [row.kind for row in look(Decision)]
    assert kinds.count(DecisionKind.acknowledged) == 1


@pytest.mark.parametrize(("column", "value"), [("generation", 2), ("state", ReminderState.cancelled)])
def test_what_a_page_does_not_show_any_more_was_not_seen(
    session: Session, reader: Reader, look: Look, column: str, value: object
) -> None:
    setattr(session.query(Reminder).one(), column, value)
    session.commit()

    answered = reader.open()

    assert answered.status_code == 303
    assert [row.acknowledged_at for row in look(Reminder)] == [None]


@pytest.mark.postgresql_only
def test_opening_a_link_while_its_message_is_repeated_never_waits_in_a_ring(
    engine: Engine, session: Session, reader: Reader, repeat: Delivery, look: Look
) -> None:
    with ThreadPoolExecutor(1) as threads, make_session_factory(engine)() as worker:
        worker.scalars(select(Delivery).with_for_update()).all()
        opening = threads.submit(reader.open)
        wait_until(lambda: is_somebody_waiting(engine))
        worker.query(MessageLink).one().expires_at += timedelta(hours=1)
        worker.commit()
        answered = opening.result()

    assert answered.status_code == 303
    assert seen_and_repeat(look, repeat)[1] is DeliveryState.cancelled


def test_all_items_of_one_message_were_seen_and_its_patient_alone_is_concerned(
    app: Flask, engine: Engine, session: Session, small_clinic: Practice, clock: FixedClock, look: Look
) -> None:
    surgery = builders.surgery(session, builders.episode(session, builders.patient(session, small_clinic)))
    walking = builders.milestone(session, surgery)
    sitting = builders.milestone(session, surgery, key="sit60", kind="sit60")
    for milestone, key in ((walking, "encourage"), (sitting, "goal")):
        builders.delivery(session, builders.reminder(session, milestone, key=key))
    session.commit()
    outbox = Outbox()
    deliver(desk_of(engine, clock, {Provider.smtp: outbox}), *claim_all(session, clock))
    builders.due_delivery(session, small_clinic)
    session.commit()

    Reader(app.test_client(), path_in(outbox.messages[0])).open()

    seen = {row.milestone_id for row in look(Reminder) if row.acknowledged_at is not None}
    assert (len(outbox.messages), seen) == (1, {walking.id, sitting.id})
