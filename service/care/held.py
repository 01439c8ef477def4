"""Use cases: what is held after a restore is listed, and somebody says what becomes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from models.base import said
from models.reminder import Decision, DecisionKind, Delivery, DeliveryState, Reminder
from schedules.plan.vocabulary import Channel, ReminderCategory
from schedules.planning.held import RESTORED, drop, release
from schedules.planning.messages import load_messages
from service.care.reach import lock_patient
from service.errors import ConflictError, Fault, NotFoundError


@dataclass(frozen=True, slots=True)
class HeldDelivery:
    """A message that may have gone out after the backup that was restored. `held_since`: when it was."""

    id: str
    patient_id: str
    episode_id: str
    reminder_id: str
    key: str
    category: ReminderCategory
    channel: Channel | None
    due_at: datetime
    useful_until: datetime
    held_since: datetime | None


def list_held(session: Session, practice_id: str, *, after: str | None, limit: int) -> Sequence[HeldDelivery]:
    """Return up to `limit` of a practice's held deliveries by their ids, from the one after the id `after` on."""
    held_since = (
        select(func.max(Decision.decided_at))
        .where(
            Decision.practice_id == Delivery.practice_id,
            Decision.reminder_id == Delivery.reminder_id,
            Decision.kind == DecisionKind.held,
            Decision.reason == RESTORED,
        )
        .scalar_subquery()
    )
    query = (
        select(
            Delivery.id, Delivery.patient_id, Reminder.episode_id, Delivery.reminder_id, Reminder.key,
            Reminder.category, Delivery.channel, Delivery.due_at, Delivery.useful_until, held_since,
        )
        .join(Reminder, and_(Reminder.practice_id == Delivery.practice_id, Reminder.id == Delivery.reminder_id))
        .where(Delivery.practice_id == practice_id, Delivery.state == said(DeliveryState.held))
    )  # fmt: skip
    if after is not None:
        query = query.where(Delivery.id > after)
    rows = session.execute(query.order_by(Delivery.id).limit(limit))
    return [HeldDelivery(*row) for row in map(tuple, rows)]


def release_held(session: Session, practice_id: str, delivery_id: str, now: datetime) -> Delivery:
    """Have a held delivery sent, unless the worker's last check finds that it is of no more use. Return it.

    Raises NotFoundError, and ConflictError for one that is not held.
    """
    delivery = _lock_held(session, practice_id, delivery_id)
    release(session, delivery, now)
    return delivery


def drop_held(session: Session, practice_id: str, delivery_id: str, now: datetime) -> Delivery:
    """End a held delivery without sending it, and return it.

    Raises NotFoundError, and ConflictError for one that is not held.
    """
    delivery = _lock_held(session, practice_id, delivery_id)
    drop(session, delivery, now)
    return delivery


def _lock_held(session: Session, practice_id: str, delivery_id: str) -> Delivery:
    delivery = session.get(Delivery, (practice_id, delivery_id))
    if delivery is None:
        raise NotFoundError
    lock_patient(session, practice_id, delivery.patient_id)
    load_messages(session, practice_id, delivery.patient_id, lock=True)
    session.refresh(delivery)
    if delivery.state is not DeliveryState.held:
        raise ConflictError(Fault("", "a delivery that is held", delivery.state.value))
    return delivery
