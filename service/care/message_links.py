"""Use cases: the one-time link of a message is opened with the date of birth, and what it leads to is read.

An unknown link, one that expired, was used or was tried wrongly too often, and a wrong date are refused alike.
"""

import hmac
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import MessageLink, Milestone, Patient, Practice, Reminder
from models.isolation import Door, see
from models.people import Staff
from schedules.plan.corrections import URGENT_KEYS
from schedules.plan.day_limits import DayLimits
from schedules.plan.exercises import Exercise
from schedules.plan.vocabulary import MilestoneKind, ReminderState, SurgeryStatus
from schedules.planning.slots import SLOT_KINDS
from service.care.acknowledging import acknowledge_reminder
from service.care.cards_today import CardToday, cards_today
from service.care.emergency import EmergencyAdvice, emergency_advice
from service.care.enrol import clinic_today
from service.care.exercises import view_exercises
from service.care.limits import patient_limits
from service.care.monitoring import Monitoring
from service.care.progress_view import ProgressItem, view_progress
from service.care.reach import find_named_episode, find_patient, practice_of
from service.care.slots import Slot, find_slot, may_read_entry, note_of
from service.errors import NotFoundError
from service.identity.principal import Principal
from service.identity.tokens import hash_secret

MOST_TRIES = 5  # wrong dates of birth, for one link
MOST_TRIES_OF_PATIENT = 15  # for all links that one patient has at a time: whoever reads the mail has several
_BY_TOKEN = Door(MessageLink.practice_id, MessageLink.token_hash)
_NOBODYS_BIRTHDAY = date(1, 1, 1)


@dataclass(frozen=True, slots=True)
class Opening:
    """What came of a try to open a link that exists: `is_open`, or refused."""

    link: MessageLink
    is_open: bool

    @property
    def caller(self) -> Principal:
        """Return who tried: the holder of this link."""
        return holder_of(self.link)


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a clinician entered for this patient, by name. `note` goes with dates of medicines."""

    slot: Slot
    entered_by: Staff
    signed_by: Staff | None
    note: str | None


@dataclass(frozen=True, slots=True)
class MessageView:
    """What a link leads to. `said` is None once the message was taken back or replaced: it may be wrong now.

    `waits_for_clinic`: the message is about a personal instruction that holds for no day at present.
    """

    patient: Patient
    practice: Practice
    episode_id: str
    said: str | None
    instructions: tuple[Instruction, ...]
    waits_for_clinic: bool
    limits: DayLimits | None
    next: tuple[ProgressItem, ...]
    cards: tuple[CardToday, ...]
    exercises: tuple[Exercise, ...]
    advice: EmergencyAdvice


def holder_of(link: MessageLink) -> Principal:
    """Return the caller who holds a link."""
    return Principal(link.practice_id, link.id, patient_id=link.patient_id, by_link=True)


def open_link(session: Session, token: str, born_on: date, *, in_session: bool, now: datetime) -> Opening | None:
    """Try to open the link with that token by a date of birth. Return None if there is none.

    `in_session`: the caller opened this very link a short time ago, and comes back. What an opened link shows counts
    as seen.
    """
    token_hash = hash_secret(token)
    _BY_TOKEN.enter(session, token_hash)
    link = session.scalars(select(MessageLink).where(MessageLink.token_hash == token_hash)).one_or_none()
    patient = None if link is None else _lock_patient_of(session, link)
    known = _NOBODYS_BIRTHDAY if patient is None else patient.date_of_birth
    is_right = hmac.compare_digest(known.isoformat(), born_on.isoformat())
    if link is None or patient is None:
        return None
    may_be_tried = _may_be_tried(link, patient, in_session=in_session, now=now)
    if not may_be_tried or _tries_of(session, link, now) >= MOST_TRIES_OF_PATIENT:
        return Opening(link, is_open=False)
    if is_right:
        _acknowledge(session, link, now)
        link.opened_at = link.opened_at or now
    else:
        link.failed_tries += 1
    return Opening(link, is_open=is_right)


def find_opened(session: Session, practice_id: str, link_id: str) -> MessageLink:
    """Return a link that was opened, and have the session see its practice. Raises NotFoundError.

    Who names both was told them by us.
    """
    see(session, practice_id)
    link = session.get(MessageLink, (practice_id, link_id))
    if link is None or link.opened_at is None:
        raise NotFoundError
    return link


def read_message(session: Session, link: MessageLink, now: datetime, monitoring: Monitoring) -> MessageView:
    """Return what an opened link leads to, as it stands at `now`. Raises NotFoundError once the patient is gone."""
    caller = holder_of(link)
    patient, practice = find_patient(session, caller, link.patient_id), practice_of(session, caller)
    if patient.died_on is not None:
        raise NotFoundError
    reminders = _reminders_of(session, link)
    carrier = session.get_one(Reminder, (link.practice_id, link.reminder_id))
    episode = find_named_episode(session, caller, carrier.episode_id)
    stands = all(_stands(link, each) for each in reminders)
    personal = [item for item in (_personal_item(session, each) for each in reminders) if item is not None and stands]
    instructions = [_instruction(session, caller, item) for item in personal]
    today = clinic_today(practice, now)
    is_monitored = monitoring.until(session, practice, now) is not None
    return MessageView(
        patient=patient,
        practice=practice,
        episode_id=episode.id,
        said=link.said if stands else None,
        instructions=tuple(each for each in instructions if each is not None),
        waits_for_clinic=None in instructions,
        limits=patient_limits(session, caller, patient.id, on=None, now=now).limits,
        cards=cards_today(session, caller, patient.id, now).cards,
        next=view_progress(session, practice, episode, today).next,
        exercises=tuple(each.exercise for each in view_exercises(session, practice, episode, today, now).items),
        advice=emergency_advice(patient.country, patient.language, practice.phone, is_monitored=is_monitored),
    )


def _lock_patient_of(session: Session, link: MessageLink) -> Patient:
    """Return the link's patient, locked to the commit: tries on one patient's links go one after another.

    The link is read again under that lock, and written after the deliveries are locked, as the worker does it.
    """
    key, lock = (link.practice_id, link.patient_id), {"key_share": True}
    patient = session.get_one(Patient, key, with_for_update=lock, populate_existing=True)
    session.refresh(link)
    return patient


def _acknowledge(session: Session, link: MessageLink, now: datetime) -> None:
    """Note that what the link shows was seen. If anything was taken back or planned again, it shows none of it."""
    reminders = _reminders_of(session, link)
    if all(_stands(link, each) for each in reminders):
        for reminder in reminders:
            acknowledge_reminder(session, reminder, now)


def _reminders_of(session: Session, link: MessageLink) -> list[Reminder]:
    return [session.get_one(Reminder, (link.practice_id, each)) for each in sorted(link.says)]


def _may_be_tried(link: MessageLink, patient: Patient, *, in_session: bool, now: datetime) -> bool:
    is_used = link.opened_at is not None and not in_session
    is_over = link.expires_at <= now or link.failed_tries >= MOST_TRIES
    return not (is_used or is_over or patient.deleted or patient.died_on is not None)


def _tries_of(session: Session, link: MessageLink, now: datetime) -> int:
    """Return the wrong dates that were tried on the patient's links that have not expired."""
    query = select(func.sum(MessageLink.failed_tries)).where(
        MessageLink.practice_id == link.practice_id,
        MessageLink.patient_id == link.patient_id,
        MessageLink.expires_at > now,
    )
    return session.scalar(query) or 0


def _stands(link: MessageLink, reminder: Reminder) -> bool:
    is_gone = reminder.deleted or reminder.state is ReminderState.cancelled
    return not is_gone and link.says[reminder.id] == reminder.generation


def _personal_item(session: Session, reminder: Reminder) -> Milestone | None:
    """Return the item that a clinician enters, if a message is about one. Corrections only hang on it."""
    milestone = session.get_one(Milestone, (reminder.practice_id, reminder.milestone_id))
    return milestone if milestone.kind in SLOT_KINDS and reminder.key not in URGENT_KEYS else None


def _instruction(session: Session, caller: Principal, milestone: Milestone) -> Instruction | None:
    """Return what was entered for the present day of surgery, signed where that is needed; None while nothing holds."""
    slot = find_slot(session, caller, milestone.id)
    is_off = milestone.cancelled_at is not None or slot.surgery.status is SurgeryStatus.cancelled
    # Fasting times count from the arrival time: without it they stand for nothing.
    lacks_arrival = milestone.kind == MilestoneKind.fasting and slot.surgery.arrival_at is None
    entry = slot.entry
    if entry is None or is_off or lacks_arrival or not may_read_entry(slot, caller):
        return None
    signed_by = None if entry.signed_by is None else session.get_one(Staff, (entry.practice_id, entry.signed_by))
    entered_by = session.get_one(Staff, (entry.practice_id, entry.entered_by))
    return Instruction(slot, entered_by, signed_by, note_of(session, slot))
