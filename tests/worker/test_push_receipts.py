"""What became of messages that Expo took is asked for later, and what did not arrive goes on (real HTTP peer)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from models.engine import make_session_factory
from models.people import Patient
from models.practice import Practice
from models.private import lookup_hash
from models.push import PushAddress, PushProvider
from models.receipts import DeadAddress, Receipt, ReceiptKind
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState
from schedules.delivery.channels.expo import MOST_RECEIPTS, ExpoSender
from schedules.delivery.channels.http import HttpLine
from schedules.jobs import fetch_push_receipts, follow_receipts
from schedules.plan.vocabulary import Channel, Provider
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import service_engine_of, settings_for
from tests.failpoints import running_worker
from tests.worker.peers import mail_server
from tests.worker.push_peers import EXPO_TOKEN, ExpoPeer, reply, running
from tests.worker.push_samples import DEADLINE, EXPO_ADDRESS
from tests.worker.rows import open_count, story, wait_until

SENT_AT = MONDAY_AFTERNOON - timedelta(minutes=15)
DEAD = {"status": "error", "message": "a free text", "details": {"error": "DeviceNotRegistered"}}
TOO_BIG = {"status": "error", "message": "a free text", "details": {"error": "MessageTooBig"}}
FAST = {"poll_seconds": 0.1, "sender_processes": 1}
BUILT = frozenset({Provider.expo, Provider.smtp})


@pytest.fixture
def peer() -> Iterator[ExpoPeer]:
    peer = ExpoPeer()
    with running(peer):
        yield peer


@pytest.fixture
def expo(peer: ExpoPeer) -> Iterator[ExpoSender]:
    line = HttpLine()
    yield ExpoSender(peer.service, line)
    line.close()


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    return make_session_factory(service_engine_of(engine))


@pytest.fixture
def clinic(session: Session) -> Practice:
    return builders.practice(session)


@pytest.fixture
def phone(session: Session, taken: Delivery) -> PushAddress:
    """Return the phone to which the message went."""
    patient = session.get_one(Patient, (taken.practice_id, taken.patient_id))
    device = builders.device(session, patient)
    row = builders.push_address(session, device, provider=PushProvider.expo, address=EXPO_ADDRESS)
    session.commit()
    return row


@pytest.fixture
def taken(session: Session, clinic: Practice) -> Delivery:
    """Return a delivery that Expo took a quarter of an hour ago as ticket t-1."""
    return take(session, clinic, "t-1")


def take(session: Session, clinic: Practice, ticket: str, at: datetime = SENT_AT, **changes: Any) -> Delivery:
    delivery = builders.due_delivery(session, clinic, channels=["push", "email"])
    delivery.state, delivery.channel, delivery.finished_at = DeliveryState.sent, Channel.push, at
    delivery.target, delivery.fence, delivery.attempts = lookup_hash(EXPO_ADDRESS, clinic.id), 1, 1
    delivery.published = True
    row = DeliveryAttempt(practice_id=clinic.id, delivery_id=delivery.id, fence=1, channel=Channel.push)
    row.provider, row.provider_message_id, row.outcome = Provider.expo, ticket, AttemptOutcome.accepted
    row.started_at = row.ended_at = at
    for name, value in changes.items():
        setattr(row, name, value)
    session.add(row)
    session.commit()
    return delivery


def told(session: Session) -> list[tuple[str, ReceiptKind, str | None, bool]]:
    rows = session.scalars(select(Receipt).order_by(Receipt.delivery_id).execution_options(populate_existing=True))
    return [(row.delivery_id, row.kind, row.code, row.is_read) for row in rows]


def fetch(make_session: sessionmaker[Session], expo: ExpoSender, clock: FixedClock) -> None:
    fetch_push_receipts(make_session, expo, deadline=DEADLINE, now=clock.now())


def asked_for(peer: ExpoPeer) -> list[list[str]]:
    return [seen.json["ids"] for seen in peer.seen]


def test_what_expo_handed_on_is_stored_once_and_is_no_word_that_it_arrived(
    session: Session,
    make_session: sessionmaker[Session],
    clock: FixedClock,
    peer: ExpoPeer,
    expo: ExpoSender,
    taken: Delivery,
) -> None:
    peer.receipts = {"t-1": {"status": "ok"}}

    for _ in range(2):
        fetch(make_session, expo, clock)
        follow_receipts(make_session, BUILT, clock.now())

    assert asked_for(peer) == [["t-1"]]
    assert told(session) == [(taken.id, ReceiptKind.delivered, "ok", True)]
    assert story(session, taken) == []


def test_a_dead_phone_is_disabled_and_what_it_did_not_get_goes_on(
    session: Session,
    make_session: sessionmaker[Session],
    clock: FixedClock,
    peer: ExpoPeer,
    expo: ExpoSender,
    taken: Delivery,
    phone: PushAddress,
) -> None:
    peer.receipts = {"t-1": DEAD}

    fetch(make_session, expo, clock)
    follow_receipts(make_session, BUILT, clock.now())

    session.expire_all()
    assert told(session) == [(taken.id, ReceiptKind.bounced, "DeviceNotRegistered", True)]
    assert (phone.disabled_at, phone.disabled_code) == (MONDAY_AFTERNOON, "DeviceNotRegistered")
    assert (taken.state, taken.reason) == (DeliveryState.failed, "address_dead")
    assert story(session, taken) == [("undelivered", "address_dead"), ("planned", "fell_back")]
    assert session.scalars(select(DeadAddress)).all() == []


def test_a_phone_that_registered_again_since_stays(
    session: Session,
    make_session: sessionmaker[Session],
    clock: FixedClock,
    peer: ExpoPeer,
    expo: ExpoSender,
    phone: PushAddress,
) -> None:
    phone.registered_at = SENT_AT + timedelta(seconds=1)
    session.commit()
    peer.receipts = {"t-1": DEAD}

    fetch(make_session, expo, clock)
    follow_receipts(make_session, BUILT, clock.now())

    session.expire_all()
    assert phone.disabled_at is None


def test_what_was_refused_later_for_another_reason_goes_on_and_disables_nothing(
    session: Session,
    make_session: sessionmaker[Session],
    clock: FixedClock,
    peer: ExpoPeer,
    expo: ExpoSender,
    taken: Delivery,
    phone: PushAddress,
) -> None:
    peer.receipts = {"t-1": TOO_BIG}

    fetch(make_session, expo, clock)
    follow_receipts(make_session, BUILT, clock.now())

    session.expire_all()
    assert told(session) == [(taken.id, ReceiptKind.undelivered, "MessageTooBig", True)]
    assert (taken.state, phone.disabled_at) == (DeliveryState.failed, None)


def test_only_what_expo_took_a_quarter_of_an_hour_to_a_day_ago_is_asked_for(
    session: Session,
    make_session: sessionmaker[Session],
    clock: FixedClock,
    peer: ExpoPeer,
    expo: ExpoSender,
    clinic: Practice,
) -> None:
    minute = timedelta(minutes=1)
    take(session, clinic, "first", MONDAY_AFTERNOON - timedelta(days=1) + minute)
    take(session, clinic, "last", SENT_AT)
    take(session, builders.practice(session), "elsewhere")
    take(session, clinic, "too-old", MONDAY_AFTERNOON - timedelta(days=1))
    take(session, clinic, "too-new", SENT_AT + minute)
    take(session, clinic, "of-another", provider=Provider.fcm)
    take(session, clinic, "refused", outcome=AttemptOutcome.refused)
    take(session, clinic, "running", ended_at=None, outcome=None)
    peer.receipts = {"last": "odd"}

    fetch(make_session, expo, clock)

    assert asked_for(peer) == [["elsewhere", "first", "last"]]
    assert told(session) == []


def test_all_items_of_one_message_have_its_receipt(
    session: Session,
    make_session: sessionmaker[Session],
    clock: FixedClock,
    peer: ExpoPeer,
    expo: ExpoSender,
    clinic: Practice,
    taken: Delivery,
) -> None:
    other = take(session, clinic, "t-1", carried_by=taken.id)
    peer.receipts = {"t-1": TOO_BIG}

    fetch(make_session, expo, clock)

    assert asked_for(peer) == [["t-1"]]
    assert {each[0] for each in told(session)} == {taken.id, other.id}


def test_tickets_are_asked_for_in_chunks_and_one_that_breaks_takes_no_other_with_it(
    session: Session,
    make_session: sessionmaker[Session],
    clock: FixedClock,
    peer: ExpoPeer,
    expo: ExpoSender,
    clinic: Practice,
) -> None:
    for number in range(MOST_RECEIPTS):
        take(session, clinic, f"late-{number}")
    early = take(session, clinic, "early", SENT_AT - timedelta(minutes=1))
    peer.receipts = {"early": TOO_BIG}
    peer.answer = lambda seen: reply(500) if len(seen.json["ids"]) == MOST_RECEIPTS else None

    fetch(make_session, expo, clock)

    assert [len(ids) for ids in asked_for(peer)] == [MOST_RECEIPTS, 1]
    assert [each[0] for each in told(session)] == [early.id]


def test_a_worker_asks_by_itself_and_the_message_goes_on_by_mail(
    engine: Engine, session: Session, database_url: str, peer: ExpoPeer, phone: PushAddress
) -> None:
    peer.receipts = {"t-1": DEAD}
    with mail_server() as mail:
        settings = settings_for(database_url, smtp_port=mail.port, **(FAST | account_of(peer)))
        with running_worker(settings, now=MONDAY_AFTERNOON) as worker:
            wait_until(lambda: len(mail.recipients) == 1 and open_count(engine) == 0)
            code = worker.terminate()

    session.expire_all()
    assert code == 0
    assert asked_for(peer) == [["t-1"]]
    assert phone.disabled_code == "DeviceNotRegistered"


@pytest.mark.sqlite_only
def test_where_the_log_stands_in_for_expo_it_is_not_asked(
    engine: Engine, session: Session, database_url: str, peer: ExpoPeer, phone: PushAddress, clinic: Practice
) -> None:
    builders.due_delivery(session, clinic)
    session.commit()
    settings = settings_for(database_url, send_to_log=True, **(FAST | account_of(peer)))

    with running_worker(settings, now=MONDAY_AFTERNOON):
        wait_until(lambda: open_count(engine) == 0)

    assert peer.seen == []
    assert phone.disabled_at is None


def account_of(peer: ExpoPeer) -> dict[str, Any]:
    return {"expo_url": peer.url, "expo_token": EXPO_TOKEN}
