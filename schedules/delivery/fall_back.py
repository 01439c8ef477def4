"""What failed on one channel goes on to the next of the patient's order, as the next step of the same reminder."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.people import Patient
from models.reminder import DecisionKind, Delivery, Reminder
from schedules.delivery.decide import Reason, is_usable
from schedules.delivery.facts import offers_of
from schedules.plan.vocabulary import Provider, ReminderState
from schedules.planning.reminders import FIRST_STEP, delivery_id
from schedules.planning.story import step_of, tell


def tried_targets(session: Session, delivery: Delivery) -> frozenset[bytes]:
    """Return the hashed addresses of the earlier steps of a delivery's generation. The first step costs no query."""
    if delivery.step == FIRST_STEP:
        return frozenset()
    query = select(Delivery.target).where(
        Delivery.practice_id == delivery.practice_id,
        Delivery.reminder_id == delivery.reminder_id,
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
    reminder = session.get_one(Reminder, (failed.practice_id, failed.reminder_id), populate_existing=True)
    stands = reminder.generation == failed.generation and reminder.state is ReminderState.planned
    if not stands or now >= failed.useful_until:
        return False
    patient = session.get_one(Patient, (failed.practice_id, failed.patient_id), populate_existing=True)
    tried = tried_targets(session, failed) | {bytes(failed.target or b"")}
    if not any(is_usable(offer) for offer in offers_of(patient, built=built, tried=tried)):
        return False
    following = Delivery(
        practice_id=failed.practice_id,
        id=delivery_id(failed.reminder_id, generation=failed.generation, step=failed.step + 1),
        patient_id=failed.patient_id,
        reminder_id=failed.reminder_id,
        generation=failed.generation,
        step=failed.step + 1,
        is_correction=failed.is_correction,
        urgency=failed.urgency,
        due_at=failed.due_at,
        useful_until=failed.useful_until,
        next_attempt_at=now,
    )
    session.add(following)
    tell(session, step_of(following), DecisionKind.planned, now=now, reason=Reason.fell_back)
    return True
