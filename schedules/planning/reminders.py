"""Writes the reminders that a plan calls for, each with the first step of its delivery."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from models.bulk import insert_at_commit
from models.reminder import DecisionKind, Delivery, Reminder
from schedules.plan.corrections import URGENT_KEYS
from schedules.plan.identity import plan_row_id
from schedules.plan.reminders import PLANNED, PlannedReminder, StageMessages, plan_reminders
from schedules.plan.vocabulary import ReminderOutcome, ReminderState, SurgeryStatus
from schedules.planning.facts import Care, SurgeryPlan, reminder_prefs, settled_milestones, stored_rows
from schedules.planning.story import Step, step_of, tell
from schedules.planning.withdrawal import Answer, cancel_reminders, ids_on_their_way

FIRST_STEP = 0
_ASKED = ReminderOutcome.asked_coordinator
_NEVER_ARMED = frozenset(ReminderOutcome) - {PLANNED}  # why a reminder has had no delivery yet
_PLANNED_COLUMNS = ("key", "repeat", "category", "phase", "scheduled_on", "due_at", "useful_until")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A reminder that the plan calls for, and the milestone that it is about."""

    id: str
    milestone_id: str
    planned: PlannedReminder


_Change = tuple[Reminder, PlannedReminder]


def write_reminders(
    session: Session,
    care: Care,
    plans: list[SurgeryPlan],
    *,
    now: datetime,
) -> tuple[dict[str, Answer], set[str]]:
    """Bring the episode's reminders to what its plans call for.

    Return an answer for each that was taken back, and the ids of the milestones about which the clinic must be asked.
    """
    stored = stored_rows(session, care, Reminder)
    wanted = {each.id: each for each in _wanted(care, plans)} if care.sends else {}
    wanted = _past_judged(wanted, care, plans, stored, now)
    answers = _take_back(session, care, stored, wanted, now)
    settled = settled_milestones(session, care)
    to_arm: list[_Change] = []
    for reminder_id, each in wanted.items():
        if each.milestone_id in settled:
            continue
        reminder = stored.get(reminder_id)
        if reminder is None:
            _add(session, care, each, now)
        elif _calls_for_arming(reminder, each.planned, now):
            to_arm.append((reminder, each.planned))
    answers |= _arm_again(session, to_arm, now)
    asked = {each.milestone_id for each in wanted.values() if each.planned.outcome is _ASKED}
    return answers, asked - settled


def _wanted(care: Care, plans: list[SurgeryPlan]) -> list[_Wanted]:
    prefs = reminder_prefs(care)
    practice_id, episode_id = care.episode.practice_id, care.episode.id
    identify = partial(plan_row_id, practice_id, episode_id)
    wanted = []
    for each in plans:
        messages = {each.surgery.stage: StageMessages(each.protocol.reminders, each.known_at)}
        for planned in plan_reminders(each.plan, messages, prefs):
            milestone_id = identify("milestone", planned.milestone_key, planned.occurrence)
            row_id = identify("reminder", planned.milestone_key, planned.occurrence, planned.key, planned.repeat)
            wanted.append(_Wanted(row_id, milestone_id, planned))
    return wanted


def _past_judged(
    wanted: dict[str, _Wanted], care: Care, plans: list[SurgeryPlan], stored: Collection[str], now: datetime
) -> dict[str, _Wanted]:
    """Return what is wanted, with what is new and past already judged as past now, whenever the date became known."""
    late = {
        each.id
        for each in wanted.values()
        if each.id not in stored and each.planned.outcome is PLANNED and each.planned.useful_until <= now
    }
    if not late:
        return wanted
    judged = {each.id: each for each in _wanted(care, [replace(each, known_at=now) for each in plans])}
    return wanted | {reminder_id: judged[reminder_id] for reminder_id in late}


def _take_back(
    session: Session, care: Care, stored: dict[str, Reminder], wanted: dict[str, _Wanted], now: datetime
) -> dict[str, Answer]:
    # An urgent correction belongs to no plan: it stands until it is out.
    ours = [row for row in stored.values() if row.key not in URGENT_KEYS]
    gone = [row for row in ours if row.id not in wanted and row.state is ReminderState.planned]
    all_cancelled = all(surgery.status is SurgeryStatus.cancelled for surgery in care.surgeries)
    reason = "surgery_cancelled" if all_cancelled else "not_in_plan"
    return cancel_reminders(session, gone, now=now, reason=reason)


def _add(session: Session, care: Care, wanted: _Wanted, now: datetime) -> None:
    planned = wanted.planned
    goes = planned.outcome is PLANNED
    step = Step(care.episode.practice_id, wanted.id, generation=1)
    columns = {
        "practice_id": step.practice_id,
        "id": step.reminder_id,
        "patient_id": care.patient.id,
        "episode_id": care.episode.id,
        "milestone_id": wanted.milestone_id,
        "generation": step.generation,
        "state": ReminderState.planned if goes else ReminderState.suppressed,
        "reason": None if goes else planned.outcome,
    }
    insert_at_commit(session, Reminder, columns | {name: getattr(planned, name) for name in _PLANNED_COLUMNS})
    if goes:
        _add_delivery(session, step, care.patient.id, planned, now)
    else:
        tell(session, step, DecisionKind.not_planned, now=now, reason=planned.outcome)


def _calls_for_arming(reminder: Reminder, planned: PlannedReminder, now: datetime) -> bool:
    """Return whether a stored reminder is to go out at a time for which no delivery stands. What was sent is not."""
    if planned.outcome is not PLANNED or planned.useful_until <= now:
        return False
    match reminder.state:
        case ReminderState.planned:
            return _has_moved(reminder, planned)
        case ReminderState.suppressed:
            return reminder.reason in _NEVER_ARMED
        case state:
            return state is ReminderState.cancelled


def _has_moved(reminder: Reminder, planned: PlannedReminder) -> bool:
    return (reminder.due_at, reminder.useful_until) != (planned.due_at, planned.useful_until)


def _arm_again(session: Session, to_arm: list[_Change], now: datetime) -> dict[str, Answer]:
    """Begin the next generation of reminders whose time moved, or which are called for again after all."""
    same_time = [reminder for reminder, planned in to_arm if not _has_moved(reminder, planned)]
    on_their_way = ids_on_their_way(session, same_time)
    answers = cancel_reminders(
        session, [reminder for reminder, _ in to_arm if reminder.id not in on_their_way], now=now, reason="moved"
    )
    for reminder, planned in to_arm:
        if answers.get(reminder.id) is Answer.already_sent:
            continue
        reminder.state, reminder.reason = ReminderState.planned, None
        if reminder.id in on_their_way:
            # Its request has begun, for this very time: a second one would repeat it.
            tell(session, replace(step_of(reminder), step=FIRST_STEP), DecisionKind.planned, now=now)
            continue
        reminder.generation += 1
        reminder.scheduled_on, reminder.due_at = planned.scheduled_on, planned.due_at
        reminder.useful_until = planned.useful_until
        _add_delivery(session, step_of(reminder), reminder.patient_id, planned, now)
    return answers


def _add_delivery(session: Session, step: Step, patient_id: str, planned: PlannedReminder, now: datetime) -> None:
    columns = {
        "practice_id": step.practice_id,
        "id": delivery_id(step.reminder_id, generation=step.generation, step=FIRST_STEP),
        "patient_id": patient_id,
        "reminder_id": step.reminder_id,
        "generation": step.generation,
        "step": FIRST_STEP,
        "due_at": planned.due_at,
        "useful_until": planned.useful_until,
        "next_attempt_at": planned.due_at,
    }
    insert_at_commit(session, Delivery, columns)
    tell(session, replace(step, step=FIRST_STEP), DecisionKind.planned, now=now)


def delivery_id(reminder_id: str, *, generation: int, step: int) -> str:
    """Return the id of a delivery: it is unique by what it stands for, so the same step is never made twice."""
    return f"{reminder_id}.{generation}.{step}"
