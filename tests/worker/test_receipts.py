"""Receipts and dead addresses: what arrived stays arrived, what bounced goes on, what is dead is passed over (N11)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from models.care import Milestone
from models.engine import make_session_factory
from models.people import Patient
from models.private import lookup_hash
from models.receipts import DeadAddress, Receipt, ReceiptKind
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState, Reminder
from models.report import Task, TaskKind, TaskState
from schedules.delivery.channels import Refusal, Result
from schedules.delivery.dead_addresses import note_dead
from schedules.delivery.gate import pass_gate
from schedules.delivery.record import record_results
from schedules.jobs import follow_receipts, publish
from schedules.plan.vocabulary import Channel, Provider, ReminderState
from schedules.planning import withdraw
from schedules.planning.receipts import store_receipts
from service.care.receipts import read_mail_event
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import service_engine_of, settings_for
from tests.failpoints import running_worker
from tests.worker.desks import claim_all, lease_of
from tests.worker.peers import mail_server
from tests.worker.rows import open_count, shown_count, state_of, story, wait_until
from tests.worker.sms_peer import ACCOUNT, SENDER, TOKEN, sms_service

BOTH = frozenset({Provider.smtp, Provider.sms})
ACCEPTED = Result(AttemptOutcome.accepted, "250", message_id="<key@localhost>")
NO_SUCH_BOX = Result(AttemptOutcome.refused, "550", Refusal.address)
D, U, B, C = ReceiptKind.delivered, ReceiptKind.undelivered, ReceiptKind.bounced, ReceiptKind.complained


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    return make_session_factory(service_engine_of(engine))


@pytest.fixture
def first(session: Session) -> Delivery:
    """Return a due delivery to a patient who wants e-mail, then SMS."""
    changes = {"channels": ["email", "sms"], "email": "alex@example.org", "phone": "+12125550123"}
    delivery = builders.due_delivery(session, builders.practice(session), **changes)
    session.commit()
    return delivery


def attempt(session: Session, clock: FixedClock, result: Result = ACCEPTED) -> None:
    """Claim what is due, take it through the gate and record the result."""
    for claim in claim_all(session, clock):
        permits = pass_gate(session, [claim], lease_of(clock), built=BOTH, now=clock.now())
        session.commit()
        if permits:
            record_results(session, [(claim, result)], built=BOTH, now=clock.now(), chance=lambda: 1.0)
        session.commit()
        session.expire_all()


def tell(session: Session, delivery: Delivery, kind: ReceiptKind, name: str = "", code: str | None = None) -> None:
    """Store a receipt of the delivery's last attempt."""
    session.refresh(delivery)
    at = MONDAY_AFTERNOON + timedelta(minutes=1)
    row = Receipt(practice_id=delivery.practice_id, id=name or kind.value, delivery_id=delivery.id, kind=kind)
    row.fence, row.code, row.happened_at, row.received_at = delivery.fence, code, at, at
    session.add(row)
    session.commit()


def follow(make_session: sessionmaker[Session], clock: FixedClock, session: Session) -> None:
    follow_receipts(make_session, BOTH, clock.now())
    session.expire_all()


def steps(session: Session) -> list[tuple[int, Channel | None, DeliveryState, str | None]]:
    rows = session.scalars(select(Delivery).order_by(Delivery.step).execution_options(populate_existing=True))
    return [(row.step, row.channel, row.state, row.reason) for row in rows]


def shown(session: Session) -> tuple[ReminderState, str | None, datetime | None]:
    row = session.scalars(select(Reminder).execution_options(populate_existing=True)).one()
    return row.state, row.reason, row.sent_at


def test_what_arrived_is_told(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock, first: Delivery
) -> None:
    attempt(session, clock)
    tell(session, first, D)

    for _ in range(2):
        follow(make_session, clock, session)

    assert story(session, first) == [("sending", None), ("sent", None), ("delivered", None)]
    assert steps(session) == [(0, Channel.email, DeliveryState.sent, None)]


@pytest.mark.parametrize("is_shown", [False, True])
def test_a_message_that_bounces_inside_its_usefulness_goes_on_to_the_next_channel(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock, first: Delivery, is_shown: bool
) -> None:
    attempt(session, clock)
    if is_shown:
        publish(make_session)
    tell(session, first, B, code="5.1.1")

    follow(make_session, clock, session)
    waiting = shown(session)
    attempt(session, clock, Result(AttemptOutcome.accepted, "201", message_id="SM1"))
    publish(make_session)

    assert waiting == (ReminderState.planned, None, None)
    assert steps(session) == [
        (0, Channel.email, DeliveryState.failed, "address_dead"),
        (1, Channel.sms, DeliveryState.sent, None),
    ]
    assert story(session, first)[2:] == [
        ("undelivered", "address_dead"),
        ("planned", "fell_back"),
        ("passed_over", "already_tried"),
        ("sending", None),
        ("sent", None),
    ]
    assert shown(session) == (ReminderState.sent, None, MONDAY_AFTERNOON)


def test_what_bounces_with_no_channel_left_is_shown_as_failed(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock, first: Delivery
) -> None:
    session.get_one(Patient, (first.practice_id, first.patient_id)).channels = ["email"]
    session.commit()
    attempt(session, clock)
    publish(make_session)
    tell(session, first, B)

    follow(make_session, clock, session)
    publish(make_session)

    assert shown(session) == (ReminderState.failed, "address_dead", None)
    assert steps(session) == [(0, Channel.email, DeliveryState.failed, "address_dead")]


def test_what_bounces_too_late_does_not_go_on(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock, first: Delivery
) -> None:
    attempt(session, clock)
    tell(session, first, U)
    clock.advance(timedelta(days=3))

    follow(make_session, clock, session)

    assert steps(session) == [(0, Channel.email, DeliveryState.failed, "not_delivered")]


@pytest.mark.parametrize("kind", [U, ReceiptKind.opted_out])
def test_a_failure_of_the_moment_leaves_the_address_alive(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock, first: Delivery, kind: ReceiptKind
) -> None:
    attempt(session, clock)
    tell(session, first, kind)

    follow(make_session, clock, session)

    assert len(steps(session)) == 2
    assert session.scalars(select(DeadAddress)).all() == []


@pytest.mark.parametrize("order", [(D, U, B), (U, D, B), (B, U, D)])
@pytest.mark.sqlite_only
def test_what_arrived_never_goes_back_when_all_is_told_at_once(
    session: Session,
    make_session: sessionmaker[Session],
    clock: FixedClock,
    first: Delivery,
    order: tuple[ReceiptKind, ...],
) -> None:
    attempt(session, clock)
    for number, kind in enumerate(order):
        tell(session, first, kind, name=f"event-{number}")

    follow(make_session, clock, session)

    assert [line for line in story(session, first) if "delivered" in line[0]] == [("delivered", None)]
    assert steps(session) == [(0, Channel.email, DeliveryState.sent, None)]


def test_what_arrived_never_goes_back_when_a_failure_is_told_later(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock, first: Delivery
) -> None:
    attempt(session, clock)
    for kind in (D, U):
        tell(session, first, kind)
        follow(make_session, clock, session)

    assert story(session, first)[2:] == [("delivered", None)]
    assert steps(session)[0][2] is DeliveryState.sent


def test_an_arrival_that_is_told_after_the_failure_is_told_and_calls_nothing_off(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock, first: Delivery
) -> None:
    attempt(session, clock)
    for kind in (U, D):
        tell(session, first, kind)
        follow(make_session, clock, session)

    assert story(session, first)[2:] == [
        ("undelivered", "not_delivered"),
        ("planned", "fell_back"),
        ("delivered", None),
    ]


def test_two_failures_of_one_message_go_on_once(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock, first: Delivery
) -> None:
    attempt(session, clock)
    tell(session, first, U)
    tell(session, first, B)
    follow(make_session, clock, session)
    tell(session, first, U, name="again")
    follow(make_session, clock, session)

    assert len(steps(session)) == 2


def test_a_message_marked_as_unwanted_arrived_and_ends_the_address(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock, first: Delivery
) -> None:
    attempt(session, clock)
    tell(session, first, C)

    follow(make_session, clock, session)

    assert story(session, first)[2:] == [("delivered", "complained")]
    assert len(session.scalars(select(DeadAddress)).all()) == 1
    assert steps(session) == [(0, Channel.email, DeliveryState.sent, None)]


def test_what_was_called_off_meanwhile_does_not_go_on(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock, first: Delivery
) -> None:
    attempt(session, clock)
    session.get_one(Reminder, (first.practice_id, first.reminder_id)).state = ReminderState.cancelled
    session.commit()
    tell(session, first, B)

    follow(make_session, clock, session)

    assert len(steps(session)) == 1
    assert shown(session)[0] is ReminderState.cancelled


def test_an_older_planning_of_a_reminder_changes_nothing_of_the_newer(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock, first: Delivery
) -> None:
    attempt(session, clock)
    session.get_one(Reminder, (first.practice_id, first.reminder_id)).generation = 2
    session.commit()
    tell(session, first, B)

    follow(make_session, clock, session)

    assert len(steps(session)) == 1
    assert shown(session)[0] is ReminderState.planned


def test_a_receipt_of_an_earlier_attempt_fails_no_later_one(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock, first: Delivery
) -> None:
    attempt(session, clock, Result(AttemptOutcome.unknown, "deadline"))
    tell(session, first, B)
    clock.advance(timedelta(minutes=1))
    attempt(session, clock)

    follow(make_session, clock, session)

    assert steps(session) == [(0, Channel.email, DeliveryState.sent, None)]
    assert session.scalars(select(DeadAddress)).all() == []


def test_an_address_that_is_refused_for_good_is_passed_over_from_then_on_and_asked_about_once(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock, first: Delivery
) -> None:
    attempt(session, clock, NO_SUCH_BOX)
    attempt(session, clock)
    for _ in range(2):
        follow(make_session, clock, session)
    reminder = session.get_one(Reminder, (first.practice_id, first.reminder_id))
    second = builders.reminder(
        session, session.get_one(Milestone, (first.practice_id, reminder.milestone_id)), repeat=1
    )
    builders.delivery(session, second)
    session.commit()
    attempt(session, clock)

    (dead,) = session.scalars(select(DeadAddress)).all()
    (task,) = session.scalars(select(Task)).all()
    assert (dead.provider, dead.code, dead.died_at) == (Provider.smtp, "550", MONDAY_AFTERNOON)
    assert bytes(dead.target) == lookup_hash("alex@example.org", first.practice_id)
    assert (task.kind, task.state, task.patient_id) == (TaskKind.address_failed, TaskState.open, first.patient_id)
    assert (task.about, task.due_on) == ({"channel": "email", "code": "550"}, date(2026, 3, 2))
    told = session.scalars(select(Delivery).where(Delivery.reminder_id == second.id)).one()
    assert story(session, told) == [("passed_over", "address_dead"), ("sending", None), ("sent", None)]


def test_a_changed_address_is_alive_at_once(session: Session, clock: FixedClock, first: Delivery) -> None:
    session.add(dead(first, "alex@example.org"))
    session.get_one(Patient, (first.practice_id, first.patient_id)).email = "alex.sample@example.org"
    session.commit()

    attempt(session, clock)

    assert steps(session) == [(0, Channel.email, DeliveryState.sent, None)]


def test_an_address_is_dead_in_its_own_practice_alone(session: Session, clock: FixedClock, first: Delivery) -> None:
    other = builders.due_delivery(session, builders.practice(session), email="alex@example.org")
    session.add(dead(first, "alex@example.org"))
    session.commit()

    attempt(session, clock)

    session.refresh(other)
    assert other.state is DeliveryState.sent


@pytest.mark.parametrize(("revived_after_minutes", "dies_again"), [(-1, True), (1, False)])
def test_a_revived_address_dies_of_a_later_message_alone(
    session: Session, clock: FixedClock, first: Delivery, revived_after_minutes: int, dies_again: bool
) -> None:
    attempt(session, clock)
    row = dead(first, "alex@example.org")
    row.revived_at = MONDAY_AFTERNOON + timedelta(minutes=revived_after_minutes)
    session.add(row)
    session.commit()
    tried = session.scalars(select(DeliveryAttempt)).one()

    news = note_dead(session, tried, bytes(row.target), code="5.1.1", now=MONDAY_AFTERNOON + timedelta(hours=1))
    session.commit()

    assert news is dies_again
    assert (row.revived_at is None) is dies_again


def test_a_fall_back_passes_a_dead_address_over(session: Session, clock: FixedClock, first: Delivery) -> None:
    session.add(dead(first, "+12125550123"))
    session.commit()

    attempt(session, clock, NO_SUCH_BOX)

    assert steps(session) == [(0, Channel.email, DeliveryState.failed, "address_refused")]


def test_what_waits_after_a_bounce_is_taken_back_like_any_other(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock, first: Delivery
) -> None:
    attempt(session, clock)
    tell(session, first, B)
    follow(make_session, clock, session)

    withdraw(session, first.practice_id, first.patient_id, now=clock.now(), reason="achieved")
    session.commit()

    assert steps(session)[1][2:] == (DeliveryState.cancelled, "achieved")


def dead(delivery: Delivery, address: str) -> DeadAddress:
    row = DeadAddress(practice_id=delivery.practice_id, target=lookup_hash(address, delivery.practice_id))
    row.delivery_id, row.provider, row.died_at = delivery.id, Provider.smtp, datetime(2026, 2, 1, tzinfo=UTC)
    return row


@pytest.mark.sqlite_only
def test_a_mail_that_the_mail_service_reports_as_bounced_goes_on_by_sms(
    engine: Engine, session: Session, database_url: str, first: Delivery
) -> None:
    with mail_server() as mail, sms_service() as sms:
        account = {"sms_url": sms.url, "sms_account": ACCOUNT, "sms_token": TOKEN, "sms_sender": SENDER}
        settings = settings_for(database_url, smtp_port=mail.port, poll_seconds=0.1, sender_processes=1, **account)
        with running_worker(settings, now=MONDAY_AFTERNOON):
            wait_until(lambda: state_of(engine, first) is DeliveryState.sent)
            event = {"id": "1", "type": "bounced", "message_id": mail.keys[0], "at": MONDAY_AFTERNOON, "code": "5.1.1"}
            with make_session_factory(engine).begin() as service:
                unknown = store_receipts(service, Provider.smtp, [read_mail_event(event)], MONDAY_AFTERNOON)
            wait_until(lambda: len(sms.forms) == 1)
            wait_until(lambda: shown_count(engine, ReminderState.sent) == 1 and open_count(engine) == 0)

    assert (unknown, sms.forms[0]["To"]) == (0, "+12125550123")
    assert [task.about for task in session.scalars(select(Task))] == [{"channel": "email", "code": "5.1.1"}]
