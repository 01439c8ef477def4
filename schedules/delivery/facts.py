"""Reads, in two queries, what the gate decides on: the delivery under lock, then everything that it hangs on."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from models.base import Tenant
from models.care import Episode, Milestone, MilestoneProgress, Surgery
from models.people import Patient
from models.practice import Practice
from models.private import lookup_hash
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState, Reminder
from schedules.delivery.book import Claim
from schedules.delivery.decide import Facts, Offer
from schedules.plan.corrections import URGENT_KEYS
from schedules.plan.timing import QuietHours
from schedules.plan.vocabulary import Channel, Provider, ReminderState


@dataclass(frozen=True, slots=True)
class Care:
    """The rows that a reminder hangs on. `progress` is None until something was reported of the milestone."""

    reminder: Reminder
    milestone: Milestone
    progress: MilestoneProgress | None
    episode: Episode
    surgery: Surgery
    patient: Patient
    practice: Practice


def lock_delivery(session: Session, claim: Claim) -> Delivery | None:
    """Return the delivery, locked to the commit against withdrawals; None if the claim no longer holds it."""
    return session.scalars(
        select(Delivery)
        .where(
            Delivery.practice_id == claim.practice_id,
            Delivery.id == claim.delivery_id,
            Delivery.fence == claim.fence,
            Delivery.state == DeliveryState.leased,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def load_care(session: Session, delivery: Delivery) -> Care:
    """Return what the delivery's reminder hangs on. Read it after the lock: then no withdrawal can be missed."""
    row = session.execute(
        select(Reminder, Milestone, MilestoneProgress, Episode, Surgery, Patient, Practice)
        .join_from(Reminder, Milestone, _same_practice(Milestone, Milestone.id == Reminder.milestone_id))
        .outerjoin(MilestoneProgress, _same_practice(MilestoneProgress, MilestoneProgress.id == Milestone.id))
        .join(Episode, _same_practice(Episode, Episode.id == Reminder.episode_id))
        .join(Surgery, _same_practice(Surgery, Surgery.id == Milestone.surgery_id))
        .join(Patient, _same_practice(Patient, Patient.id == Reminder.patient_id))
        .join(Practice, Practice.id == Reminder.practice_id)
        .where(Reminder.practice_id == delivery.practice_id, Reminder.id == delivery.reminder_id)
    ).one()
    return Care(*row)


def facts_of(
    delivery: Delivery,
    care: Care,
    *,
    built: Collection[Provider],
    tried: Collection[bytes] = (),
    fuse_until: datetime | None = None,
    now: datetime,
) -> Facts:
    """Return the facts to decide on.

    `built` are those whom this worker can hand messages to, `tried` the hashed addresses on which an earlier step
    failed. `fuse_until` is the end of a day on which the patient has had as many messages as may be.
    """
    progress = None if care.progress is None or care.progress.deleted else care.progress
    return Facts(
        now=now,
        due_at=delivery.due_at,
        useful_until=delivery.useful_until,
        phase=care.reminder.phase,
        fuse_until=fuse_until,
        snoozed_until=care.reminder.snoozed_until,
        is_acknowledged=delivery.after_silence and care.reminder.acknowledged_at is not None,
        is_category_opted_out=care.reminder.category in care.patient.opted_out_categories,
        is_urgent=care.reminder.key in URGENT_KEYS,
        is_withdrawn=care.reminder.state is ReminderState.cancelled or _is_gone(care),
        is_stale=delivery.generation != care.reminder.generation,
        is_achieved=progress is not None and progress.achieved_on is not None,
        is_skipped=progress is not None and progress.skip_reason is not None,
        is_milestone_cancelled=care.milestone.cancelled_at is not None,
        has_died=care.patient.died_on is not None,
        is_paused=care.patient.reminders_paused_at is not None,
        episode_status=care.episode.status,
        surgery_status=care.surgery.status,
        zone=ZoneInfo(care.patient.time_zone),
        quiet_hours=_quiet_hours(care.patient),
        offers=offers_of(care.patient, built=built, tried=tried),
    )


def count_open_tries(session: Session, delivery: Delivery) -> int:
    """Return how many earlier attempts of the delivery may have been accepted. Costs a query from the second on."""
    if delivery.attempts <= 1:
        return 0
    query = select(func.count()).where(
        DeliveryAttempt.practice_id == delivery.practice_id,
        DeliveryAttempt.delivery_id == delivery.id,
        DeliveryAttempt.fence < delivery.fence,
        DeliveryAttempt.outcome != AttemptOutcome.refused,
    )
    return session.scalar(query) or 0


def _same_practice(model: type[Tenant], link: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(model.practice_id == Reminder.practice_id, link)


def _is_gone(care: Care) -> bool:
    return any(row.deleted for row in (care.reminder, care.milestone, care.episode, care.surgery, care.patient))


def _quiet_hours(patient: Patient) -> QuietHours | None:
    if patient.quiet_from is None or patient.quiet_until is None:
        return None
    return QuietHours(start=patient.quiet_from, end=patient.quiet_until)


def offers_of(patient: Patient, *, built: Collection[Provider], tried: Collection[bytes]) -> tuple[Offer, ...]:
    """Return the ways to reach a patient in their own order, as they stand now.

    `built` are those whom this worker can hand messages to, `tried` the hashed addresses on which an earlier step
    of the same message failed.
    """
    return tuple(_offer(patient, Channel(name), built, tried) for name in patient.channels)


def _offer(patient: Patient, channel: Channel, built: Collection[Provider], tried: Collection[bytes]) -> Offer:
    provider, address = {
        Channel.email: (Provider.smtp, patient.email),
        Channel.sms: (Provider.sms, patient.phone),
    }.get(channel, (None, None))
    if provider not in built:
        provider = address = None
    return Offer(
        channel=channel,
        provider=provider,
        is_opted_out=channel in patient.opted_out,
        address=address,
        is_tried=address is not None and lookup_hash(address, patient.practice_id) in tried,
    )
