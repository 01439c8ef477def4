"""What making an episode's plan again would change: read and decided here, stored elsewhere or shown.

A dry run and the real thing both come from here, so that they cannot differ.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from models.reminder import Reminder
from schedules.plan.identity import plan_row_id
from schedules.plan.items import PlannedMilestone, PlannedRestriction
from schedules.plan.rearm import (
    DecidedReminder,
    Occasion,
    Step,
    StoredReminder,
    WantedReminder,
    decide_reminders,
    is_late,
)
from schedules.plan.reminders import Identity, PlannedReminder, plan_reminders
from schedules.plan.replan import Decided, Placed, days_of, decide_milestones, decide_restrictions
from schedules.plan.rewording import with_words
from schedules.plan.vocabulary import ReminderOutcome
from schedules.planning.beside import decide_beside, silent_in
from schedules.planning.digests import not_to_be_gathered, said_already, to_judge_now
from schedules.planning.facts import Care, Outline, PlacedItem, outline, reminder_prefs
from schedules.planning.messages import Messages, facts_of_all, load_messages
from schedules.planning.stored import StoredCare, stored_milestones, stored_reminders, stored_restrictions

_TOUCHES_MESSAGES = frozenset({Step.arm, Step.take_back, Step.stand, Step.settle})


@dataclass(frozen=True, slots=True)
class Outlook:
    """What happens to each item and message of an episode, and to the messages of the patient's other episodes.

    `standing` are the milestones of the new plan by id, `asked` those about whose messages the clinic must be asked.
    `messages` holds the deliveries that the decisions rest on.
    """

    milestones: list[Decided[PlannedMilestone]]
    restrictions: list[Decided[PlannedRestriction]]
    reminders: list[DecidedReminder]
    beside: list[DecidedReminder]
    standing: dict[str, PlacedItem]
    asked: set[str]
    messages: Messages


def look_ahead(session: Session, care: Care, stored: StoredCare, now: datetime, *, is_dry_run: bool) -> Outlook:
    """Return what an episode's facts call for, compared with what is stored.

    Unless it is a dry run, the deliveries of every message that changes are locked.
    """
    future = outline(session, care, now)
    standing = _place_milestones(care, future)
    milestones = decide_milestones(stored_milestones(stored), standing, care.surgery_facts)
    restrictions = decide_restrictions(
        stored_restrictions(stored), _place_restrictions(care, future), care.surgery_facts
    )
    silent = silent_in(session, care, stored, standing.values(), now)
    before = stored_reminders(stored.rows)
    said = said_already(stored.rows.reminders, before, stored.complete)
    silent_here = silent.get(care.episode.id, frozenset())
    wanted = _wanted(care, future, before, silent=silent_here, said=said, now=now) if care.sends else {}
    occasion = _occasion(care, stored, milestones, now)
    reminders, messages = decide_reminders(before, wanted, {}, occasion), Messages()
    beside = decide_beside(stored, silent, {}, now)
    if is_dry_run or any(each.step in _TOUCHES_MESSAGES for each in (*reminders, *beside)):
        messages = load_messages(session, care.episode.practice_id, care.patient.id, lock=not is_dry_run)
        facts = facts_of_all(messages, all_reminders(stored).values())
        reminders = decide_reminders(before, wanted, facts, occasion)
        beside = decide_beside(stored, silent, facts, now)
    asked = {each.milestone_id for each in wanted.values() if each.planned.outcome is ReminderOutcome.asked_coordinator}
    return Outlook(
        milestones, restrictions, with_words(reminders), beside, standing, asked - set(stored.complete), messages
    )


def all_reminders(stored: StoredCare) -> dict[str, Reminder]:
    """Return the stored reminders of the episode and of those beside it, by id."""
    found = dict(stored.rows.reminders)
    for each in stored.beside:
        found |= each.rows.reminders
    return found


def _place_milestones(care: Care, future: Outline) -> dict[str, PlacedItem]:
    practice_id, episode_id = care.episode.practice_id, care.episode.id
    surgeries = {each.stage: each.id for each in care.standing}
    placed = (
        Placed(
            plan_row_id(practice_id, episode_id, "milestone", item.key, item.occurrence),
            surgeries[item.occurrence],
            item,
        )
        for item in future.plan.milestones
    )
    return {each.id: each for each in placed}


def _place_restrictions(care: Care, future: Outline) -> dict[str, Placed[PlannedRestriction]]:
    practice_id, episode_id = care.episode.practice_id, care.episode.id
    surgeries = {each.stage: each.id for each in care.standing}
    placed = (
        Placed(
            plan_row_id(practice_id, episode_id, "restriction", item.kind, item.occurrence, item.sequence),
            surgeries[item.occurrence],
            item,
        )
        for item in future.plan.restrictions
    )
    return {each.id: each for each in placed}


def _wanted(
    care: Care,
    future: Outline,
    stored: Mapping[str, StoredReminder],
    *,
    silent: frozenset[tuple[str, int]],
    said: frozenset[Identity],
    now: datetime,
) -> dict[str, WantedReminder]:
    """Return the reminders that the plan calls for, by id.

    What is new, or now waits for another time, and is past already is judged as past now, whenever the date became
    known.
    """
    prefs = reminder_prefs(care, now)
    planned = plan_reminders(future.plan, future.messages, prefs, silent=silent, said=said)
    wanted = _by_id(care, planned)
    late = [each.id for each in wanted.values() if is_late(each, stored.get(each.id), now)]
    if late:
        as_of_now = {stage: replace(each, known_at=now) for stage, each in future.messages.items()}
        again = to_judge_now(wanted, late)
        said |= not_to_be_gathered(stored, again)
        judged = _by_id(care, plan_reminders(future.plan, as_of_now, prefs, silent=silent, said=said))
        wanted |= {reminder_id: judged[reminder_id] for reminder_id in again}
    return wanted


def _by_id(care: Care, planned: Iterable[PlannedReminder]) -> dict[str, WantedReminder]:
    practice_id, episode_id = care.episode.practice_id, care.episode.id
    wanted = {}
    for each in planned:
        milestone_id = plan_row_id(practice_id, episode_id, "milestone", each.milestone_key, each.occurrence)
        row_id = reminder_id(care, each.identity)
        wanted[row_id] = WantedReminder(row_id, milestone_id, each)
    return wanted


def reminder_id(care: Care, identity: Identity) -> str:
    """Return the id of a reminder's row."""
    milestone_key, occurrence, key, repeat = identity
    return plan_row_id(care.episode.practice_id, care.episode.id, "reminder", milestone_key, occurrence, key, repeat)


def _occasion(
    care: Care, stored: StoredCare, milestones: Iterable[Decided[PlannedMilestone]], now: datetime
) -> Occasion:
    ended = {
        row.id: row.cancel_reason.value for row in stored.rows.milestones.values() if row.cancel_reason is not None
    }
    moved = set()
    for each in milestones:
        if each.cancel_reason is not None:
            ended[each.id] = each.cancel_reason.value
        elif each.was is None or days_of(each.was) != days_of(each.planned):
            moved.add(each.id)
    return Occasion(now, stored.complete, ended, frozenset(moved), _why_nothing(care))


def _why_nothing(care: Care) -> str:
    if care.sends:
        return "not_in_plan"
    return "died" if care.patient.died_on is not None else care.episode.status.value
