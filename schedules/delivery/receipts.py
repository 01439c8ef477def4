"""What follows from a receipt: a line of the story, and for what did not arrive the next way to the patient.

Receipts come in any order and more than once. What arrived stays arrived, whatever comes later.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models.receipts import Receipt, ReceiptKind
from models.reminder import DecisionKind, Delivery, DeliveryAttempt, DeliveryState, Reminder
from models.sync import stamp
from schedules.delivery.calls import disable_staff_address
from schedules.delivery.dead_addresses import note_dead
from schedules.delivery.decide import Reason
from schedules.delivery.fall_back import STANDS, fall_back
from schedules.delivery.push_addresses import disable
from schedules.delivery.subjects import goes_to_staff
from schedules.plan.vocabulary import Channel, Provider, ReminderState
from schedules.planning.story import step_of, tell

_ARRIVED = (ReceiptKind.delivered, ReceiptKind.complained)
_ADDRESS_IS_DEAD = (ReceiptKind.bounced, ReceiptKind.complained)
_REASONS: Mapping[ReceiptKind, Reason] = MappingProxyType(
    {
        ReceiptKind.complained: Reason.complained,
        ReceiptKind.undelivered: Reason.not_delivered,
        ReceiptKind.bounced: Reason.address_dead,
        ReceiptKind.opted_out: Reason.opted_out,
    }
)


def read_receipts(
    session: Session, practice_id: str, delivery_id: str, *, built: Collection[Provider], now: datetime
) -> None:
    """Draw the conclusions from a delivery's unread receipts, in the session's transaction.

    `built` are those whom this worker can hand messages to. The delivery is locked first, as withdrawals do it.
    """
    delivery = session.get_one(Delivery, (practice_id, delivery_id), with_for_update=True, populate_existing=True)
    unread = _unread(session, delivery)
    has_arrived = _has_arrived(session, delivery)
    # Arrivals first, so that a failure which overtook one on its way here changes nothing.
    for receipt in sorted(unread, key=lambda each: each.kind not in _ARRIVED):
        receipt.is_read = True
        attempt = session.get_one(DeliveryAttempt, (practice_id, delivery_id, receipt.fence))
        # Only the last attempt's address is known.
        if receipt.kind in _ADDRESS_IS_DEAD and receipt.fence == delivery.fence:
            _bury(session, delivery, receipt, attempt, now)
        if receipt.kind in _ARRIVED:
            _tell(session, delivery, DecisionKind.delivered, receipt, attempt, now=now)
            has_arrived = True
        elif not has_arrived and delivery.state is DeliveryState.sent and receipt.fence == delivery.fence:
            _tell(session, delivery, DecisionKind.undelivered, receipt, attempt, now=now)
            _go_on(session, delivery, _REASONS[receipt.kind], built=built, now=now)


def _unread(session: Session, delivery: Delivery) -> Sequence[Receipt]:
    query = (
        select(Receipt)
        .filter_by(practice_id=delivery.practice_id, delivery_id=delivery.id, is_read=False)
        .order_by(Receipt.happened_at, Receipt.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).all()


def _has_arrived(session: Session, delivery: Delivery) -> bool:
    arrived = exists().where(
        Receipt.practice_id == delivery.practice_id,
        Receipt.delivery_id == delivery.id,
        Receipt.kind.in_(_ARRIVED),
        Receipt.is_read,
    )
    return bool(session.scalar(select(arrived)))


def _bury(session: Session, delivery: Delivery, receipt: Receipt, attempt: DeliveryAttempt, now: datetime) -> None:
    """Note that the address is dead, in the list that it stands in."""
    if goes_to_staff(delivery):
        disable_staff_address(session, delivery, delivery.target, code=receipt.code, now=now)
    elif attempt.channel is Channel.push:
        disable(session, delivery, delivery.target, dead_since=attempt.started_at, code=receipt.code, now=now)
    else:
        note_dead(session, attempt, delivery.target, code=receipt.code, now=now)


def _tell(
    session: Session,
    delivery: Delivery,
    kind: DecisionKind,
    receipt: Receipt,
    attempt: DeliveryAttempt,
    *,
    now: datetime,
) -> None:
    reason = _REASONS.get(receipt.kind)
    tell(session, step_of(delivery), kind, now=now, reason=reason, channel=attempt.channel)


def _go_on(session: Session, delivery: Delivery, reason: Reason, *, built: Collection[Provider], now: datetime) -> None:
    """Fail what counted as sent. Its reminder waits for the next step, or shows the failure if there is none."""
    delivery.state, delivery.reason, delivery.published = DeliveryState.failed, reason, True
    if goes_to_staff(delivery):
        fall_back(session, delivery, built=built, now=now)
        return
    # Whoever changes synced rows holds the clock to the commit: from here on the reminder stands still.
    stamp(session, delivery.practice_id)
    goes_on = fall_back(session, delivery, built=built, now=now)
    reminder = session.get_one(Reminder, (delivery.practice_id, delivery.reminder_id))
    if reminder.generation == delivery.generation and reminder.state in STANDS:
        reminder.state = ReminderState.planned if goes_on else ReminderState.failed
        reminder.reason, reminder.sent_at = (None if goes_on else reason), None
