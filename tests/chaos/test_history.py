"""The checker of `make chaos` is worth nothing if it sees nothing: each fault that it claims to see is planted once."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from models import journal
from models.audit import ActorKind, AuditAction
from models.engine import make_session_factory
from models.reminder import AttemptOutcome, Decision, DecisionKind, Delivery, DeliveryAttempt, DeliveryState, Reminder
from schedules import jobs
from schedules.delivery.channels import Message, Result
from schedules.plan.vocabulary import Channel, Provider, ReminderState
from schedules.planning import Answer, withdraw
from tests import builders
from tests.chaos.clinic import ITEMS, Due, keep_history, store_items
from tests.chaos.history import Withdrawal, find_faults
from tests.chaos.providers import Ledger, Request
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import Databases, engines_of
from tests.worker.desks import desk_of
from tests.worker.rounds import work_off

MINUTE = timedelta(minutes=1)


@dataclass
class KeptProvider:
    """A provider that refuses the first message to some addresses, takes the rest and keeps the ledger."""

    ledger: Ledger
    refused: list[str] = field(default_factory=list)

    def send(self, message: Message, deadline: timedelta) -> Result:
        request = self.ledger.begin(message.address)
        if message.address in self.refused:
            self.refused.remove(message.address)
            return Result(AttemptOutcome.refused, "451")
        self.ledger.take(request, message.key, message.body)
        return Result(AttemptOutcome.accepted, "250")


class Run:
    """A calm run: one patient withdraws, one gets two items as one message, one a message after a refusal."""

    def __init__(self, engine: Engine, session: Session, clock: FixedClock) -> None:
        self.session, self.ledger = session, Ledger(random.Random(0))
        self.due: dict[str, list[Due]] = {}
        keep_history(engine)
        clinic = builders.practice(session)
        for name, items in (("two", ITEMS[:2]), ("one", ITEMS[:1]), ("none", ITEMS[:1])):
            patient = builders.patient(session, clinic, id=name, email=f"{name}@example.org")
            self.due[patient.email or ""] = store_items(session, patient, items, builders.DUE_AT)
        session.commit()
        answers = withdraw(session, clinic.id, "none", now=MONDAY_AFTERNOON, reason="withdrawn")
        session.commit()
        self.withdrawals = [Withdrawal(each, answer, time.monotonic()) for each, answer in answers.items()]
        desk = desk_of(engine, clock, {Provider.smtp: KeptProvider(self.ledger, ["one@example.org"])})
        for _ in range(2):
            work_off(engine, clock, desk)
            clock.advance(MINUTE)
        jobs.publish(make_session_factory(engine))

    def reminder(self, name: str, number: int = 0) -> Reminder:
        """Return a patient's reminder as it is stored."""
        query = select(Reminder).where(Reminder.id == self.due[f"{name}@example.org"][number].reminder_id)
        return self.session.scalars(query.execution_options(populate_existing=True)).one()

    def delivery(self, name: str, number: int = 0) -> Delivery:
        """Return its delivery."""
        query = select(Delivery).where(Delivery.reminder_id == self.reminder(name, number).id)
        return self.session.scalars(query.execution_options(populate_existing=True)).one()

    def last_attempt(self, name: str, number: int = 0) -> DeliveryAttempt:
        """Return the last attempt of its delivery."""
        query = select(DeliveryAttempt).where(DeliveryAttempt.delivery_id == self.delivery(name, number).id)
        return self.session.scalars(query.order_by(DeliveryAttempt.fence)).all()[-1]

    def faults(self) -> list[str]:
        """Return what the checker finds."""
        self.session.flush()
        return find_faults(self.session, self.ledger, self.withdrawals, self.due)


@pytest.fixture(scope="module")
def run_on(databases: Databases) -> Iterator[Callable[[str], Run]]:
    """Yield a run on each kind of database, made once: what a test plants is taken back."""
    with ExitStack() as stack:

        @cache
        def make(kind: str) -> Run:
            # The worker works as the service's role does: what keeps the history must not be in its way.
            engine = stack.enter_context(engines_of(databases, stack.enter_context(databases.migrated(kind))))
            return Run(engine, stack.enter_context(make_session_factory(engine)()), FixedClock())

        yield make


@pytest.fixture
def run(run_on: Callable[[str], Run], database_kind: str) -> Iterator[Run]:
    run = run_on(database_kind)
    ledger, withdrawals = deepcopy(run.ledger.requests), list(run.withdrawals)
    yield run
    run.session.rollback()
    run.ledger.requests, run.withdrawals = ledger, withdrawals


def test_a_calm_run_has_no_fault(run: Run) -> None:
    assert len(run.ledger.requests) == 3
    assert run.last_attempt("two", 1).carried_by == run.delivery("two").id
    assert [each.answer for each in run.withdrawals] == [Answer.effective]
    assert run.faults() == []


def show_no_end(run: Run) -> None:
    show(run, ReminderState.planned)


def show(run: Run, state: ReminderState) -> None:
    query = text("UPDATE reminder SET state = :state, rev = rev + 1 WHERE patient_id = 'one'")
    run.session.execute(query, {"state": state.value})
    run.session.expire_all()


def leave_it_waiting(run: Run) -> None:
    run.delivery("one").state = DeliveryState.pending


def end_it_without_a_reason(run: Run) -> None:
    run.delivery("none").reason = None


def lose_it_at_the_provider(run: Run) -> None:
    run.ledger.requests = [each for each in run.ledger.requests if each.address != "one@example.org"]


def say_one_item_of_two(run: Run) -> None:
    request = next(each for each in run.ledger.requests if each.address == "two@example.org")
    request.text = request.text.replace(run.due["two@example.org"][1].text, "")


def let_the_fence_fall(run: Run) -> None:
    run.session.execute(text("UPDATE delivery SET fence = 0 WHERE patient_id = 'one'"))


def take_it_up_again(run: Run) -> None:
    for state in (DeliveryState.pending, DeliveryState.sent):
        run.delivery("one").state = state
        run.session.flush()


def show_it_as_cancelled_for_a_while(run: Run) -> None:
    for state in (ReminderState.cancelled, ReminderState.sent):
        show(run, state)


def leave_an_attempt_open(run: Run) -> None:
    run.last_attempt("one").outcome = None


def try_again(run: Run, outcome: AttemptOutcome, *, is_told: bool = True, is_audited: bool = True) -> None:
    """Add an attempt of a message that is out already."""
    last = run.last_attempt("one")
    run.delivery("one").fence += 1
    again = DeliveryAttempt(practice_id=last.practice_id, delivery_id=last.delivery_id, fence=last.fence + 1)
    again.channel, again.started_at, again.ended_at = Channel.email, last.started_at + MINUTE, last.started_at + MINUTE
    again.outcome = outcome
    run.session.add(again)
    if is_told:
        line = {"practice_id": last.practice_id, "id": "zzz", "reminder_id": run.reminder("one").id, "generation": 1}
        run.session.add(Decision(**line, kind=DecisionKind.sending, decided_at=again.started_at))
    if is_audited:
        audit(run, {"delivery_id": again.delivery_id, "fence": again.fence})


def audit(run: Run, about: dict[str, object]) -> None:
    act = journal.Act(ActorKind.worker, "worker-1", AuditAction.send, "worker.send", about=about, patient_ids=["one"])
    journal.append(run.session, run.reminder("one").practice_id, act, MONDAY_AFTERNOON)


def send_it_twice(run: Run) -> None:
    try_again(run, AttemptOutcome.accepted)


def have_it_refused_after_it_was_sent(run: Run) -> None:
    try_again(run, AttemptOutcome.refused)


def have_it_taken_twice(run: Run) -> None:
    run.ledger.take(run.ledger.begin("one@example.org"), taken(run, "one@example.org").key or "", "")


def have_two_items_taken_twice(run: Run) -> None:
    first = taken(run, "two@example.org")
    run.ledger.take(run.ledger.begin(first.address), first.key or "", first.text)


def taken(run: Run, address: str) -> Request:
    return next(each for each in run.ledger.requests if each.address == address and each.taken is not None)


def ask_the_provider_once_more(run: Run) -> None:
    run.ledger.begin("one@example.org")


def repeat_it_under_another_key(run: Run) -> None:
    try_again(run, AttemptOutcome.unknown)
    run.ledger.take(run.ledger.begin("one@example.org"), "another", "")


def send_it_although_it_was_withdrawn(run: Run) -> None:
    request = run.ledger.begin("none@example.org")
    request.begun = run.withdrawals[0].answered
    run.ledger.take(request, "key", "")


def begin_it_after_it_was_withdrawn(run: Run) -> None:
    run.ledger.begin("none@example.org").begun = run.withdrawals[0].answered + 5


def call_it_sent_where_it_is_not(run: Run) -> None:
    run.withdrawals = [Withdrawal(each.reminder_id, Answer.already_sent, each.answered) for each in run.withdrawals]


def refuse_one_item_of_two(run: Run) -> None:
    run.last_attempt("two", 1).outcome = AttemptOutcome.refused


def send_it_early(run: Run) -> None:
    run.delivery("one").due_at += timedelta(hours=2)


def send_it_late(run: Run) -> None:
    run.delivery("one").useful_until = MONDAY_AFTERNOON


def expire_it_early(run: Run) -> None:
    run.delivery("none").state = DeliveryState.expired


def try_without_an_entry_in_the_audit_trail(run: Run) -> None:
    try_again(run, AttemptOutcome.unknown, is_audited=False)


def audit_it_twice(run: Run) -> None:
    last = run.last_attempt("one")
    audit(run, {"delivery_id": last.delivery_id, "fence": last.fence})


def send_an_item_along_that_the_audit_trail_does_not_name(run: Run) -> None:
    run.last_attempt("two", 1).carried_by = run.delivery("one").id


def try_without_a_line_in_the_story(run: Run) -> None:
    try_again(run, AttemptOutcome.unknown, is_told=False)


def end_it_without_a_line_in_the_story(run: Run) -> None:
    run.delivery("none").state = DeliveryState.failed


PLANTED: list[tuple[Callable[[Run], None], str]] = [
    (show_no_end, "the reminder shows no end"),
    (leave_it_waiting, "still pending"),
    (end_it_without_a_reason, "cancelled without a reason"),
    (lose_it_at_the_provider, "sent, and no provider has it"),
    (say_one_item_of_two, "sent, and no provider has it"),
    (let_the_fence_fall, "the fence fell from"),
    (take_it_up_again, "sent became pending"),
    (show_it_as_cancelled_for_a_while, "sent became cancelled"),
    (leave_an_attempt_open, "1 attempts without an outcome"),
    (send_it_twice, "2 attempts were accepted"),
    (have_it_refused_after_it_was_sent, "its last attempt was not accepted"),
    (have_it_taken_twice, "taken 2 times, 1 of them unexplained"),
    (have_two_items_taken_twice, "taken 2 times, 1 of them unexplained"),
    (ask_the_provider_once_more, "3 requests in 2 attempts"),
    (repeat_it_under_another_key, "a repeat bore another key"),
    (send_it_although_it_was_withdrawn, "effective, but 1 taken and 0 begun afterwards"),
    (begin_it_after_it_was_withdrawn, "effective, but 0 taken and 1 begun afterwards"),
    (call_it_sent_where_it_is_not, "already_sent, but no provider has it"),
    (refuse_one_item_of_two, "accepted for some of its items and refused for others"),
    (send_it_early, "handed over before it was due"),
    (send_it_late, "handed over when it was of no more use"),
    (expire_it_early, "expired while it was of use"),
    (try_without_an_entry_in_the_audit_trail, "audit entries that do not match them"),
    (audit_it_twice, "audit entries that do not match them"),
    (send_an_item_along_that_the_audit_trail_does_not_name, "audit entries that do not match them"),
    (try_without_a_line_in_the_story, "the story tells another number of attempts"),
    (end_it_without_a_line_in_the_story, "the story does not tell failed"),
]


@pytest.mark.parametrize(("plant", "told"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_a_planted_fault_is_found(run: Run, plant: Callable[[Run], None], told: str) -> None:
    plant(run)

    assert [fault for fault in run.faults() if told in fault]
