"""Reads what became of a patient's messages: the deliveries, which are the only lock shared with the worker."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.reminder import OPEN_STATES, AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState, Reminder
from schedules.plan.message_facts import MessageFacts, Standing
from schedules.plan.urgency import Urgency, goes_on_after_silence
from schedules.planning.rows import find_all

Outcomes = frozenset[AttemptOutcome | None]
_NOBODY_KNOWS = frozenset({None, AttemptOutcome.unknown, AttemptOutcome.abandoned})
_NONE: Outcomes = frozenset()


@dataclass(frozen=True, slots=True)
class Messages:
    """A patient's deliveries by the reminder's id, and how the tries of each ended, by the delivery's."""

    deliveries: Mapping[str, list[Delivery]] = field(default_factory=dict)
    outcomes: Mapping[str, Outcomes] = field(default_factory=dict)

    def present(self, reminder: Reminder) -> list[Delivery]:
        """Return the deliveries of the generation that stands now."""
        return [each for each in self.deliveries.get(reminder.id, ()) if each.generation == reminder.generation]

    def standing(self, delivery: Delivery) -> Standing:
        """Return how one delivery stands."""
        outcomes = self.outcomes.get(delivery.id, _NONE)
        if delivery.state is DeliveryState.sent:
            return Standing.sent
        if delivery.state is DeliveryState.sending:
            return Standing.on_its_way
        if delivery.state not in OPEN_STATES:
            return Standing.over
        if delivery.state is DeliveryState.held:
            return Standing.perhaps_sent
        if None in outcomes:
            return Standing.on_its_way
        return Standing.perhaps_sent if outcomes & _NOBODY_KNOWS else Standing.waiting

    def facts_of(self, reminder: Reminder) -> MessageFacts:
        """Return what became of a reminder's messages, those of earlier generations included."""
        known = self.deliveries.get(reminder.id, ())
        present = self.present(reminder)
        standings = [self.standing(each) for each in present]
        standing = next((each for each in _LOUDEST_FIRST if each in standings), Standing.over)
        is_open_after = any(each.after_silence and each.state in OPEN_STATES for each in present)
        return MessageFacts(
            standing=standing,
            sent_due_ats=frozenset(each.due_at for each in known if each.state is DeliveryState.sent),
            may_have_gone_out=any(self._may_have_gone_out(each) for each in known),
            awaits_answer=standing is Standing.sent and is_open_after,
        )

    def _may_have_gone_out(self, delivery: Delivery) -> bool:
        if delivery.state in (DeliveryState.sent, DeliveryState.sending, DeliveryState.held):
            return True
        return bool(self.outcomes.get(delivery.id, _NONE) & _NOBODY_KNOWS)


_LOUDEST_FIRST = (Standing.sent, Standing.on_its_way, Standing.perhaps_sent, Standing.waiting)


def load_messages(session: Session, practice_id: str, patient_id: str, *, lock: bool) -> Messages:
    """Return what became of a patient's messages. `lock`: no worker changes a delivery until the commit."""
    rows = find_all(session, Delivery, practice_id, lock=lock, patient_id=patient_id)
    if lock and any(_may_have_gone_on(row) for row in rows):
        # While a lock was waited for, a next step may have been added, which this query could not see.
        rows = find_all(session, Delivery, practice_id, lock=True, patient_id=patient_id)
    by_reminder: dict[str, list[Delivery]] = {}
    for row in rows:
        if row.reminder_id is not None:  # else it tells staff of something
            by_reminder.setdefault(row.reminder_id, []).append(row)
    return Messages(by_reminder, _outcomes(session, practice_id, rows))


def _may_have_gone_on(row: Delivery) -> bool:
    if row.state is DeliveryState.sent and row.channel is not None:
        return goes_on_after_silence(row.channel, Urgency(row.urgency))
    return row.state is DeliveryState.failed


def facts_of_all(messages: Messages, reminders: Iterable[Reminder]) -> dict[str, MessageFacts]:
    """Return what became of the messages of each reminder, by id."""
    return {reminder.id: messages.facts_of(reminder) for reminder in reminders}


def _outcomes(session: Session, practice_id: str, deliveries: Collection[Delivery]) -> dict[str, Outcomes]:
    tried = [delivery.id for delivery in deliveries if delivery.attempts > 0]
    if not tried:
        return {}
    query = select(DeliveryAttempt.delivery_id, DeliveryAttempt.outcome).where(
        DeliveryAttempt.practice_id == practice_id, DeliveryAttempt.delivery_id.in_(tried)
    )
    found: dict[str, set[AttemptOutcome | None]] = {}
    for delivery_id, outcome in session.execute(query):
        found.setdefault(delivery_id, set()).add(outcome)
    return {delivery_id: frozenset(outcomes) for delivery_id, outcomes in found.items()}
