"""Reads in one query what the gate decides on, for all deliveries of a batch: columns, no objects, as all pass here."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session

from models.base import Tenant
from models.care import Episode, Milestone, MilestoneProgress, Surgery
from models.people import Patient
from models.practice import Practice
from models.private import Sealed, lookup_hash
from models.push import PushProvider
from models.reminder import AttemptOutcome, DeliveryAttempt, Reminder
from schedules.delivery.book import Held
from schedules.delivery.decide import Facts, Offer
from schedules.delivery.push_addresses import PushTarget, load_push_targets
from schedules.plan.corrections import URGENT_KEYS
from schedules.plan.timing import QuietHours
from schedules.plan.vocabulary import (
    Channel,
    EpisodeStatus,
    Language,
    Phase,
    Provider,
    ReminderState,
    SkipReason,
    SurgeryStatus,
)


@dataclass(frozen=True, slots=True)
class Ways:
    """Whom this worker can hand messages to, and who of them is left alone until when."""

    built: Collection[Provider]
    paused_until: Mapping[Provider, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contact:
    """How a patient is reached. Addresses are opened only for a channel that is in the patient's order.

    `push` are the devices that may be used, the first to be tried first.
    """

    practice_id: str
    id: str
    channels: list[str]
    opted_out: list[str]
    email_sealed: bytes | None
    phone_sealed: bytes | None
    push: Sequence[PushTarget] = ()


@dataclass(frozen=True, slots=True)
class Care:
    """What a reminder hangs on, as it stands now. `achieved_on` and `skip_reason` are None until reported."""

    practice_id: str
    reminder_id: str
    episode_id: str
    reminder_key: str
    reminder_state: ReminderState
    reminder_generation: int
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
    language: Language
    zone: str
    quiet_from: time | None
    quiet_until: time | None
    paused_at: datetime | None
    died_on: date | None
    practice_name: str
    practice_phone: str
    clinic_zone: str
    is_gone: bool
    contact: Contact


_CONTACT: dict[str, Any] = {name: getattr(Patient, name) for name in Contact.__slots__ if name != "push"}
_CARE: dict[str, Any] = {
    "practice_id": Reminder.practice_id,
    "reminder_id": Reminder.id,
    "episode_id": Reminder.episode_id,
    "reminder_key": Reminder.key,
    "reminder_state": Reminder.state,
    "reminder_generation": Reminder.generation,
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
    "language": Patient.language,
    "zone": Patient.time_zone,
    "quiet_from": Patient.quiet_from,
    "quiet_until": Patient.quiet_until,
    "paused_at": Patient.reminders_paused_at,
    "died_on": Patient.died_on,
    "practice_name": Practice.name,
    "practice_phone": Practice.phone,
    "clinic_zone": Practice.time_zone,
    "is_gone": Reminder.deleted | Milestone.deleted | Episode.deleted | Surgery.deleted | Patient.deleted,
}


def load_cares(session: Session, practice_id: str, reminder_ids: Iterable[str]) -> dict[str, Care]:
    """Return, by reminder, what each hangs on. Read it after the deliveries' lock: then no withdrawal can be missed."""
    query = _care_query().where(Reminder.practice_id == practice_id, Reminder.id.in_(reminder_ids))
    width, rows = len(_CARE), session.execute(query).all()
    contacts = _with_push(session, practice_id, [Contact(*row[width:]) for row in rows])
    cares = (
        Care(**dict(zip(_CARE, row, strict=False)), contact=contact)
        for row, contact in zip(rows, contacts, strict=True)
    )
    return {care.reminder_id: care for care in cares}


def facts_of(delivery: Held, care: Care, *, ways: Ways, tried: Collection[bytes] = (), now: datetime) -> Facts:
    """Return the facts to decide on. `tried` are the hashed addresses on which an earlier step failed."""
    return Facts(
        now=now,
        due_at=delivery.due_at,
        useful_until=delivery.useful_until,
        phase=care.phase,
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


def load_contact(session: Session, practice_id: str, patient_id: str) -> Contact:
    """Return how one patient is reached now."""
    query = select(*_CONTACT.values()).where(Patient.practice_id == practice_id, Patient.id == patient_id)
    (contact,) = _with_push(session, practice_id, [Contact(*session.execute(query).one())])
    return contact


def offers_of(contact: Contact, ways: Ways, *, tried: Collection[bytes]) -> tuple[Offer, ...]:
    """Return the ways to reach a patient in their own order, as they stand now.

    `tried` are the hashed addresses on which an earlier step of the same message failed.
    """
    offers: list[Offer] = []
    for channel in map(Channel, contact.channels):
        if channel is Channel.push:
            offers += _push_offers(contact, ways, tried)
        else:
            offers.append(_offer(contact, channel, ways, tried))
    return tuple(offers)


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


def _care_query() -> Select[Any]:
    return (
        select(*_CARE.values(), *_CONTACT.values())
        .join_from(Reminder, Milestone, _same_practice(Milestone, Milestone.id == Reminder.milestone_id))
        .outerjoin(MilestoneProgress, _same_practice(MilestoneProgress, MilestoneProgress.id == Milestone.id))
        .join(Episode, _same_practice(Episode, Episode.id == Reminder.episode_id))
        .join(Surgery, _same_practice(Surgery, Surgery.id == Milestone.surgery_id))
        .join(Patient, _same_practice(Patient, Patient.id == Reminder.patient_id))
        .join(Practice, Practice.id == Reminder.practice_id)
    )


def _same_practice(model: type[Tenant], link: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(model.practice_id == Reminder.practice_id, link)


def _quiet_hours(care: Care) -> QuietHours | None:
    if care.quiet_from is None or care.quiet_until is None:
        return None
    return QuietHours(start=care.quiet_from, end=care.quiet_until)


def _with_push(session: Session, practice_id: str, contacts: Sequence[Contact]) -> list[Contact]:
    """Return the contacts with their devices: one more query, if there is a patient whose order has push."""
    wanted = {contact.id for contact in contacts if Channel.push in contact.channels}
    targets = load_push_targets(session, practice_id, wanted)
    return [replace(contact, push=targets.get(contact.id, ())) for contact in contacts]


def _push_offers(contact: Contact, ways: Ways, tried: Collection[bytes]) -> list[Offer]:
    """Return an offer for each device, or the one that says why there is none."""
    is_opted_out = Channel.push in contact.opted_out
    found = [
        Offer(
            channel=Channel.push,
            provider=target.provider,
            is_opted_out=is_opted_out,
            address=target.address,
            is_tried=target.address_lookup in tried,
            free_at=ways.paused_until.get(target.provider),
        )
        for target in contact.push
        if target.provider in ways.built
    ]
    any_built = next((provider for provider in map(Provider, PushProvider) if provider in ways.built), None)
    provider = None if contact.push else any_built
    return found or [Offer(Channel.push, provider, is_opted_out=is_opted_out, address=None)]


def _offer(contact: Contact, channel: Channel, ways: Ways, tried: Collection[bytes]) -> Offer:
    provider, address = _route(contact, channel, ways.built)
    return Offer(
        channel=channel,
        provider=provider,
        is_opted_out=channel in contact.opted_out,
        address=address,
        is_tried=bool(tried) and address is not None and lookup_hash(address, contact.practice_id) in tried,
        free_at=None if provider is None else ways.paused_until.get(provider),
    )


def _route(contact: Contact, channel: Channel, built: Collection[Provider]) -> tuple[Provider | None, str | None]:
    """Return who takes a message on the channel, and the address there. None, None: this worker knows nobody."""
    if channel is Channel.email and Provider.smtp in built:
        return Provider.smtp, _opened(Patient.email, contact, contact.email_sealed)
    if channel is Channel.sms and Provider.sms in built:
        return Provider.sms, _opened(Patient.phone, contact, contact.phone_sealed)
    return None, None


def _opened(column: Sealed, contact: Contact, sealed: bytes | None) -> str | None:
    return column.opened(sealed, practice_id=contact.practice_id, row_id=contact.id)
