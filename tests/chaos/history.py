"""Checks what the engine did in a run of chaos against what it promises. Each fault is a line; none is a good run."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.audit import AuditAction, AuditEntry
from models.reminder import (
    OPEN_STATES,
    AttemptOutcome,
    Decision,
    DecisionKind,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Reminder,
)
from schedules.plan.vocabulary import ReminderState
from schedules.planning import Answer
from tests.chaos.clinic import Due
from tests.chaos.providers import Ledger, Request

NOBODY_KNOWS = frozenset({AttemptOutcome.unknown, AttemptOutcome.abandoned})
MAY_LAG_SECONDS = 0.5  # the deadline of a send: what a provider had not yet looked at when its sender gave up


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What was answered to a withdrawal, and when (monotonic seconds, after its commit)."""

    reminder_id: str
    answer: Answer
    answered: float


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that a run left behind, by reminder."""

    reminders: Mapping[str, Reminder]
    deliveries: Mapping[str, list[Delivery]]
    attempts: Mapping[str, list[DeliveryAttempt]]
    requests: Mapping[str, list[Request]]


def find_faults(
    session: Session, ledger: Ledger, withdrawals: Iterable[Withdrawal], due: Mapping[str, Sequence[Due]]
) -> list[str]:
    """Return every breach of a promise. `due` are the reminders by their patients' addresses."""
    told = _gather(session, ledger, due)
    return [
        *_lost(told),
        *_regressions(session),
        *_repeats(told),
        *_unexplained(told),
        *_parted(told),
        *_broken_words(told, withdrawals),
        *_untimely(told),
        *_untold(session, told),
    ]


def tell_counts(session: Session, ledger: Ledger, withdrawals: Iterable[Withdrawal]) -> str:
    """Return one line about how the reminders ended and how much went wrong on the way."""
    states = Counter(state.value for state in session.scalars(select(Delivery.state)))
    outcomes = Counter(
        "open" if each is None else each.value for each in session.scalars(select(DeliveryAttempt.outcome))
    )
    answers = Counter(each.answer.value for each in withdrawals)
    taken = Counter((each.address, each.key) for each in ledger.requests if each.taken is not None)
    repeats = sum(count - 1 for count in taken.values())
    along = session.scalars(select(func.count()).where(DeliveryAttempt.carried_by.is_not(None))).one()
    return (
        f"deliveries {_words(states)}; attempts {_words(outcomes)}, {along} of them in another's message; "
        f"withdrawals {_words(answers)}; "
        f"{len(ledger.requests)} requests, {len(ledger.errors)} provider errors, {repeats} messages taken again"
    )


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))


def _gather(session: Session, ledger: Ledger, due: Mapping[str, Sequence[Due]]) -> Told:
    deliveries, attempts, requests = defaultdict(list), defaultdict(list), defaultdict(list)
    reminder_of = {}
    for delivery in session.scalars(select(Delivery).order_by(Delivery.step)):
        deliveries[delivery.subject_id].append(delivery)
        reminder_of[delivery.id] = delivery.subject_id
    for attempt in session.scalars(select(DeliveryAttempt).order_by(DeliveryAttempt.fence)):
        attempts[reminder_of[attempt.delivery_id]].append(attempt)
    for request in ledger.requests:
        for reminder_id in _said(request, due[request.address]):
            requests[reminder_id].append(request)
    reminders = {row.id: row for row in session.scalars(select(Reminder))}
    return Told(reminders, deliveries, attempts, requests)


def _said(request: Request, due: Sequence[Due]) -> list[str]:
    """Return which reminders a request was about: of several, those whose words were taken."""
    return [each.reminder_id for each in due if len(due) == 1 or each.text in request.text]


def _lost(told: Told) -> Iterator[str]:
    """P1: each reminder was handed over, or ended with a reason."""
    for reminder_id, reminder in told.reminders.items():
        if reminder.state is ReminderState.planned:
            yield f"{reminder_id}: the reminder shows no end"
        for delivery in told.deliveries[reminder_id]:
            if delivery.state in OPEN_STATES:
                yield f"{delivery.id}: still {delivery.state}"
            elif delivery.state is not DeliveryState.sent and delivery.reason is None:
                yield f"{delivery.id}: {delivery.state} without a reason"
        was_taken = any(request.taken is not None for request in told.requests[reminder_id])
        is_sent = any(each.state is DeliveryState.sent for each in told.deliveries[reminder_id])
        if is_sent and not was_taken:
            yield f"{reminder_id}: sent, and no provider has it"


def _regressions(session: Session) -> Iterator[str]:
    """P2: what is over stays as it is, and a fence only rises."""
    open_states = {state.value for state in OPEN_STATES}
    rows = session.execute(text("SELECT kind, id, before, after, fence_before, fence_after FROM chaos_history"))
    for kind, row_id, before, after, fence_before, fence_after in rows:
        if fence_after < fence_before:
            yield f"{row_id}: the fence fell from {fence_before} to {fence_after}"
        left_the_end = kind == "delivery" and before not in open_states
        if before != after and (left_the_end or before == "sent"):
            yield f"{kind} {row_id}: {before} became {after}"


def _repeats(told: Told) -> Iterator[str]:
    """P2: each attempt has an outcome, one at most was accepted, and nothing was tried after it."""
    for reminder_id, attempts in told.attempts.items():
        outcomes = Counter(attempt.outcome for attempt in attempts)
        if outcomes[None]:
            yield f"{reminder_id}: {outcomes[None]} attempts without an outcome"
        if outcomes[AttemptOutcome.accepted] > 1:
            yield f"{reminder_id}: {outcomes[AttemptOutcome.accepted]} attempts were accepted"
    for deliveries in told.deliveries.values():
        for delivery in deliveries:
            last = [each for each in told.attempts[delivery.subject_id] if each.delivery_id == delivery.id][-1:]
            if delivery.state is DeliveryState.sent and [each.outcome for each in last] != [AttemptOutcome.accepted]:
                yield f"{delivery.id}: sent, but its last attempt was not accepted"


def _unexplained(told: Told) -> Iterator[str]:
    """P2: the provider saw no request without an attempt, and every repeat of a message bore the same key."""
    for reminder_id, requests in told.requests.items():
        attempts = told.attempts[reminder_id]
        outcomes = Counter(attempt.outcome for attempt in attempts)
        taken = [request for request in requests if request.taken is not None]
        unexplained = len(taken) - outcomes[AttemptOutcome.accepted] - sum(outcomes[each] for each in NOBODY_KNOWS)
        if unexplained > 0:
            yield f"{reminder_id}: taken {len(taken)} times, {unexplained} of them unexplained"
        if len(requests) > sum(outcomes.values()):
            yield f"{reminder_id}: {len(requests)} requests in {sum(outcomes.values())} attempts"
        if len({request.key for request in taken}) > len({each.carried_by or each.delivery_id for each in attempts}):
            yield f"{reminder_id}: a repeat bore another key"


def _parted(told: Told) -> Iterator[str]:
    """P2: what went in one message was taken together or refused together, as far as anybody knows."""
    outcomes = defaultdict(set)
    for attempt in (each for attempts in told.attempts.values() for each in attempts):
        outcomes[attempt.carried_by or attempt.delivery_id, attempt.started_at].add(attempt.outcome)
    for (carrier, _), several in outcomes.items():
        if {AttemptOutcome.accepted, AttemptOutcome.refused} <= several:
            yield f"{carrier}: one message was accepted for some of its items and refused for others"


def _broken_words(told: Told, withdrawals: Iterable[Withdrawal]) -> Iterator[str]:
    """P3: after `effective` nothing leaves; `already_sent` was taken."""
    for each in withdrawals:
        requests = told.requests[each.reminder_id]
        taken = [request for request in requests if request.taken is not None]
        late = [request for request in requests if request.begun > each.answered + MAY_LAG_SECONDS]
        if each.answer is Answer.effective and (taken or late):
            yield f"{each.reminder_id}: effective, but {len(taken)} taken and {len(late)} begun afterwards"
        if each.answer is Answer.already_sent and not taken:
            yield f"{each.reminder_id}: already_sent, but no provider has it"


def _untimely(told: Told) -> Iterator[str]:
    """P5: nothing is handed over before it is due or when it is of no more use, and nothing expires before that."""
    deliveries = {each.id: each for several in told.deliveries.values() for each in several}
    for attempt in (each for attempts in told.attempts.values() for each in attempts):
        delivery = deliveries[attempt.delivery_id]
        if attempt.started_at < delivery.due_at:
            yield f"{delivery.id}: handed over before it was due"
        if attempt.started_at >= delivery.useful_until:
            yield f"{delivery.id}: handed over when it was of no more use"
    for delivery in deliveries.values():
        ended_at = delivery.finished_at or delivery.useful_until
        if delivery.state is DeliveryState.expired and ended_at < delivery.useful_until:
            yield f"{delivery.id}: expired while it was of use"


def _untold(session: Session, told: Told) -> Iterator[str]:
    """P8: each attempt stands in the story and in the audit trail, and each end in the story."""
    yield from _unaudited(session, [each for rows in told.attempts.values() for each in rows])
    story = Counter((row.reminder_id, row.kind) for row in session.scalars(select(Decision)))
    for reminder_id, deliveries in told.deliveries.items():
        if story[reminder_id, DecisionKind.sending] != len(told.attempts[reminder_id]):
            yield f"{reminder_id}: the story tells another number of attempts"
        ends = {DecisionKind(each.state) for each in deliveries if each.state not in OPEN_STATES}
        if missing := sorted(end for end in ends if not story[reminder_id, end]):
            yield f"{reminder_id}: the story does not tell {', '.join(missing)}"


def _unaudited(session: Session, attempts: Sequence[DeliveryAttempt]) -> Iterator[str]:
    """P8: each message has one audit entry, which names all that went along."""
    along = defaultdict(set)
    for each in attempts:
        if each.carried_by is not None:
            along[each.carried_by, each.started_at].add(each.delivery_id)
    expected = {
        (each.delivery_id, each.fence, frozenset(along[each.delivery_id, each.started_at]))
        for each in attempts
        if each.carried_by is None
    }
    entries = session.scalars(select(AuditEntry.about).where(AuditEntry.action == AuditAction.send))
    audited = Counter((each["delivery_id"], each["fence"], frozenset(each.get("with", ()))) for each in entries)
    if set(audited) != expected or set(audited.values()) - {1}:
        yield f"{len(expected)} messages, {audited.total()} audit entries that do not match them"
