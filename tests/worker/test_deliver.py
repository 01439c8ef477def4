"""One delivery from its gate to its result, with a provider at the edge."""

import signal
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from models.care import Milestone
from models.reminder import AttemptOutcome, Delivery, DeliveryState, Reminder
from schedules.delivery.book import Claim
from schedules.delivery.channels import Message, Result
from schedules.delivery.channels.email import EmailSender, MailServer
from schedules.delivery.deadline import CutShortError, kernel_deadline, may_be_cut_short
from schedules.delivery.deliver import deliver, give_up
from schedules.plan.errors import PlanError
from schedules.plan.vocabulary import Channel
from tests import builders
from tests.clock import FixedClock
from tests.worker.desks import Outbox, claim_all, desk_of
from tests.worker.peers import mail_server
from tests.worker.rows import outcomes, story


@pytest.fixture
def claim(session: Session, clock: FixedClock) -> Claim:
    builders.due_delivery(session, builders.practice(session), email="alex@example.org")
    claim = claim_all(session, clock)[0]
    session.expunge_all()
    return claim


def find(session: Session, claim: Claim) -> Delivery:
    delivery = session.get(Delivery, (claim.practice_id, claim.delivery_id), populate_existing=True)
    assert delivery is not None
    return delivery


def test_a_delivery_goes_out_once_and_is_recorded(
    engine: Engine, session: Session, clock: FixedClock, claim: Claim
) -> None:
    with mail_server() as peer:
        server = MailServer("127.0.0.1", peer.port, "none", "reminders@example.org")
        desk = desk_of(engine, clock, {Channel.email: EmailSender(server)})

        deliver(desk, claim)
        deliver(desk, claim)

    delivery = find(session, claim)
    assert peer.recipients == ["alex@example.org"]
    assert delivery.state is DeliveryState.sent
    assert story(session, delivery) == [("sending", None), ("sent", None)]


def test_a_repeat_after_an_unknown_outcome_has_the_same_key(
    engine: Engine, session: Session, clock: FixedClock, claim: Claim
) -> None:
    outbox = Outbox(Result(AttemptOutcome.unknown, "deadline"))
    desk = desk_of(engine, clock, {Channel.email: outbox})
    deliver(desk, claim)
    clock.advance(timedelta(seconds=30))

    outbox.result = Result(AttemptOutcome.accepted, "250")
    deliver(desk, claim_all(session, clock)[0])

    delivery = find(session, claim)
    first, second = outbox.messages
    assert first.key == second.key
    assert outcomes(session, delivery) == [AttemptOutcome.unknown, AttemptOutcome.accepted]
    assert delivery.state is DeliveryState.sent


def test_a_send_that_begins_too_late_after_the_gate_does_not_begin(
    engine: Engine, session: Session, clock: FixedClock, claim: Claim
) -> None:
    outbox = Outbox()

    @event.listens_for(session.get_bind(), "commit")
    def _stall(_connection: object) -> None:
        clock.advance(timedelta(seconds=2))

    deliver(desk_of(engine, clock, {Channel.email: outbox}), claim)

    delivery = find(session, claim)
    assert outbox.messages == []
    assert (delivery.state, delivery.reason) == (DeliveryState.pending, "refused")
    assert outcomes(session, delivery) == [AttemptOutcome.refused]


def test_a_reminder_that_cannot_be_rendered_is_put_back(
    engine: Engine, session: Session, clock: FixedClock, claim: Claim
) -> None:
    outbox = Outbox()
    reminder = session.get(Reminder, (claim.practice_id, find(session, claim).reminder_id))
    assert reminder is not None
    milestone = session.get(Milestone, (claim.practice_id, reminder.milestone_id))
    assert milestone is not None
    milestone.kind = "discharge"
    session.commit()
    desk = desk_of(engine, clock, {Channel.email: outbox})

    with pytest.raises(PlanError):
        deliver(desk, claim)
    give_up(desk, claim)

    delivery = find(session, claim)
    assert outbox.messages == []
    assert (delivery.state, delivery.reason) == (DeliveryState.pending, "raised")


class Cut:
    """A channel whose provider is silent until the parent's signal comes."""

    def send(self, message: Message, deadline: timedelta) -> Result:
        try:
            signal.raise_signal(signal.SIGUSR1)
        except CutShortError:
            return Result(AttemptOutcome.unknown, "cut")
        raise AssertionError("the signal did not end the send")


def test_a_stopping_worker_ends_a_send_with_an_unknown_outcome(
    engine: Engine, session: Session, clock: FixedClock, claim: Claim
) -> None:
    deliver(desk_of(engine, clock, {Channel.email: Cut()}), claim)

    delivery = find(session, claim)
    assert (delivery.state, delivery.reason) == (DeliveryState.pending, "unknown_outcome")
    assert delivery.lease_owner is None


def test_the_kernels_alarm_is_set_for_a_send_and_what_was_set_before_stands_again() -> None:
    before = signal.getsignal(signal.SIGALRM)

    with kernel_deadline(timedelta(seconds=60)):
        left, _ = signal.getitimer(signal.ITIMER_REAL)
        action = signal.getsignal(signal.SIGALRM)

    assert 59 < left <= 60
    assert action is signal.SIG_DFL
    assert signal.getsignal(signal.SIGALRM) is before


def test_outside_a_send_the_signal_to_cut_short_is_as_it_was() -> None:
    before = signal.getsignal(signal.SIGUSR1)

    with may_be_cut_short():
        inside = signal.getsignal(signal.SIGUSR1)

    assert inside is not before
    assert signal.getsignal(signal.SIGUSR1) is before
