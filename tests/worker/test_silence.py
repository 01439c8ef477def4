"""What went out and nobody acknowledged goes on to the patient's next channel, unless anything ends it before (R17)."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.care import Milestone
from models.engine import make_session_factory
from models.people import Patient
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState, Reminder
from schedules.delivery.book import Claim
from schedules.delivery.channels import Refusal, Result
from schedules.delivery.gate import Permit, pass_gate
from schedules.delivery.policy import Policy, policy_of
from schedules.delivery.record import record_results
from schedules.jobs.publish import publish
from schedules.plan.vocabulary import Channel, Provider, ReminderState
from schedules.planning import Answer, withdraw
from schedules.planning.reminders import arm_again
from schedules.planning.withdrawal import stop_repeats
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import service_engine_of, settings_for
from tests.worker.desks import claim_all, lease_of
from tests.worker.rows import is_somebody_waiting, story, wait_until

BOTH = frozenset({Provider.smtp, Provider.sms})
TAKEN = Result(AttemptOutcome.accepted, "200")
REFUSED = Result(AttemptOutcome.refused, "550", Refusal.address)
FOUR_HOURS = timedelta(hours=4)


def on_its_way(session: Session, *, channel: Channel = Channel.push, **columns: Any) -> Delivery:
    """Return a first step that was just handed over; the patient's order is push, e-mail, SMS."""
    delivery = builders.due_delivery(
        session, builders.practice(session), channels=["push", "email", "sms"], phone="+12125550123"
    )
    delivery.state, delivery.channel, delivery.target = DeliveryState.sending, channel, b"a device"
    delivery.fence, delivery.attempts = 1, 1
    for name, value in columns.items():
        setattr(delivery, name, value)
    attempt = DeliveryAttempt(practice_id=delivery.practice_id, delivery_id=delivery.id, fence=1, channel=channel)
    attempt.started_at = MONDAY_AFTERNOON
    session.add(attempt)
    session.commit()
    return delivery


def record(session: Session, claim: Claim, result: Result = TAKEN, *, now: datetime = MONDAY_AFTERNOON) -> None:
    record_results(session, [(claim, result)], built=BOTH, now=now, chance=lambda: 1.0)
    session.commit()


def claim_of(delivery: Delivery) -> Claim:
    return Claim(delivery.practice_id, delivery.patient_id, delivery.id, delivery.fence)


@pytest.fixture
def first(session: Session) -> Delivery:
    """Return a first step that push took a moment ago."""
    delivery = on_its_way(session)
    record(session, claim_of(delivery))
    return delivery


def steps(session: Session) -> list[tuple[int, DeliveryState, str | None]]:
    rows = session.scalars(select(Delivery).order_by(Delivery.step).execution_options(populate_existing=True))
    return [(row.step, row.state, row.reason) for row in rows]


def second(session: Session) -> Delivery:
    return session.scalars(select(Delivery).filter_by(step=1).execution_options(populate_existing=True)).one()


def reminder_of(session: Session, delivery: Delivery) -> Reminder:
    return session.get_one(Reminder, (delivery.practice_id, delivery.reminder_id), populate_existing=True)


def when_silence_is_over(session: Session, clock: FixedClock) -> Permit | None:
    """Claim the step that waited for an answer, and take it through the gate."""
    clock.advance(FOUR_HOURS)
    (claim,) = claim_all(session, clock)
    permits = pass_gate(session, [claim], lease_of(clock), built=BOTH, now=clock.now())
    session.commit()
    return permits[0] if permits else None


def test_a_push_that_nobody_opens_goes_on_to_the_next_channel_after_four_hours(
    engine: Engine, session: Session, clock: FixedClock, first: Delivery
) -> None:
    publish(make_session_factory(service_engine_of(engine)))
    nothing_yet = claim_all(session, clock)

    permit = when_silence_is_over(session, clock)

    following = second(session)
    assert nothing_yet == []
    assert permit is not None
    assert permit.channel is Channel.email
    assert (following.after_silence, following.due_at, following.useful_until) == (
        True,
        first.due_at,
        first.useful_until,
    )
    assert reminder_of(session, first).state is ReminderState.sent
    assert story(session, first) == [
        ("sent", None),
        ("planned", "silence"),
        ("passed_over", "not_built"),
        ("sending", None),
    ]


def test_what_was_seen_before_is_not_said_again(session: Session, clock: FixedClock, first: Delivery) -> None:
    reminder_of(session, first).acknowledged_at = MONDAY_AFTERNOON
    session.commit()

    permit = when_silence_is_over(session, clock)

    assert permit is None
    assert steps(session)[1] == (1, DeliveryState.cancelled, "acknowledged")


@pytest.mark.parametrize(
    ("channel", "urgency", "minutes"),
    [
        (Channel.push, 2, 240),
        (Channel.push, 1, 240),
        (Channel.push, 0, 30),
        (Channel.email, 0, 30),
        (Channel.email, 1, None),
        (Channel.email, 2, None),
    ],
)
def test_an_app_is_waited_for_and_for_what_is_urgent_everybody_is(
    session: Session, channel: Channel, urgency: int, minutes: int | None
) -> None:
    delivery = on_its_way(session, channel=channel, urgency=urgency)

    record(session, claim_of(delivery))

    waits = [each for each in session.scalars(select(Delivery)) if each.after_silence]
    expected = [] if minutes is None else [MONDAY_AFTERNOON + timedelta(minutes=minutes)]
    assert [each.next_attempt_at for each in waits] == expected
    assert [each.urgency for each in waits] == [urgency] * len(expected)


def test_the_settings_say_how_long_silence_lasts(session: Session) -> None:
    settings = settings_for("sqlite:///any", silence_minutes=90)
    delivery = on_its_way(session)

    record_results(
        session,
        [(claim_of(delivery), TAKEN)],
        built=BOTH,
        now=MONDAY_AFTERNOON,
        chance=lambda: 1.0,
        policy=policy_of(settings),
    )
    session.commit()

    assert policy_of(settings_for("sqlite:///any")) == Policy()
    assert second(session).next_attempt_at == MONDAY_AFTERNOON + timedelta(minutes=90)


def patient_of(session: Session, delivery: Delivery) -> Patient:
    return session.get_one(Patient, (delivery.practice_id, delivery.patient_id))


NO_NEXT_STEP: dict[str, Callable[[Session, Delivery], object]] = {
    "no time is left": lambda _, row: setattr(row, "useful_until", MONDAY_AFTERNOON + FOUR_HOURS),
    "no other channel": lambda session, row: setattr(patient_of(session, row), "channels", ["push"]),
    "all else stopped": lambda session, row: setattr(patient_of(session, row), "opted_out", ["email", "sms"]),
    "seen already": lambda session, row: setattr(reminder_of(session, row), "acknowledged_at", MONDAY_AFTERNOON),
    "called off": lambda session, row: setattr(reminder_of(session, row), "state", ReminderState.cancelled),
    "planned again": lambda session, row: setattr(reminder_of(session, row), "generation", 2),
}


@pytest.mark.parametrize("change", NO_NEXT_STEP.values(), ids=NO_NEXT_STEP.keys())
def test_what_cannot_or_need_not_be_said_again_has_no_next_step(
    session: Session, change: Callable[[Session, Delivery], object]
) -> None:
    delivery = on_its_way(session)
    change(session, delivery)
    session.commit()

    record(session, claim_of(delivery))

    assert steps(session) == [(0, DeliveryState.sent, None)]


def test_a_repeat_that_fails_goes_on_to_the_channel_after_it_and_can_still_be_acknowledged(
    engine: Engine, session: Session, clock: FixedClock, first: Delivery
) -> None:
    publish(make_session_factory(service_engine_of(engine)))
    when_silence_is_over(session, clock)

    record(session, claim_of(second(session)), REFUSED, now=clock.now())
    publish(make_session_factory(service_engine_of(engine)))

    assert [state for _, state, _ in steps(session)] == ["sent", "failed", "pending"]
    assert session.scalars(select(Delivery.after_silence).filter_by(step=2)).one()
    assert reminder_of(session, first).state is ReminderState.sent


@pytest.mark.parametrize(
    "state", [DeliveryState.expired, DeliveryState.suppressed, DeliveryState.failed, DeliveryState.quarantined]
)
def test_however_a_repeat_ends_its_reminder_stays_sent(
    engine: Engine, session: Session, first: Delivery, state: DeliveryState
) -> None:
    following = second(session)
    following.state, following.finished_at = state, MONDAY_AFTERNOON + FOUR_HOURS
    first.published = True  # shown by a batch that has not been committed when the next begins
    session.commit()

    publish(make_session_factory(service_engine_of(engine)))
    assert reminder_of(session, first).state is ReminderState.planned
    first.published = False
    session.commit()
    publish(make_session_factory(service_engine_of(engine)))

    row = reminder_of(session, first)
    assert (row.state, row.reason, row.sent_at) == (ReminderState.sent, None, MONDAY_AFTERNOON)


def test_a_withdrawal_stops_the_repeat_and_says_that_the_message_went_out(
    engine: Engine, session: Session, first: Delivery
) -> None:
    publish(make_session_factory(service_engine_of(engine)))
    session.expire_all()

    answers = withdraw(session, first.practice_id, first.patient_id, now=MONDAY_AFTERNOON, reason="achieved")
    session.commit()
    publish(make_session_factory(service_engine_of(engine)))

    assert answers == {first.reminder_id: Answer.already_sent}
    assert steps(session)[1] == (1, DeliveryState.cancelled, "achieved")
    assert reminder_of(session, first).state is ReminderState.sent


def test_a_repeat_on_its_way_at_a_withdrawal_is_not_tried_again(
    session: Session, clock: FixedClock, first: Delivery
) -> None:
    when_silence_is_over(session, clock)
    withdraw(session, first.practice_id, first.patient_id, now=clock.now(), reason="not_in_plan")
    session.commit()
    record(session, claim_of(second(session)), Result(AttemptOutcome.refused, "450"), now=clock.now())

    (claim,) = claim_all(session, clock)
    permits = pass_gate(session, [claim], lease_of(clock), built=BOTH, now=clock.now())
    session.commit()

    assert permits == []
    assert steps(session)[1] == (1, DeliveryState.expired, "too_late")


STOPPING: dict[str, tuple[DeliveryState, str, Callable[[Session, Delivery], object]]] = {
    "achieved": (
        DeliveryState.cancelled,
        "achieved",
        lambda session, row: builders.progress(
            session, session.get_one(Milestone, (row.practice_id, reminder_of(session, row).milestone_id))
        ),
    ),
    "died": (
        DeliveryState.cancelled,
        "died",
        lambda session, row: setattr(patient_of(session, row), "died_on", date(2026, 3, 2)),
    ),
    "planned again": (
        DeliveryState.cancelled,
        "moved",
        lambda session, row: setattr(reminder_of(session, row), "generation", 2),
    ),
    "channels stopped": (
        DeliveryState.suppressed,
        "no_channel",
        lambda session, row: setattr(patient_of(session, row), "opted_out", ["email", "sms"]),
    ),
    "category stopped": (
        DeliveryState.suppressed,
        "opted_out_category",
        lambda session, row: setattr(patient_of(session, row), "opted_out_categories", ["activity"]),
    ),
}


@pytest.mark.parametrize(("state", "reason", "change"), STOPPING.values(), ids=STOPPING.keys())
def test_what_became_wrong_while_nobody_answered_is_not_said_again(
    session: Session,
    clock: FixedClock,
    first: Delivery,
    state: DeliveryState,
    reason: str,
    change: Callable[[Session, Delivery], object],
) -> None:
    change(session, first)
    session.commit()

    permit = when_silence_is_over(session, clock)

    assert permit is None
    assert steps(session)[1] == (1, state, reason)


@pytest.mark.postgresql_only
def test_who_waited_for_the_result_stops_the_repeat_that_it_planned(engine: Engine, session: Session) -> None:
    delivery = on_its_way(session)

    def acknowledge() -> None:
        with make_session_factory(engine).begin() as other:
            row = other.get_one(Reminder, (delivery.practice_id, delivery.reminder_id))
            stop_repeats(other, [row], now=MONDAY_AFTERNOON, reason="acknowledged")

    record_results(session, [(claim_of(delivery), TAKEN)], built=BOTH, now=MONDAY_AFTERNOON, chance=lambda: 1.0)
    waiter = threading.Thread(target=acknowledge)
    waiter.start()
    wait_until(lambda: is_somebody_waiting(engine))
    session.commit()
    waiter.join()

    assert steps(session)[1] == (1, DeliveryState.cancelled, "acknowledged")


@pytest.mark.parametrize("how", ["silence", "failure", "snooze"])
def test_what_goes_out_another_time_or_way_keeps_quiet_hours_and_never_comes_before_it_is_due(
    session: Session, clock: FixedClock, how: str
) -> None:
    evening, morning = datetime(2026, 3, 3, 1, 0, tzinfo=UTC), datetime(2026, 3, 3, 13, 0, tzinfo=UTC)  # 20:00, 08:00
    delivery = on_its_way(session)
    for name, value in builders.QUIET_NIGHT.items():
        setattr(patient_of(session, delivery), name, value)
    session.commit()
    clock.set_wall_clock(evening if how == "silence" else evening + FOUR_HOURS)
    if how == "snooze":
        stop_repeats(session, [reminder_of(session, delivery)], now=clock.now(), reason="snoozed")
        arm_again(session, reminder_of(session, delivery), due_at=evening + FOUR_HOURS, now=evening)
        session.commit()
    else:
        record(session, claim_of(delivery), TAKEN if how == "silence" else REFUSED, now=clock.now())
        clock.set_wall_clock(evening + FOUR_HOURS)

    (claim,) = [each for each in claim_all(session, clock) if each.delivery_id != delivery.id]
    at_midnight = pass_gate(session, [claim], lease_of(clock), built=BOTH, now=clock.now())
    session.commit()
    row = session.get_one(Delivery, (claim.practice_id, claim.delivery_id), populate_existing=True)

    assert at_midnight == []
    assert (row.state, row.reason, row.next_attempt_at) == (DeliveryState.pending, "quiet_hours", morning)
    assert row.due_at >= delivery.due_at
