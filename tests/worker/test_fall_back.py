"""The patient's order of channels: what failed on one goes on to the next, once, inside its time of use."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.engine import make_session_factory
from models.people import Patient
from models.reminder import AttemptOutcome, Delivery, DeliveryState, Reminder
from schedules.delivery.book import Claim
from schedules.delivery.channels import Refusal, Result
from schedules.delivery.channels.http import HttpLine
from schedules.delivery.channels.sms import SmsSender
from schedules.delivery.record import record_results
from schedules.jobs.publish import publish
from schedules.plan.vocabulary import Provider, ReminderState
from schedules.planning import Answer, withdraw
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import service_engine_of
from tests.worker.desks import Outbox, claim_all, deliver, desk_of, pass_now
from tests.worker.rows import is_somebody_waiting, story, wait_until
from tests.worker.sms_peer import SmsPeer, refusal, sms_service

BOTH = frozenset({Provider.smtp, Provider.sms})
NO_SUCH_BOX = Result(AttemptOutcome.refused, "550", Refusal.address)


@pytest.fixture
def peer() -> Iterator[SmsPeer]:
    with sms_service() as running:
        yield running


@pytest.fixture
def line() -> Iterator[HttpLine]:
    opened = HttpLine()
    yield opened
    opened.close()


@pytest.fixture
def first(session: Session) -> Delivery:
    """Return a due delivery to a patient who wants e-mail, then SMS."""
    delivery = builders.due_delivery(
        session, builders.practice(session), channels=["email", "sms"], phone="+12125550123"
    )
    session.commit()
    return delivery


def fail(session: Session, clock: FixedClock, result: Result = NO_SUCH_BOX) -> Claim:
    """Claim what is due, hand it over and have it refused."""
    (claim,) = claim_all(session, clock)
    assert pass_now(session, claim) is not None
    record_results(session, [(claim, result)], built=BOTH, now=clock.now(), chance=lambda: 1.0)
    session.commit()
    return claim


def steps(session: Session) -> list[tuple[int, DeliveryState, str | None]]:
    rows = session.scalars(select(Delivery).order_by(Delivery.step).execution_options(populate_existing=True))
    return [(row.step, row.state, row.reason) for row in rows]


def test_an_address_that_is_refused_falls_back_to_sms_and_the_reminder_is_sent(
    engine: Engine, session: Session, clock: FixedClock, first: Delivery, peer: SmsPeer, line: HttpLine
) -> None:
    desk = desk_of(engine, clock, {Provider.smtp: Outbox(NO_SUCH_BOX), Provider.sms: SmsSender(peer.provider, line)})

    for _ in range(2):
        (claim,) = claim_all(session, clock)
        deliver(desk, claim)
    publish(make_session_factory(service_engine_of(engine)))

    assert steps(session) == [
        (0, DeliveryState.failed, "address_refused"),
        (1, DeliveryState.sent, None),
    ]
    assert story(session, first) == [
        ("sending", None),
        ("failed", "address_refused"),
        ("planned", "fell_back"),
        ("passed_over", "already_tried"),
        ("sending", None),
        ("sent", None),
    ]
    assert session.scalars(select(Reminder.state)).one() is ReminderState.sent
    assert [form["To"] for form in peer.forms] == ["+12125550123"]
    assert claim_all(session, clock) == []


def test_the_failure_is_not_shown_while_another_channel_is_left(
    engine: Engine, session: Session, clock: FixedClock, first: Delivery
) -> None:
    fail(session, clock)

    publish(make_session_factory(service_engine_of(engine)))

    assert session.scalars(select(Reminder.state)).one() is ReminderState.planned


def test_the_patients_stop_at_the_provider_ends_the_order_with_its_reason(
    engine: Engine, session: Session, clock: FixedClock, first: Delivery, peer: SmsPeer, line: HttpLine
) -> None:
    peer.answer = lambda _form: refusal(400, 21610)
    desk = desk_of(engine, clock, {Provider.smtp: Outbox(NO_SUCH_BOX), Provider.sms: SmsSender(peer.provider, line)})

    for _ in range(2):
        (claim,) = claim_all(session, clock)
        deliver(desk, claim)
    publish(make_session_factory(service_engine_of(engine)))

    assert steps(session)[1] == (1, DeliveryState.failed, "opted_out")
    assert session.execute(select(Reminder.state, Reminder.reason)).one() == (ReminderState.failed, "opted_out")
    assert claim_all(session, clock) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"channels": ["email"]},
        {"channels": ["email", "push"]},
        {"opted_out": ["sms"]},
    ],
)
def test_where_no_other_channel_is_left_the_failure_stands(
    session: Session, clock: FixedClock, first: Delivery, changes: dict[str, object]
) -> None:
    patient = session.get_one(Patient, (first.practice_id, first.patient_id))
    for name, value in changes.items():
        setattr(patient, name, value)
    session.commit()

    fail(session, clock)

    assert steps(session) == [(0, DeliveryState.failed, "address_refused")]


def test_what_is_of_no_more_use_does_not_fall_back(session: Session, clock: FixedClock, first: Delivery) -> None:
    (claim,) = claim_all(session, clock)
    pass_now(session, claim)
    record_results(session, [(claim, NO_SUCH_BOX)], built=BOTH, now=first.useful_until, chance=lambda: 1.0)
    session.commit()

    assert len(steps(session)) == 1


@pytest.mark.parametrize("changes", [{"generation": 2}, {"state": ReminderState.cancelled}])
def test_what_was_called_off_or_planned_again_meanwhile_does_not_fall_back(
    session: Session, clock: FixedClock, first: Delivery, changes: dict[str, object]
) -> None:
    (claim,) = claim_all(session, clock)
    pass_now(session, claim)
    reminder = session.get_one(Reminder, (first.practice_id, first.reminder_id))
    for name, value in changes.items():
        setattr(reminder, name, value)
    session.commit()

    record_results(session, [(claim, NO_SUCH_BOX)], built=BOTH, now=clock.now(), chance=lambda: 1.0)
    session.commit()

    assert len(steps(session)) == 1


def test_the_next_step_is_as_urgent_as_the_first(session: Session, clock: FixedClock, first: Delivery) -> None:
    first.urgency = 1
    session.commit()

    fail(session, clock)

    assert set(session.scalars(select(Delivery.urgency))) == {1}


def test_what_nobody_knows_is_repeated_on_its_own_channel(session: Session, clock: FixedClock, first: Delivery) -> None:
    fail(session, clock, Result(AttemptOutcome.unknown, "deadline"))

    assert steps(session) == [(0, DeliveryState.pending, "unknown_outcome")]


def test_the_next_step_is_taken_back_like_the_first(session: Session, clock: FixedClock, first: Delivery) -> None:
    fail(session, clock)

    answers = withdraw(session, first.practice_id, first.patient_id, now=clock.now(), reason="achieved")
    session.commit()

    assert list(answers.values()) == [Answer.effective]
    assert steps(session)[1] == (1, DeliveryState.cancelled, "achieved")


@pytest.mark.postgresql_only
def test_who_waited_for_a_failing_delivery_takes_back_its_next_step(
    engine: Engine, session: Session, clock: FixedClock, first: Delivery
) -> None:
    (claim,) = claim_all(session, clock)
    pass_now(session, claim)
    answers: list[Answer] = []

    def take_back() -> None:
        with make_session_factory(engine).begin() as other:
            told = withdraw(other, first.practice_id, first.patient_id, now=clock.now(), reason="achieved")
            answers.extend(told.values())

    record_results(session, [(claim, NO_SUCH_BOX)], built=BOTH, now=clock.now(), chance=lambda: 1.0)
    waiter = threading.Thread(target=take_back)
    waiter.start()
    wait_until(lambda: is_somebody_waiting(engine))
    session.commit()
    waiter.join()

    assert answers == [Answer.effective]
    assert steps(session)[1] == (1, DeliveryState.cancelled, "achieved")


def test_a_busy_provider_is_left_alone_as_long_as_it_asks_and_no_attempt_is_used_up(
    session: Session, clock: FixedClock, first: Delivery
) -> None:
    fail(session, clock, Result(AttemptOutcome.refused, "429", retry_after=timedelta(minutes=7)))

    session.expire_all()
    delivery = session.scalars(select(Delivery)).one()
    assert (delivery.state, delivery.reason, delivery.attempts) == (DeliveryState.pending, "refused", 0)
    assert delivery.next_attempt_at == MONDAY_AFTERNOON + timedelta(minutes=7)


def test_attempts_that_may_have_been_accepted_are_counted_for_the_provider(
    session: Session, clock: FixedClock, first: Delivery
) -> None:
    for result in (Result(AttemptOutcome.unknown, "deadline"), Result(AttemptOutcome.refused, "503")):
        fail(session, clock, result)
        clock.advance(timedelta(minutes=5))
    (claim,) = claim_all(session, clock)

    permit = pass_now(session, claim, clock.now())

    assert permit is not None
    assert permit.draft.open_tries == 1
