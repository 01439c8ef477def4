"""A patient's devices: which are tried, in what order, and what becomes of an address that is called dead."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from models.identity import Device
from models.people import Patient
from models.private import lookup_hash, seal
from models.push import PushAddress, PushProvider
from models.reminder import AttemptOutcome, Delivery, DeliveryState
from schedules.delivery.book import Claim
from schedules.delivery.channels import ChannelSender, Fault, Refusal, Result
from schedules.delivery.channels.apns import ApnsSender
from schedules.delivery.channels.fcm import FcmSender
from schedules.delivery.channels.http import HttpLine
from schedules.delivery.decide import Offer
from schedules.delivery.gate import pass_gate
from schedules.delivery.push_addresses import PushTarget, load_push_targets
from schedules.delivery.record import record_results
from schedules.delivery.ways import Contact, Ways, offers_of
from schedules.plan.vocabulary import Channel, Provider
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.worker.apns_peer import apns_service
from tests.worker.desks import Outbox, claim_all, deliver, desk_of, lease_of
from tests.worker.push_peers import FcmPeer, Reply, Seen, reply, running
from tests.worker.push_samples import APNS_ADDRESS
from tests.worker.rows import story

BUILT = frozenset({Provider.fcm, Provider.apns, Provider.smtp})
DEAD = Result(AttemptOutcome.refused, "UNREGISTERED", Refusal.address)
OLD, NEW = "token-of-the-old-phone:" + "a" * 20, "token-of-the-new-phone:" + "b" * 20


@pytest.fixture(scope="module")
def line() -> Iterator[HttpLine]:
    opened = HttpLine()
    yield opened
    opened.close()


@pytest.fixture
def fcm() -> Iterator[FcmPeer]:
    peer = FcmPeer()
    with running(peer):
        yield peer


@pytest.fixture
def delivery(session: Session) -> Delivery:
    """Return a due delivery to a patient who wants push, then e-mail."""
    delivery = builders.due_delivery(session, builders.practice(session), channels=["push", "email"])
    session.commit()
    return delivery


def patient_of(session: Session, delivery: Delivery) -> Patient:
    return session.get_one(Patient, (delivery.practice_id, delivery.patient_id))


def add_phone(session: Session, delivery: Delivery, **changes: Any) -> PushAddress:
    row = builders.push_address(session, builders.device(session, patient_of(session, delivery)), **changes)
    session.commit()
    return row


def deliver_all(engine: Engine, session: Session, clock: FixedClock, senders: dict[Provider, ChannelSender]) -> int:
    """Deliver until nothing is due, and return how many steps that took."""
    desk, count = desk_of(engine, clock, senders), 0
    while claims := claim_all(session, clock):
        for claim in claims:
            deliver(desk, claim)
            count += 1
    session.expire_all()
    return count


def begin(session: Session, clock: FixedClock) -> Claim:
    """Claim what is due and take it through the gate."""
    (claim,) = claim_all(session, clock)
    assert len(pass_gate(session, [claim], lease_of(clock), built=BUILT, now=clock.now())) == 1
    session.commit()
    return claim


def end(session: Session, clock: FixedClock, claim: Claim, result: Result) -> None:
    record_results(session, [(claim, result)], built=BUILT, now=clock.now(), chance=lambda: 1.0)
    session.commit()
    session.expire_all()


def test_a_dead_phone_falls_back_to_the_next_and_then_to_the_next_channel_and_is_not_asked_again(
    engine: Engine, session: Session, clock: FixedClock, delivery: Delivery, fcm: FcmPeer, line: HttpLine
) -> None:
    old = add_phone(session, delivery, address=OLD)
    new = add_phone(session, delivery, address=NEW, registered_at=builders.ENROLLED_AT + timedelta(days=2))
    fcm.answer = lambda _seen: unregistered()
    mail = Outbox()
    senders: dict[Provider, ChannelSender] = {Provider.fcm: FcmSender(fcm.project, line), Provider.smtp: mail}

    steps = deliver_all(engine, session, clock, senders)

    asked = [seen.json["message"]["token"] for seen in fcm.seen]
    assert (steps, asked, len(mail.messages)) == (3, [NEW, OLD], 1)
    assert [(row.disabled_at, row.disabled_code) for row in (old, new)] == [(MONDAY_AFTERNOON, "UNREGISTERED")] * 2
    assert story(session, delivery) == [
        ("sending", None),
        ("failed", "address_refused"),
        ("planned", "fell_back"),
        ("sending", None),
        ("failed", "address_refused"),
        ("planned", "fell_back"),
        ("passed_over", "no_address"),
        ("sending", None),
        ("sent", None),
    ]

    builders.delivery(session, builders.reminder(session, second_milestone(session, delivery)))
    session.commit()
    assert deliver_all(engine, session, clock, senders) == 1
    assert (len(fcm.seen), len(mail.messages)) == (2, 2)


def unregistered() -> Reply:
    return reply(404, {"error": {"details": [{"errorCode": "UNREGISTERED"}]}})


def second_milestone(session: Session, delivery: Delivery) -> Any:
    patient = patient_of(session, delivery)
    return builders.milestone(session, builders.surgery(session, builders.episode(session, patient)))


def test_the_phone_that_was_registered_last_is_asked_first_and_once(
    engine: Engine, session: Session, clock: FixedClock, delivery: Delivery, fcm: FcmPeer, line: HttpLine
) -> None:
    add_phone(session, delivery, address=OLD)
    add_phone(session, delivery, address=NEW, registered_at=builders.ENROLLED_AT + timedelta(days=2))

    deliver_all(engine, session, clock, {Provider.fcm: FcmSender(fcm.project, line), Provider.smtp: Outbox()})

    assert [seen.json["message"]["token"] for seen in fcm.seen] == [NEW]
    assert delivery.state is DeliveryState.sent


def test_no_word_of_the_message_reaches_the_push_provider(
    engine: Engine, session: Session, clock: FixedClock, delivery: Delivery, fcm: FcmPeer, line: HttpLine
) -> None:
    add_phone(session, delivery)
    seen: list[Seen] = fcm.seen

    deliver_all(engine, session, clock, {Provider.fcm: FcmSender(fcm.project, line)})

    (body,) = (each.body.decode().lower() for each in seen)
    assert not any(
        word in body for word in ("alex", "sample", "hudson", "walk", "microdiscectomy", delivery.id.lower())
    )


@pytest.mark.parametrize(
    ("died_after_registration", "is_disabled"), [(timedelta(hours=-1), False), (timedelta(hours=1), True)]
)
def test_apples_word_of_a_death_counts_from_the_time_that_it_names(
    engine: Engine,
    session: Session,
    clock: FixedClock,
    delivery: Delivery,
    died_after_registration: timedelta,
    is_disabled: bool,
) -> None:
    row = add_phone(session, delivery, provider=PushProvider.apns, address=APNS_ADDRESS)
    died_at = row.registered_at + died_after_registration
    told = {"reason": "Unregistered", "timestamp": int(died_at.timestamp() * 1000)}
    mail = Outbox()
    with apns_service() as apple:
        apple.answer = lambda _pushed: reply(410, told)
        line = HttpLine(apple.context, http2=True)
        deliver_all(engine, session, clock, {Provider.apns: ApnsSender(apple.app, line), Provider.smtp: mail})
        line.close()

    assert len(apple.pushed) == len(mail.messages) == 1
    assert (row.disabled_at is not None) is is_disabled


def test_an_address_that_was_registered_again_during_the_send_stays(
    session: Session, clock: FixedClock, delivery: Delivery
) -> None:
    row = add_phone(session, delivery)
    claim = begin(session, clock)
    clock.advance(timedelta(seconds=1))
    row.registered_at = clock.now()
    session.commit()

    end(session, clock, claim, DEAD)

    assert row.disabled_at is None


def test_another_address_that_came_in_the_place_of_the_dead_one_stays(
    session: Session, clock: FixedClock, delivery: Delivery
) -> None:
    row = add_phone(session, delivery, address=OLD)
    claim = begin(session, clock)
    row.address = NEW
    session.commit()

    end(session, clock, claim, DEAD)

    assert row.disabled_at is None


@pytest.mark.parametrize(
    "result",
    [
        Result(AttemptOutcome.accepted, "200"),
        Result(AttemptOutcome.refused, "400", Refusal.message),
        Result(AttemptOutcome.refused, "credentials", fault=Fault.credentials),
        Result(AttemptOutcome.refused, "429", retry_after=timedelta(minutes=1)),
        Result(AttemptOutcome.unknown, "deadline"),
    ],
    ids=lambda result: result.code,
)
def test_nothing_but_a_dead_address_disables_one(
    session: Session, clock: FixedClock, delivery: Delivery, result: Result
) -> None:
    row = add_phone(session, delivery)

    end(session, clock, begin(session, clock), result)

    assert row.disabled_at is None


def test_a_dead_mailbox_disables_no_phone(session: Session, clock: FixedClock, delivery: Delivery) -> None:
    patient_of(session, delivery).channels = ["email", "push"]
    row = add_phone(session, delivery)

    end(session, clock, begin(session, clock), DEAD)

    assert row.disabled_at is None


def test_a_stale_word_of_a_death_disables_nothing(session: Session, clock: FixedClock, delivery: Delivery) -> None:
    row = add_phone(session, delivery)
    claim = begin(session, clock)

    end(session, clock, replace(claim, fence=claim.fence - 1), DEAD)

    assert row.disabled_at is None


def test_only_enabled_addresses_of_phones_that_are_not_revoked_are_offered(
    session: Session, delivery: Delivery
) -> None:
    kept = add_phone(session, delivery)
    add_phone(session, delivery, disabled_at=MONDAY_AFTERNOON, disabled_code="UNREGISTERED")
    revoked = add_phone(session, delivery)
    session.get_one(Device, (revoked.practice_id, revoked.device_id)).revoked_at = MONDAY_AFTERNOON
    stranger = builders.due_delivery(session, builders.practice(session), channels=["push"])
    add_phone(session, stranger)

    targets = load_push_targets(session, delivery.practice_id, {delivery.patient_id, "nobody"})

    assert {whose: [each.id for each in of] for whose, of in targets.items()} == {delivery.patient_id: [kept.id]}
    assert [each.address for each in targets[delivery.patient_id]] == [kept.address]


@pytest.mark.parametrize(("channels", "queries"), [(["email"], 5), (["push", "email"], 6)])
def test_push_costs_a_batch_one_query_and_none_where_nobody_wants_it(
    engine: Engine, session: Session, clock: FixedClock, delivery: Delivery, channels: list[str], queries: int
) -> None:
    patient_of(session, delivery).channels = channels
    add_phone(session, delivery)
    claims = claim_all(session, clock)
    session.expunge_all()
    selects: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        selects.extend([statement] * (statement.startswith("SELECT") and "set_config" not in statement))

    pass_gate(session, claims, lease_of(clock), built=BUILT, now=clock.now())

    assert len(selects) == queries


def phone(number: int, provider: Provider = Provider.fcm) -> PushTarget:
    address = f"token-{number}"
    sealed = seal(address, f"practice/push_address/address_sealed/push-{number}")
    return PushTarget("patient", "practice", f"push-{number}", provider, sealed, lookup_hash(address, "practice"))


def contact(*push: PushTarget, opted_out: bool = False) -> Contact:
    return Contact("practice", "patient", ["push"], ["push"] * opted_out, None, None, None, None, None, push)


@pytest.mark.parametrize(
    ("push", "built", "offered"),
    [
        ([], {Provider.smtp}, [(None, None)]),
        ([], {Provider.smtp, Provider.web_push}, [(Provider.web_push, None)]),
        ([phone(1)], {Provider.smtp, Provider.apns}, [(None, None)]),
        ([phone(2), phone(1)], {Provider.fcm}, [(Provider.fcm, "token-2"), (Provider.fcm, "token-1")]),
        ([phone(2, Provider.expo), phone(1)], {Provider.fcm}, [(Provider.fcm, "token-1")]),
    ],
)
def test_each_phone_that_this_worker_knows_a_way_to_is_an_offer(
    push: list[PushTarget], built: set[Provider], offered: list[tuple[Provider | None, str | None]]
) -> None:
    offers = offers_of(contact(*push), Ways(built), tried=())

    assert [(offer.provider, offer.address) for offer in offers] == offered


def test_an_offer_tells_what_was_tried_what_the_patient_stopped_and_who_is_left_alone() -> None:
    targets = [phone(2, Provider.apns), phone(1)]
    free_at = MONDAY_AFTERNOON + timedelta(minutes=5)
    ways = Ways({Provider.apns, Provider.fcm}, {Provider.apns: free_at})

    first, second = offers_of(contact(*targets, opted_out=True), ways, tried={targets[1].address_lookup})

    assert first == Offer(Channel.push, Provider.apns, is_opted_out=True, address="token-2", free_at=free_at)
    assert second == Offer(Channel.push, Provider.fcm, is_opted_out=True, address="token-1", is_tried=True)


def test_of_several_phones_that_were_tried_the_story_says_it_once(
    session: Session, clock: FixedClock, delivery: Delivery
) -> None:
    for _ in range(2):
        add_phone(session, delivery)
    for _ in range(2):
        end(session, clock, begin(session, clock), Result(AttemptOutcome.refused, "400", Refusal.message))

    begin(session, clock)

    assert story(session, delivery).count(("passed_over", "already_tried")) == 2
    assert [row.step for row in session.scalars(select(Delivery).order_by(Delivery.step))] == [0, 1, 2]
