"""Takes back messages that a new fact has made wrong, and says honestly whether it came in time.

Delivery rows are the only lock shared with the worker: whoever locks the row first decides. What is on its way to a
provider cannot be recalled, so the answer names it.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from models.reminder import OPEN_STATES, DecisionKind, Delivery, DeliveryState, Reminder
from schedules.plan.corrections import URGENT_KEYS
from schedules.plan.message_facts import ANSWERS, Standing
from schedules.plan.replan import Answer
from schedules.plan.vocabulary import EpisodeStatus, ReminderState
from schedules.planning.messages import Messages, load_messages
from schedules.planning.rows import find_all
from schedules.planning.story import step_of, tell

# What takes back an urgent correction too: nothing else makes it untrue that the surgery moved or was called off.
_STOP_EVERYTHING = frozenset({EpisodeStatus.died.value, EpisodeStatus.withdrawn.value})
__all__ = ["Answer", "answers_now", "cancel_reminders", "take_back", "withdraw"]


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
    messages = load_messages(session, first.practice_id, first.patient_id, lock=True)
    answers = {}
    for reminder in by_id.values():
        answer = take_back(session, reminder, messages, now=now, reason=reason)
        if answer is not None:
            answers[reminder.id] = answer
    return answers


def take_back(session: Session, reminder: Reminder, messages: Messages, *, now: datetime, reason: str) -> Answer | None:
    """Cancel what is open of a reminder's present generation, whose deliveries are locked. None: nothing was.

    What went out stays shown as sent; what was to repeat it on another channel is cancelled.
    """
    standing = messages.facts_of(reminder).standing
    for delivery in messages.present(reminder):
        if delivery.state in OPEN_STATES:
            if standing is not Standing.sent:
                reminder.state, reminder.reason = ReminderState.cancelled, reason
            cancel_delivery(delivery, now, reason)
            tell(session, step_of(delivery), DecisionKind.cancelled, now=now, reason=reason)
    return ANSWERS[standing]


def stop_repeats(session: Session, reminders: Sequence[Reminder], *, now: datetime, reason: str) -> None:
    """Cancel the steps that would repeat on another channel what went out of these reminders, all of one patient.

    Locks the patient's deliveries.
    """
    if not reminders:
        return
    messages = load_messages(session, reminders[0].practice_id, reminders[0].patient_id, lock=True)
    for reminder in reminders:
        if messages.facts_of(reminder).awaits_answer:
            take_back(session, reminder, messages, now=now, reason=reason)


def answers_now(session: Session, practice_id: str, patient_id: str) -> dict[str, Answer]:
    """Return, for each open reminder of a patient, whether a fact written now still reaches the worker's last check.

    For facts that the worker reads again before each send (opt-out, pause, contact); the rows stay locked till then.
    """
    messages = load_messages(session, practice_id, patient_id, lock=True)
    return {
        reminder_id: answer
        for reminder_id, deliveries in messages.deliveries.items()
        for delivery in deliveries
        if delivery.state in OPEN_STATES and (answer := ANSWERS[messages.standing(delivery)]) is not None
    }


def cancel_delivery(delivery: Delivery, now: datetime, reason: str) -> None:
    """Cancel an open delivery, locked. One on its way keeps its row: its result, or its next gate, will end it."""
    if delivery.state is DeliveryState.sending:
        if delivery.after_silence:
            delivery.useful_until = now  # its reminder stays sent, so this is what lets no retry through the gate
    else:
        delivery.state, delivery.reason = DeliveryState.cancelled, reason
        delivery.finished_at, delivery.published = now, True
        delivery.lease_owner = delivery.lease_until = delivery.lease_until_ms = delivery.lease_boot = None
