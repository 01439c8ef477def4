"""The patient's order of channels: what failed on one, or was not acknowledged, goes on to the next.

Each is the next step of the same reminder, added in the transaction that records the result of the one before it.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.reminder import DecisionKind, Delivery, Reminder
from models.subjects import subject_of
from schedules.delivery.book import Held
from schedules.delivery.calls import can_go_on
from schedules.delivery.dead_addresses import dead_among
from schedules.delivery.decide import Reason, is_usable
from schedules.delivery.policy import Policy
from schedules.delivery.subjects import goes_to_staff
from schedules.delivery.ways import Ways, load_contact, offers_of
from schedules.plan.urgency import Urgency, goes_on_after_silence
from schedules.plan.vocabulary import Provider, ReminderState
from schedules.planning.reminders import FIRST_STEP, delivery_id
from schedules.planning.story import step_of, tell

# Shown as sent already, where it was only found out later that the message did not arrive.
STANDS = (ReminderState.planned, ReminderState.sent)


def tried_targets(session: Session, delivery: Delivery | Held) -> frozenset[bytes]:
    """Return the hashed addresses of the earlier steps of a delivery's generation. The first step costs no query."""
    if delivery.step == FIRST_STEP:
        return frozenset()
    subject = subject_of(delivery)
    query = select(Delivery.target).where(
        Delivery.practice_id == delivery.practice_id,
        getattr(Delivery, subject) == getattr(delivery, subject),
        Delivery.generation == delivery.generation,
        Delivery.step < delivery.step,
    )
    return frozenset(bytes(target) for target in session.scalars(query) if target is not None)


def fall_back(session: Session, failed: Delivery, *, built: Collection[Provider], now: datetime) -> bool:
    """Add the next step of a delivery that failed, locked, and return whether there is one.

    There is none without another way to the patient that this worker knows and the patient did not stop, once the
    message is of no more use, or where its reminder was called off or planned again. The gate decides on everything
    again.
    """
    if now >= failed.useful_until or not _goes_on(session, failed, built, after_silence=failed.after_silence):
        return False
    following = _next_step(failed, at=now, after_silence=failed.after_silence)
    session.add(following)
    tell(session, step_of(following), DecisionKind.planned, now=now, reason=Reason.fell_back)
    return True


def waits_for_an_answer(sent: Held) -> bool:
    """Return whether a message that was sent goes on to another channel if nobody acknowledges it."""
    # Who is told of an alert and stays silent is followed by the next person, not by another channel.
    return (
        not goes_to_staff(sent)
        and sent.channel is not None
        and goes_on_after_silence(sent.channel, Urgency(sent.urgency))
    )


def go_on_after_silence(
    session: Session, sent: Delivery, *, built: Collection[Provider], policy: Policy, now: datetime
) -> bool:
    """Add the step that repeats what was sent `now`, locked, on the next channel. Return whether there is one.

    It waits for as long as the policy says; the gate lets it go only if nobody acknowledged the reminder meanwhile.
    `sent` waits for an answer. There is none where `fall_back` would add none.
    """
    at = now + policy.silence_of(Urgency(sent.urgency))
    if at >= sent.useful_until or not _goes_on(session, sent, built, after_silence=True):
        return False
    following = _next_step(sent, at=at, after_silence=True)
    session.add(following)
    tell(session, step_of(following), DecisionKind.planned, now=now, reason=Reason.silence, until=at)
    return True


def _goes_on(session: Session, before: Delivery, built: Collection[Provider], *, after_silence: bool) -> bool:
    """Return whether the message still stands and the person can be reached on another way than before."""
    tried = tried_targets(session, before) | {bytes(before.target or b"")}
    if goes_to_staff(before):
        return can_go_on(session, before, built, tried=tried)
    reminder = session.get_one(Reminder, (before.practice_id, before.reminder_id), populate_existing=True)
    if reminder.generation != before.generation or not _still_stands(reminder, after_silence=after_silence):
        return False
    contact = load_contact(session, before.practice_id, before.patient_id)
    ways = Ways(built, dead=dead_among(session, before.practice_id, contact.targets))
    return any(is_usable(offer) for offer in offers_of(contact, ways, tried=tried))


def _still_stands(reminder: Reminder, *, after_silence: bool) -> bool:
    if not after_silence:
        return reminder.state in STANDS
    return reminder.state in STANDS and reminder.acknowledged_at is None


def _next_step(before: Delivery, *, at: datetime, after_silence: bool) -> Delivery:
    return Delivery(
        practice_id=before.practice_id,
        id=delivery_id(before.subject_id, generation=before.generation, step=before.step + 1),
        patient_id=before.patient_id,
        reminder_id=before.reminder_id,
        alert_id=before.alert_id,
        access_id=before.access_id,
        staff_id=before.staff_id,
        generation=before.generation,
        step=before.step + 1,
        is_correction=before.is_correction,
        after_silence=after_silence,
        urgency=before.urgency,
        due_at=before.due_at,
        useful_until=before.useful_until,
        next_attempt_at=at,
    )
