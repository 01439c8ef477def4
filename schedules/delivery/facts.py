"""Reads in one query what the gate decides on, for all deliveries of a batch: columns, no objects, as all pass here."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, func, select
from sqlalchemy.orm import Session

from models.base import Tenant
from models.care import Episode, Milestone, MilestoneProgress, Surgery
from models.people import Patient
from models.practice import Practice
from models.reminder import AttemptOutcome, DeliveryAttempt, Reminder
from models.report import CheckIn
from models.sets import ByList, is_among
from schedules.delivery.book import Held
from schedules.delivery.decide import Facts
from schedules.delivery.ways import CONTACT_COLUMNS, Contact, Ways, offers_of, with_devices
from schedules.plan.corrections import URGENT_KEYS
from schedules.plan.protocol import ASKS_RED_FLAGS
from schedules.plan.timing import QuietHours
from schedules.plan.vocabulary import (
    EpisodeStatus,
    Language,
    MilestoneKind,
    Phase,
    ReminderCategory,
    ReminderState,
    SkipReason,
    SurgeryStatus,
)


@dataclass(frozen=True, slots=True)
class Care:
    """What a reminder hangs on, as it stands now. `achieved_on` and `skip_reason` are None until reported."""

    practice_id: str
    reminder_id: str
    episode_id: str
    reminder_key: str
    reminder_state: ReminderState
    reminder_generation: int
    category: ReminderCategory
    scheduled_on: date
    checked_in_at: datetime | None
    acknowledged_at: datetime | None
    snoozed_until: datetime | None
    phase: Phase
    milestone_kind: str
    milestone_cancelled_at: datetime | None
    achieved_on: date | None
    skip_reason: SkipReason | None
    progress_deleted: bool | None
    episode_status: EpisodeStatus
    surgery_status: SurgeryStatus
    protocol_id: str
    protocol_version: int
    arrival_at: time | None
    language: Language
    country: str
    details_consent_at: datetime | None
    opted_out_categories: list[str]
    zone: str
    quiet_from: time | None
    quiet_until: time | None
    paused_at: datetime | None
    died_on: date | None
    practice_name: str
    practice_phone: str
    clinic_zone: str
    webhook_secret_sealed: bytes | None
    is_gone: bool
    contact: Contact

    @property
    def has_reported(self) -> bool:
        """Return whether the patient has done already what a check-in's message asks for, on the clinic's day of it."""
        at = self.checked_in_at
        return at is not None and at.astimezone(ZoneInfo(self.clinic_zone)).date() >= self.scheduled_on

    @property
    def goes_alone(self) -> bool:
        """Return whether its message says nothing else."""
        return self.reminder_key in URGENT_KEYS


# Only what asks for a check-in looks for one. Who is to be asked for red flags is asked whatever was reported before.
_CHECKED_IN_AT = case(
    (
        and_(Milestone.kind == MilestoneKind.check_in, Reminder.key != ASKS_RED_FLAGS),
        select(func.max(CheckIn.reported_at))
        .where(
            CheckIn.practice_id == Reminder.practice_id,
            CheckIn.patient_id == Reminder.patient_id,
            CheckIn.episode_id == Reminder.episode_id,
            ~CheckIn.deleted,
        )
        .correlate(Reminder)
        .scalar_subquery(),
    )
)
_CARE: dict[str, Any] = {
    "practice_id": Reminder.practice_id,
    "reminder_id": Reminder.id,
    "episode_id": Reminder.episode_id,
    "reminder_key": Reminder.key,
    "reminder_state": Reminder.state,
    "reminder_generation": Reminder.generation,
    "category": Reminder.category,
    "scheduled_on": Reminder.scheduled_on,
    "checked_in_at": _CHECKED_IN_AT,
    "acknowledged_at": Reminder.acknowledged_at,
    "snoozed_until": Reminder.snoozed_until,
    "phase": Reminder.phase,
    "milestone_kind": Milestone.kind,
    "milestone_cancelled_at": Milestone.cancelled_at,
    "achieved_on": MilestoneProgress.achieved_on,
    "skip_reason": MilestoneProgress.skip_reason,
    "progress_deleted": MilestoneProgress.deleted,
    "episode_status": Episode.status,
    "surgery_status": Surgery.status,
    "protocol_id": Surgery.protocol_id,
    "protocol_version": Surgery.protocol_version,
    "arrival_at": Surgery.arrival_at,
    "language": Patient.language,
    "country": Patient.country,
    "details_consent_at": Patient.details_consent_at,
    "opted_out_categories": Patient.opted_out_categories,
    "zone": Patient.time_zone,
    "quiet_from": Patient.quiet_from,
    "quiet_until": Patient.quiet_until,
    "paused_at": Patient.reminders_paused_at,
    "died_on": Patient.died_on,
    "practice_name": Practice.name,
    "practice_phone": Practice.phone,
    "clinic_zone": Practice.time_zone,
    "webhook_secret_sealed": Practice.webhook_secret_sealed,
    "is_gone": Reminder.deleted | Milestone.deleted | Episode.deleted | Surgery.deleted | Patient.deleted,
}


def load_cares(session: Session, practice_id: str, reminder_ids: Collection[str]) -> dict[str, Care]:
    """Return, by reminder, what each hangs on. Read it after the deliveries' lock: then no withdrawal can be missed."""
    parameters = {"practice_id": practice_id, "ids": reminder_ids}
    width, rows = len(_CARE), _CARES.rows(session.connection(), parameters)
    contacts = with_devices(session, practice_id, [Contact(*row[width:]) for row in rows])
    cares = (
        Care(**dict(zip(_CARE, row, strict=False)), contact=contact)
        for row, contact in zip(rows, contacts, strict=True)
    )
    return {care.reminder_id: care for care in cares}


def facts_of(
    delivery: Held,
    care: Care,
    *,
    ways: Ways,
    tried: Collection[bytes] = (),
    fuse_until: datetime | None = None,
    now: datetime,
) -> Facts:
    """Return the facts to decide on.

    `tried` are the hashed addresses on which an earlier step failed. `fuse_until` is the end of a day on which the
    patient has had as many messages as may be.
    """
    return Facts(
        now=now,
        due_at=delivery.due_at,
        useful_until=delivery.useful_until,
        phase=care.phase,
        fuse_until=fuse_until,
        snoozed_until=care.snoozed_until,
        is_acknowledged=delivery.after_silence and care.acknowledged_at is not None,
        is_category_opted_out=care.category in care.opted_out_categories,
        has_reported=care.has_reported,
        is_urgent=care.reminder_key in URGENT_KEYS,
        is_withdrawn=care.is_gone or care.reminder_state is ReminderState.cancelled,
        is_stale=delivery.generation != care.reminder_generation,
        is_achieved=care.achieved_on is not None and not care.progress_deleted,
        is_skipped=care.skip_reason is not None and not care.progress_deleted,
        is_milestone_cancelled=care.milestone_cancelled_at is not None,
        has_died=care.died_on is not None,
        is_paused=care.paused_at is not None,
        episode_status=care.episode_status,
        surgery_status=care.surgery_status,
        zone=ZoneInfo(care.zone),
        quiet_hours=_quiet_hours(care),
        offers=offers_of(care.contact, ways, tried=tried),
    )


def count_open_tries(session: Session, delivery: Held) -> int:
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


def _care_query(dialect: str) -> Select[Any]:
    return (
        select(*_CARE.values(), *CONTACT_COLUMNS)
        .join_from(Reminder, Milestone, _same_practice(Milestone, Milestone.id == Reminder.milestone_id))
        .outerjoin(MilestoneProgress, _same_practice(MilestoneProgress, MilestoneProgress.id == Milestone.id))
        .join(Episode, _same_practice(Episode, Episode.id == Reminder.episode_id))
        .join(Surgery, _same_practice(Surgery, Surgery.id == Milestone.surgery_id))
        .join(Patient, _same_practice(Patient, Patient.id == Reminder.patient_id))
        .join(Practice, Practice.id == Reminder.practice_id)
        .where(Reminder.practice_id == bindparam("practice_id"), is_among(dialect, Reminder.id, "ids"))
    )


_CARES = ByList(_care_query)


def _same_practice(model: type[Tenant], link: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(model.practice_id == Reminder.practice_id, link)


def _quiet_hours(care: Care) -> QuietHours | None:
    if care.quiet_from is None or care.quiet_until is None:
        return None
    return QuietHours(start=care.quiet_from, end=care.quiet_until)
