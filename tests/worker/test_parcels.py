"""Messages for a provider that takes many at once leave in one request, and each is accounted for by itself."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from models.people import Patient
from models.practice import Practice
from models.providers import ProviderPause
from models.push import PushAddress, PushProvider
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState
from schedules.delivery.batch import deliver_all
from schedules.delivery.channels import ChannelSender, Message, Result
from schedules.delivery.channels.expo import ExpoSender
from schedules.delivery.channels.http import HttpLine
from schedules.delivery.deliver import pass_all, record_all
from schedules.delivery.flow import TROUBLES
from schedules.delivery.parcels import parcels, send_parcel
from schedules.plan.vocabulary import Provider
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import service_engine_of, settings_for
from tests.failpoints import running_worker
from tests.worker.desks import Outbox, claim_all, desk_of, reminder_draft
from tests.worker.push_peers import EXPO_TOKEN, ExpoPeer, Seen, reply, running
from tests.worker.rows import open_count, outcomes, wait_until

SENT, PENDING = DeliveryState.sent, DeliveryState.pending
Deliver = Callable[[ChannelSender], None]


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
def clinic(session: Session) -> Practice:
    return builders.practice(session)


@pytest.fixture
def due(session: Session, clinic: Practice) -> list[Delivery]:
    """Store a message each for five patients with a phone that Expo reaches, and no other way."""
    return [add_due(session, clinic, number) for number in range(5)]


@pytest.fixture
def deliver(engine: Engine, session: Session, clock: FixedClock) -> Deliver:
    """Return what delivers all that is due, as a task of many machines does."""

    def work(sender: ChannelSender) -> None:
        deliver_all(desk_of(engine, clock, {Provider.expo: sender}), claim_all(session, clock))
        session.expire_all()

    return work


def add_due(session: Session, clinic: Practice, number: int) -> Delivery:
    delivery = builders.due_delivery(session, clinic, channels=["push"])
    patient = session.get_one(Patient, (delivery.practice_id, delivery.patient_id))
    device = builders.device(session, patient)
    builders.push_address(session, device, provider=PushProvider.expo, address=address_of(number))
    session.commit()
    return delivery


def address_of(number: int) -> str:
    return f"ExponentPushToken[{number:022}]"


def addresses_in(seen: Seen) -> set[str]:
    return {each["to"] for each in seen.json}


def states(deliveries: Sequence[Delivery]) -> list[tuple[DeliveryState, str | None]]:
    return [(each.state, each.reason) for each in deliveries]


def test_what_is_due_together_leaves_in_one_request_and_each_keeps_its_own_result(
    session: Session, peer: ExpoPeer, expo: ExpoSender, due: list[Delivery], deliver: Deliver
) -> None:
    dead = {"status": "error", "details": {"error": "DeviceNotRegistered"}}

    def answer(seen: Seen) -> Any:
        told = [{"status": "ok", "id": f"ticket-{each['to'][-2]}"} for each in seen.json]
        return reply(200, {"data": [dead if each["id"] == "ticket-3" else each for each in told]})

    peer.answer = answer

    deliver(expo)

    assert [addresses_in(seen) for seen in peer.seen] == [{address_of(number) for number in range(5)}]
    failed = (DeliveryState.failed, "address_refused")
    assert states(due) == [(SENT, None)] * 3 + [failed] + [(SENT, None)]
    tickets = {row.delivery_id: row.provider_message_id for row in session.scalars(select(DeliveryAttempt))}
    assert [tickets[each.id] for each in due] == ["ticket-0", "ticket-1", "ticket-2", None, "ticket-4"]
    disabled = session.scalars(select(PushAddress.patient_id).where(PushAddress.disabled_at.is_not(None))).all()
    assert disabled == [due[3].patient_id]


def test_a_sender_process_hands_over_in_one_request_what_came_together(
    engine: Engine, session: Session, database_url: str, peer: ExpoPeer, due: list[Delivery]
) -> None:
    account = {"expo_url": peer.url, "expo_token": EXPO_TOKEN}
    settings = settings_for(database_url, poll_seconds=0.1, sender_processes=1, sends_in_flight=16, **account)

    with running_worker(settings, now=MONDAY_AFTERNOON) as worker:
        wait_until(lambda: open_count(engine) == 0)
        code = worker.terminate()

    session.expire_all()
    assert code == 0
    assert [addresses_in(seen) for seen in peer.seen] == [{address_of(number) for number in range(5)}]
    assert states(due) == [(SENT, None)] * 5


def test_a_message_that_cannot_be_rendered_takes_no_other_with_it(
    engine: Engine, session: Session, clock: FixedClock, peer: ExpoPeer, expo: ExpoSender, due: list[Delivery]
) -> None:
    desk = desk_of(engine, clock, {Provider.expo: expo})
    (parcel,) = parcels(desk, pass_all(desk, claim_all(session, clock)))
    bad = next(permit for permit in parcel if permit.claims[0].delivery_id == due[2].id)
    item = replace(reminder_draft(bad).items[0], reminder_key="of-no-protocol")
    others = [permit for permit in parcel if permit is not bad]

    sent = send_parcel(desk, [replace(bad, draft=replace(reminder_draft(bad), items=(item,))), *others])
    record_all(desk, sent)

    session.expire_all()
    assert [len(seen.json) for seen in peer.seen] == [4]
    assert [each.permit for each in sent] == others
    assert states(due) == [(SENT, None)] * 2 + [(PENDING, "raised")] + [(SENT, None)] * 2


def test_a_parcel_that_begins_too_late_after_the_gate_does_not_begin(
    engine: Engine, clock: FixedClock, peer: ExpoPeer, expo: ExpoSender, due: list[Delivery], deliver: Deliver
) -> None:
    @event.listens_for(service_engine_of(engine), "commit")
    def _stall(_connection: object) -> None:
        clock.advance(timedelta(seconds=2))

    deliver(expo)

    assert peer.seen == []
    assert states(due) == [(PENDING, "refused")] * 5


def test_a_request_that_breaks_counts_for_each_message_and_once_against_the_provider(
    session: Session, peer: ExpoPeer, expo: ExpoSender, due: list[Delivery], deliver: Deliver
) -> None:
    peer.answer = lambda _seen: reply(500)

    deliver(expo)

    assert len(due) >= TROUBLES
    assert states(due) == [(PENDING, "unknown_outcome")] * 5
    assert session.scalars(select(ProviderPause)).all() == []


class Breaking:
    """A channel at the edge that raises, or answers for one message too few."""

    most_at_once = 100

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def send(self, message: Message, deadline: timedelta) -> Result:
        return self.send_many([message], deadline)[0]

    def send_many(self, messages: Sequence[Message], deadline: timedelta) -> list[Result]:
        if self.error is not None:
            raise self.error
        return [Result(AttemptOutcome.accepted, "ok")] * (len(messages) - 1)


@pytest.mark.parametrize("error", [RuntimeError("broken"), None])
def test_if_handing_over_raises_all_are_put_back_and_nobody_knows_what_became_of_them(
    session: Session, due: list[Delivery], deliver: Deliver, error: Exception | None
) -> None:
    deliver(Breaking(error))

    assert states(due) == [(PENDING, "raised")] * 5
    assert [outcomes(session, each) for each in due] == [[AttemptOutcome.unknown]] * 5


class Pairs(Breaking):
    """A channel at the edge that takes two messages at once."""

    most_at_once = 2


@pytest.mark.parametrize(("sender", "sizes"), [(Pairs(None), [2, 2, 1]), (Outbox(), [1, 1, 1, 1, 1])])
def test_a_parcel_has_as_many_messages_as_its_provider_takes(
    engine: Engine,
    session: Session,
    clock: FixedClock,
    due: list[Delivery],
    sender: ChannelSender,
    sizes: list[int],
) -> None:
    desk = desk_of(engine, clock, {Provider.expo: sender})
    permits = pass_all(desk, claim_all(session, clock))

    several = parcels(desk, permits)

    assert [len(parcel) for parcel in several] == sizes
    assert [permit for parcel in several for permit in parcel] == permits
    assert len(permits) == len(due)


def test_what_passed_the_gate_at_another_time_has_a_parcel_of_its_own(
    engine: Engine, session: Session, clock: FixedClock, due: list[Delivery]
) -> None:
    desk = desk_of(engine, clock, {Provider.expo: Breaking(None)})
    claims = claim_all(session, clock)
    earlier = pass_all(desk, claims[:2])
    clock.advance(timedelta(seconds=1))

    several = parcels(desk, earlier + pass_all(desk, claims[2:]))

    assert [len(parcel) for parcel in several] == [2, len(due) - 2]
