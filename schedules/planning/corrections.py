"""Corrects advice for the days before a surgery that moved or was called off: one urgent message, and one phone task.

Advice counts as given once a message with it may have reached the patient, or a clinician entered it for that day.
Urgent corrections belong to no plan: planning again leaves them, and only death and withdrawal take them back.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.care import Episode, Milestone, Surgery
from models.change import SlotEntry
from models.people import Patient
from models.practice import Practice
from models.reminder import DecisionKind, Delivery, Reminder
from models.report import Task, TaskKind, TaskState
from schedules.plan.corrections import (
    ADVICE_KINDS,
    URGENT_KEYS,
    URGENT_TEXTS,
    USEFUL,
    UrgentCorrection,
    correction_for,
)
from schedules.plan.identity import plan_row_id
from schedules.plan.urgency import urgency_of
from schedules.plan.vocabulary import (
    Channel,
    EpisodeStatus,
    Phase,
    ReminderCategory,
    ReminderCorrection,
    ReminderState,
    SurgeryStatus,
)
from schedules.planning.messages import load_messages
from schedules.planning.reminders import FIRST_STEP, delivery_id
from schedules.planning.rows import find_all
from schedules.planning.slots import SIGNED_KINDS
from schedules.planning.story import step_of, tell
from schedules.planning.withdrawal import cancel_reminders

SUPERSEDED = "superseded"
_MOVED = UrgentCorrection.surgery_moved


class CorrectionMessage(StrEnum):
    """What becomes of the message beside the phone task: it is due at once, or why there is none."""

    due = "due"
    no_channel = "no_channel"
    withdrawn = "withdrawn"


@dataclass(frozen=True, slots=True)
class Upset:
    """A surgery whose earlier advice no longer holds: why, and the day for which it was given."""

    surgery_id: str
    key: UrgentCorrection
    was_on: date


@dataclass(frozen=True, slots=True)
class Correction:
    """What the patient must hear at once. `milestones` had the advice; the message hangs on the first of them."""

    surgery_id: str
    key: UrgentCorrection
    message: CorrectionMessage
    milestones: tuple[Milestone, ...]

    @property
    def milestone_keys(self) -> list[str]:
        """Return the keys of the milestones that advice was given on."""
        return sorted({milestone.key for milestone in self.milestones})


def upset_of(surgery: Surgery, *, becomes_on: date | None, becomes: SurgeryStatus) -> Upset | None:
    """Return how a change of a stored surgery makes earlier advice wrong, or None. Ask before it is changed."""
    was_on = surgery.surgery_on
    key = correction_for(was_on=was_on, becomes_on=becomes_on, was=surgery.status, becomes=becomes)
    return None if key is None or was_on is None else Upset(surgery.id, key, was_on)


def correction_due(
    session: Session, episode: Episode, upsets: Sequence[Upset], *, lock: bool = False
) -> Correction | None:
    """Return the one correction that these surgeries call for; None if no advice can have gone out. Reads only.

    `lock` keeps workers from sending such advice until the commit: what is decided here then stays true.
    Ask before the surgeries are changed: the day for which advice was given is the one that is stored. Where one moved
    and another was called off, the message says moved, and to ask.
    """
    patient = session.get_one(Patient, (episode.practice_id, episode.patient_id))
    if patient.died_on is not None or episode.status is EpisodeStatus.died:
        return None
    told = {upset: _advised(session, episode, upset.was_on, lock=lock) for upset in upsets}
    upset_by = sorted((each for each in told if told[each]), key=lambda each: each.key is not _MOVED)
    if not upset_by:
        return None
    milestones = {row.id: row for upset in upset_by for row in told[upset]}
    first = upset_by[0]
    return Correction(first.surgery_id, first.key, _message(patient, episode), _in_order(milestones.values()))


def send_correction(session: Session, episode: Episode, correction: Correction, now: datetime) -> None:
    """Store the correction's message, due now, and its phone task, due today. Call it after planning.

    What an earlier move left to say takes the newest words: older messages that are not out yet, or wait to go on to
    another channel, are taken back.
    """
    rows = _urgent_reminders(session, episode)
    cancel_reminders(session, rows, now=now, reason=SUPERSEDED)
    if correction.message is not CorrectionMessage.withdrawn:
        place = correction.milestones[0]
        repeat = 1 + sum((row.milestone_id, row.key) == (place.id, correction.key) for row in rows)
        _add_message(session, episode, correction, repeat, now)
    _ask_to_call(session, episode, correction, now)


def _message(patient: Patient, episode: Episode) -> CorrectionMessage:
    if episode.status is EpisodeStatus.withdrawn:
        return CorrectionMessage.withdrawn
    # The one channel that is built; the gate decides by the order as it stands then.
    by_email = Channel.email in patient.channels and Channel.email not in patient.opted_out
    return CorrectionMessage.due if by_email and patient.email is not None else CorrectionMessage.no_channel


def _advised(session: Session, episode: Episode, was_on: date, *, lock: bool) -> tuple[Milestone, ...]:
    """Return the milestones before the surgeries of `was_on` on which the patient may have had advice.

    Of surgeries on one day the plan has one item each, so that whichever moves upsets the advice for both.
    """
    whose = {"practice_id": episode.practice_id, "episode_id": episode.id}
    same_day = session.scalars(select(Surgery.id).filter_by(**whose, surgery_on=was_on)).all()
    query = select(Milestone).filter_by(**whose, phase=Phase.before_surgery)
    query = query.where(Milestone.surgery_id.in_(same_day), Milestone.kind.in_(ADVICE_KINDS))
    milestones = session.scalars(query).all()
    told = _told_by_message(session, episode, milestones, lock=lock)
    told |= _told_by_clinician(session, episode, milestones, was_on)
    return tuple(each for each in milestones if each.id in told)


def _in_order(milestones: Iterable[Milestone]) -> tuple[Milestone, ...]:
    order = {kind.value: place for place, kind in enumerate(ADVICE_KINDS)}
    return tuple(sorted(milestones, key=lambda each: (order[each.kind], each.id)))


def _told_by_message(session: Session, episode: Episode, milestones: Collection[Milestone], *, lock: bool) -> set[str]:
    """Return the ids of milestones of which a message went out, leaves now, or may have arrived."""
    ids = {milestone.id for milestone in milestones}
    messages = load_messages(session, episode.practice_id, episode.patient_id, lock=lock)
    reminders = find_all(session, Reminder, episode.practice_id, episode_id=episode.id)
    about = [row for row in reminders if row.milestone_id in ids and row.key not in URGENT_KEYS]
    return {row.milestone_id for row in about if messages.facts_of(row).may_have_gone_out}


def _told_by_clinician(session: Session, episode: Episode, milestones: Collection[Milestone], was_on: date) -> set[str]:
    """Return the ids of milestones for which a clinician entered the patient's own advice for the former day."""
    needs_signature = {each.id for each in milestones if each.kind in SIGNED_KINDS}
    ids = {each.id for each in milestones}
    entries = find_all(session, SlotEntry, episode.practice_id, patient_id=episode.patient_id)
    return {
        entry.id
        for entry in entries
        if entry.id in ids and not entry.deleted and entry.for_day0 == was_on
        if entry.signed_by is not None or entry.id not in needs_signature
    }


def _urgent_reminders(session: Session, episode: Episode) -> list[Reminder]:
    reminders = find_all(session, Reminder, episode.practice_id, episode_id=episode.id)
    return [row for row in reminders if row.key in URGENT_KEYS]


def _add_message(session: Session, episode: Episode, correction: Correction, repeat: int, now: datetime) -> None:
    place = correction.milestones[0]
    patient = session.get_one(Patient, (episode.practice_id, episode.patient_id))
    identity = (place.key, place.occurrence, correction.key, repeat)
    reminder = Reminder(
        practice_id=episode.practice_id,
        id=plan_row_id(episode.practice_id, episode.id, "reminder", *identity),
        patient_id=patient.id,
        episode_id=episode.id,
        milestone_id=place.id,
        key=correction.key,
        repeat=repeat,
        generation=1,
        category=ReminderCategory.safety,
        phase=Phase.before_surgery,
        scheduled_on=now.astimezone(ZoneInfo(patient.time_zone)).date(),
        due_at=now,
        useful_until=now + USEFUL,
        state=ReminderState.planned,
        text=URGENT_TEXTS[correction.key].by_language(),
        correction=ReminderCorrection.urgent,
    )
    delivery = Delivery(
        practice_id=reminder.practice_id,
        id=delivery_id(reminder.id, generation=1, step=FIRST_STEP),
        patient_id=patient.id,
        reminder_id=reminder.id,
        generation=1,
        step=FIRST_STEP,
        due_at=now,
        useful_until=reminder.useful_until,
        next_attempt_at=now,
        urgency=urgency_of(reminder.category, reminder.key),
    )
    session.add_all([reminder, delivery])
    tell(session, step_of(delivery), DecisionKind.planned, now=now)


def _ask_to_call(session: Session, episode: Episode, correction: Correction, now: datetime) -> None:
    """Add the task to call the patient today. It takes the place of older ones that were not done yet."""
    practice = session.get_one(Practice, episode.practice_id)
    tasks = find_all(session, Task, episode.practice_id, patient_id=episode.patient_id)
    calls = [task for task in tasks if task.episode_id == episode.id and task.kind is TaskKind.call_patient]
    keys = set(correction.milestone_keys)
    for task in calls:
        if task.state is TaskState.open:
            keys |= set(task.about.get("milestone_keys", ()))
            task.state, task.done_at = TaskState.withdrawn, now
    about = {"milestone_keys": sorted(keys), "correction": correction.key.value, "message": correction.message.value}
    session.add(
        Task(
            practice_id=episode.practice_id,
            id=plan_row_id(episode.practice_id, episode.id, "task", TaskKind.call_patient, 1 + len(calls)),
            patient_id=episode.patient_id,
            episode_id=episode.id,
            surgery_id=correction.surgery_id,
            kind=TaskKind.call_patient,
            state=TaskState.open,
            due_on=now.astimezone(ZoneInfo(practice.time_zone)).date(),
            about=about,
            created_at=now,
        )
    )
