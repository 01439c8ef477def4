"""One delivery from its gate to its result, with a provider at the edge."""

import multiprocessing
import os
import signal
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from models.care import Milestone
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState, Reminder
from schedules.delivery.book import Claim
from schedules.delivery.channels import Message, Result
from schedules.delivery.channels.email import EmailSender, MailServer
from schedules.delivery.deadline import KERNEL_SIGNAL, cut_all, kernel_deadline, may_be_cut
from schedules.plan.vocabulary import Provider
from tests import builders
from tests.clock import FixedClock
from tests.database import service_engine_of
from tests.worker.desks import Outbox, claim_all, deliver, desk_of
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
        desk = desk_of(engine, clock, {Provider.smtp: EmailSender(server)})

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
    desk = desk_of(engine, clock, {Provider.smtp: outbox})
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

    @event.listens_for(service_engine_of(engine), "commit")
    def _stall(_connection: object) -> None:
        clock.advance(timedelta(seconds=2))

    deliver(desk_of(engine, clock, {Provider.smtp: outbox}), claim)

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
    desk = desk_of(engine, clock, {Provider.smtp: outbox})

    deliver(desk, claim)

    delivery = find(session, claim)
    assert outbox.messages == []
    assert (delivery.state, delivery.reason) == (DeliveryState.pending, "raised")


class Cut:
    """A channel whose provider is silent until the parent's word comes."""

    def send(self, message: Message, deadline: timedelta) -> Result:
        told = threading.Event()
        with may_be_cut(told.set):
            cut_all()
        return Result(AttemptOutcome.unknown, "cut" if told.is_set() else "late")


def test_a_stopping_worker_ends_a_send_with_an_unknown_outcome(
    engine: Engine, session: Session, clock: FixedClock, claim: Claim
) -> None:
    deliver(desk_of(engine, clock, {Provider.smtp: Cut()}), claim)

    delivery = find(session, claim)
    attempt = session.scalars(select(DeliveryAttempt)).one()
    assert (delivery.state, delivery.reason, attempt.provider_code) == (
        DeliveryState.pending,
        "unknown_outcome",
        "cut",
    )
    assert delivery.lease_owner is None


def test_what_has_ended_is_not_cut() -> None:
    told = threading.Event()
    with may_be_cut(told.set):
        pass

    cut_all()

    assert not told.is_set()


def timers() -> list[str]:
    """Return the kernel's own list of this process's timers that end it."""
    listed = Path("/proc/self/timers").read_text(encoding="ascii")
    return [line for line in listed.splitlines() if line.startswith(f"signal: {int(KERNEL_SIGNAL)}/")]


def test_each_send_has_a_timer_of_its_own_in_the_kernel_and_leaves_none_behind() -> None:
    with kernel_deadline(timedelta(seconds=60)):
        with kernel_deadline(timedelta(seconds=50)):
            both = timers()
        one = timers()

    assert (len(both), len(one), timers()) == (2, 1, [])


@pytest.mark.sqlite_only
@pytest.mark.parametrize("is_frozen", [False, True])
def test_the_kernel_ends_a_process_whose_send_takes_too_long_in_any_thread_frozen_or_not(is_frozen: bool) -> None:
    def send_too_long() -> None:
        def send() -> None:
            with kernel_deadline(timedelta(seconds=0.3)):
                if is_frozen:
                    os.kill(os.getpid(), signal.SIGSTOP)
                time.sleep(60)

        thread = threading.Thread(target=send)
        thread.start()
        thread.join()

    process = multiprocessing.get_context("fork").Process(target=send_too_long)
    process.start()
    process.join(1 if is_frozen else 20)  # a stopped process is ended at once: its timer needs no thaw

    if process.exitcode is None and process.pid is not None:
        os.kill(process.pid, signal.SIGCONT)
        process.join(20)
    assert process.exitcode == -int(KERNEL_SIGNAL)
