"""Takes back messages that a new fact has made wrong, and says honestly whether it came in time.

Delivery rows are the only lock shared with the worker: whoever locks the row first decides. What is on its way to a
provider cannot be recalled, so the answer names it.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.reminder import (
    OPEN_STATES,
    AttemptOutcome,
    DecisionKind,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Reminder,
)
from schedules.plan.corrections import URGENT_KEYS
from schedules.plan.replan import Answer
from schedules.plan.vocabulary import EpisodeStatus, ReminderState
from schedules.planning.rows import find_all
from schedules.planning.story import step_of, tell

# What takes back an urgent correction too: nothing else makes it untrue that the surgery moved or was called off.
_STOP_EVERYTHING = frozenset({EpisodeStatus.died.value, EpisodeStatus.withdrawn.value})
__all__ = ["Answer", "answers_now", "cancel_reminders", "ids_on_their_way", "withdraw"]


def withdraw(
    session: Session,
    practice_id: str,
    patient_id: str,
    *,
    now: datetime,
    reason: str,
    milestone_ids: Collection[str] | None = None,
    episode_ids: Collection[str] | None = None,
) -> dict[str, Answer]:
    """Cancel the patient's unsent reminders and return the answer for each reminder that was sent or still open.

    Without `milestone_ids` or `episode_ids` all of the patient's are meant. `reason` is a code of up to 40 characters.
    Only death and withdrawal take back an urgent correction.
    """
    reminders = [
        reminder
        for reminder in find_all(session, Reminder, practice_id, patient_id=patient_id)
        if (milestone_ids is None or reminder.milestone_id in milestone_ids)
        and (episode_ids is None or reminder.episode_id in episode_ids)
        and (reminder.key not in URGENT_KEYS or reason in _STOP_EVERYTHING)
    ]
    return cancel_reminders(session, reminders, now=now, reason=reason)


def cancel_reminders(
    session: Session, reminders: Iterable[Reminder], *, now: datetime, reason: str
) -> dict[str, Answer]:
    """Cancel the open deliveries of these reminders, all of one patient, and return an answer for each."""
    by_id = {reminder.id: reminder for reminder in reminders}
    if not by_id:
        return {}
    first = next(iter(by_id.values()))
    deliveries = find_all(session, Delivery, first.practice_id, lock=True, patient_id=first.patient_id)
    outcomes = _outcomes(session, first.practice_id, [each for each in deliveries if each.reminder_id in by_id])
    answers: dict[str, Answer] = {}
    for delivery in deliveries:
        reminder = by_id.get(delivery.reminder_id)
        if reminder is None or delivery.generation != reminder.generation:
            continue
        answer = _cancel(session, reminder, delivery, outcomes.get(delivery.id, set()), now=now, reason=reason)
        if answer is not None:
            answers[reminder.id] = answer
    return answers


def ids_on_their_way(session: Session, reminders: Collection[Reminder]) -> set[str]:
    """Return the ids of the reminders, all of one patient, whose message a worker is handing over at this time."""
    if not reminders:
        return set()
    present = {reminder.id: reminder.generation for reminder in reminders}
    first = next(iter(reminders))
    deliveries = find_all(session, Delivery, first.practice_id, lock=True, patient_id=first.patient_id)
    return {
        each.reminder_id
        for each in deliveries
        if each.state is DeliveryState.sending and present.get(each.reminder_id) == each.generation
    }


def answers_now(session: Session, practice_id: str, patient_id: str) -> dict[str, Answer]:
    """Return, for each open reminder of a patient, whether a fact written now still reaches the worker's last check.

    For facts that the worker reads again before each send (opt-out, pause, contact); the rows stay locked till then.
    """
    deliveries = find_all(session, Delivery, practice_id, lock=True, patient_id=patient_id)
    open_ones = [delivery for delivery in deliveries if delivery.state in OPEN_STATES]
    outcomes = _outcomes(session, practice_id, open_ones)
    return {each.reminder_id: _open_answer(each, outcomes.get(each.id, set())) for each in open_ones}


def _outcomes(
    session: Session, practice_id: str, deliveries: Collection[Delivery]
) -> dict[str, set[AttemptOutcome | None]]:
    outcomes: dict[str, set[AttemptOutcome | None]] = {}
    tried = [delivery.id for delivery in deliveries if delivery.attempts > 0]
    if not tried:
        return outcomes
    query = select(DeliveryAttempt.delivery_id, DeliveryAttempt.outcome).where(
        DeliveryAttempt.practice_id == practice_id, DeliveryAttempt.delivery_id.in_(tried)
    )
    for delivery_id, outcome in session.execute(query):
        outcomes.setdefault(delivery_id, set()).add(outcome)
    return outcomes


def _open_answer(delivery: Delivery, outcomes: set[AttemptOutcome | None]) -> Answer:
    if delivery.state is DeliveryState.sending or None in outcomes:
        return Answer.in_flight
    if outcomes & {AttemptOutcome.unknown, AttemptOutcome.abandoned}:
        return Answer.unknown
    return Answer.effective


def _cancel(
    session: Session,
    reminder: Reminder,
    delivery: Delivery,
    outcomes: set[AttemptOutcome | None],
    *,
    now: datetime,
    reason: str,
) -> Answer | None:
    if delivery.state is DeliveryState.sent:
        return Answer.already_sent
    if delivery.state not in OPEN_STATES:
        return None
    answer = _open_answer(delivery, outcomes)
    reminder.state, reminder.reason = ReminderState.cancelled, reason
    # A delivery on its way keeps its row: the result, or the gate of the next attempt, will end it.
    if delivery.state is not DeliveryState.sending:
        delivery.state, delivery.reason = DeliveryState.cancelled, reason
        delivery.finished_at, delivery.published = now, True
        delivery.lease_owner = delivery.lease_until = delivery.lease_until_ms = delivery.lease_boot = None
    tell(session, step_of(delivery), DecisionKind.cancelled, now=now, reason=reason)
    return answer
