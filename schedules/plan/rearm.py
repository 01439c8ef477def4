"""What becomes of a stored reminder when its plan is made again: left, armed again, taken back.

What was sent for an unchanged day is never sent again; what moved to a day still ahead is, and opens with a correction.
Pure: what became of its messages comes in. Knows no clock and no database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from schedules.plan.diff import Answer, MessageChange
from schedules.plan.message_facts import ANSWERS, MessageFacts, Standing, guess_facts
from schedules.plan.reminders import PLANNED, PlannedReminder
from schedules.plan.vocabulary import ReminderOutcome, ReminderState

MOVED = "moved"
NEVER_ARMED = frozenset(ReminderOutcome) - {PLANNED}  # why a reminder has had no delivery yet


class Step(StrEnum):
    """What is done about a reminder.

    `arm` begins its next generation, `stand` lets the one that is on its way go on, `settle` takes back what waits and
    lets what was sent for this very time count, `note` writes times and reason without arming it, `reword` words alone.
    """

    leave = "leave"
    add = "add"
    arm = "arm"
    take_back = "take_back"
    stand = "stand"
    settle = "settle"
    note = "note"
    reword = "reword"


@dataclass(frozen=True, slots=True)
class WantedReminder:
    """A reminder that a plan calls for, by the ids of its row and of its milestone's."""

    id: str
    milestone_id: str
    planned: PlannedReminder


@dataclass(frozen=True, slots=True)
class StoredReminder:
    """A reminder as it is stored. The outcome in `planned` says nothing: `state` and `reason` do."""

    id: str
    milestone_id: str
    planned: PlannedReminder
    state: ReminderState
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Occasion:
    """What besides the plan decides about messages, by the milestone's id.

    `complete` says of what was achieved, skipped or cleared which of these it is, `ended` why a milestone no longer
    stands; `moved` are those whose days differ from before.
    """

    now: datetime
    complete: Mapping[str, str] = field(default_factory=dict)
    ended: Mapping[str, str] = field(default_factory=dict)
    moved: frozenset[str] = frozenset()
    otherwise: str = "not_in_plan"  # why a reminder is taken back whose milestone stands


@dataclass(frozen=True, slots=True)
class DecidedReminder:
    """What happens to one reminder: what is done about it, and how that is told."""

    id: str
    milestone_id: str
    step: Step
    change: MessageChange
    planned: PlannedReminder | None = None
    stored: StoredReminder | None = None
    reason: str | None = None
    answer: Answer | None = None
    is_correction: bool = False


def decide_reminders(
    stored: Mapping[str, StoredReminder],
    wanted: Mapping[str, WantedReminder],
    facts: Mapping[str, MessageFacts],
    occasion: Occasion,
) -> list[DecidedReminder]:
    """Return what happens to each reminder: those that the plan calls for in its order, then those that it lacks.

    `facts` of a reminder that are missing are guessed from its state: good enough to see which are needed.
    """
    found = []
    for each in wanted.values():
        before = stored.get(each.id)
        if before is None:
            found.extend(_new(each, occasion))
        else:
            known = _facts_of(before, facts)
            found.append(_hushed(_again(before, each, known, occasion), before, known, occasion))
    for each_gone in (each for reminder_id, each in stored.items() if reminder_id not in wanted):
        known = _facts_of(each_gone, facts)
        found.append(_hushed(_without(each_gone, known, occasion), each_gone, known, occasion))
    return found


def is_late(wanted: WantedReminder, stored: StoredReminder | None, now: datetime) -> bool:
    """Return whether a reminder's time is over although it still waits, or has never been judged."""
    if wanted.planned.outcome is not PLANNED or wanted.planned.useful_until > now:
        return False
    return stored is None or (stored.state is ReminderState.planned and _has_moved(stored, wanted))


def _facts_of(stored: StoredReminder, facts: Mapping[str, MessageFacts]) -> MessageFacts:
    return facts.get(stored.id) or guess_facts(stored.state, stored.planned.due_at)


def _hushed(
    decided: DecidedReminder, stored: StoredReminder, facts: MessageFacts, occasion: Occasion
) -> DecidedReminder:
    """Let nothing go on to another channel that went out for a day, or an item, which no longer stands."""
    if decided.step is not Step.leave or not facts.awaits_answer:
        return decided
    reason = _outdated_because(decided.planned, stored, occasion)
    return decided if reason is None else replace(decided, step=Step.take_back, reason=reason)


def _outdated_because(planned: PlannedReminder | None, stored: StoredReminder, occasion: Occasion) -> str | None:
    if stored.milestone_id in occasion.complete:
        return None  # what was reported or cleared took it back itself
    if planned is None:
        return occasion.ended.get(stored.milestone_id, occasion.otherwise)
    if planned.outcome is not PLANNED:
        return planned.outcome.value
    return None if planned.scheduled_on == stored.planned.scheduled_on else MOVED


def _new(wanted: WantedReminder, occasion: Occasion) -> list[DecidedReminder]:
    if wanted.milestone_id in occasion.complete:
        return []
    change, reason = _told(wanted.planned)
    return [DecidedReminder(wanted.id, wanted.milestone_id, Step.add, change, wanted.planned, reason=reason)]


def _told(planned: PlannedReminder) -> tuple[MessageChange, str | None]:
    if planned.outcome is PLANNED:
        return MessageChange.added, None
    is_past = planned.past_policy is not None
    return (MessageChange.past if is_past else MessageChange.cancelled), planned.outcome.value


def _without(stored: StoredReminder, facts: MessageFacts, occasion: Occasion) -> DecidedReminder:
    """Decide about a reminder that the plan no longer calls for."""
    complete = occasion.complete.get(stored.milestone_id)
    reason = complete or occasion.ended.get(stored.milestone_id, occasion.otherwise)
    return _no_more(stored, None, facts, reason, is_complete=complete is not None)


def _again(stored: StoredReminder, wanted: WantedReminder, facts: MessageFacts, occasion: Occasion) -> DecidedReminder:
    complete = occasion.complete.get(stored.milestone_id)
    if complete is not None:
        return _no_more(stored, wanted, facts, complete, is_complete=True)
    if wanted.planned.outcome is not PLANNED:
        return _no_more(stored, wanted, facts, wanted.planned.outcome.value, is_complete=False)
    if wanted.planned.useful_until <= occasion.now:
        return _leave(stored, wanted)
    return _arm_or_leave(stored, wanted, facts, occasion)


def _decided(
    stored: StoredReminder,
    wanted: WantedReminder | None,
    step: Step,
    change: MessageChange,
    *,
    reason: str | None = None,
    answer: Answer | None = None,
) -> DecidedReminder:
    planned = None if wanted is None else wanted.planned
    return DecidedReminder(stored.id, stored.milestone_id, step, change, planned, stored, reason, answer)


def _leave(
    stored: StoredReminder,
    wanted: WantedReminder | None,
    change: MessageChange = MessageChange.unchanged,
    *,
    answer: Answer | None = None,
) -> DecidedReminder:
    return _decided(stored, wanted, Step.leave, change, reason=stored.reason, answer=answer)


def _no_more(
    stored: StoredReminder,
    wanted: WantedReminder | None,
    facts: MessageFacts,
    reason: str,
    *,
    is_complete: bool,
) -> DecidedReminder:
    """Decide about a reminder of which nothing more is to be said."""
    planned = None if wanted is None else wanted.planned
    if facts.standing is Standing.sent:
        holds = is_complete or (wanted is not None and wanted.planned.scheduled_on == stored.planned.scheduled_on)
        change = MessageChange.unchanged if holds else MessageChange.already_sent
        return _leave(stored, wanted, change, answer=None if holds else Answer.already_sent)
    if stored.state is ReminderState.planned and facts.standing is not Standing.over:
        is_past = planned is not None and planned.past_policy is not None
        change = MessageChange.past if is_past else MessageChange.cancelled
        if facts.standing is Standing.on_its_way:
            change = MessageChange.in_flight
        return _decided(stored, wanted, Step.take_back, change, reason=reason, answer=ANSWERS[facts.standing])
    if planned is not None and not is_complete and _was_never_armed(stored) and _notes_differ(stored, planned):
        return _decided(stored, wanted, Step.note, _told(planned)[0], reason=reason)
    return _leave(stored, wanted)


def _was_never_armed(stored: StoredReminder) -> bool:
    return stored.state is ReminderState.suppressed and stored.reason in NEVER_ARMED


def _notes_differ(stored: StoredReminder, planned: PlannedReminder) -> bool:
    has_new_carrier = planned.digest_in is not None and planned.digest_in != stored.planned.digest_in
    return stored.reason != planned.outcome or has_new_carrier or _times(stored.planned) != _times(planned)


def _arm_or_leave(
    stored: StoredReminder, wanted: WantedReminder, facts: MessageFacts, occasion: Occasion
) -> DecidedReminder:
    """Decide about a reminder that is to go out at a time of which something is still ahead."""
    has_new_day = stored.planned.scheduled_on != wanted.planned.scheduled_on and stored.milestone_id in occasion.moved
    is_ahead = wanted.planned.due_at > occasion.now
    may_repeat = is_ahead and wanted.planned.due_at not in facts.sent_due_ats
    if facts.standing is Standing.sent:
        return _after_sending(stored, wanted, facts, has_new_day=has_new_day, may_repeat=may_repeat)
    if stored.planned.scheduled_on == wanted.planned.scheduled_on and _has_begun(stored, facts):
        answer = Answer.already_sent if facts.standing is Standing.waiting else ANSWERS[facts.standing]
        return _leave(stored, wanted, answer=answer if _has_moved(stored, wanted) else None)
    if facts.sent_due_ats and not may_repeat:
        return _settle(stored, wanted, facts)
    if stored.state is ReminderState.cancelled or _was_never_armed(stored):
        return _call_for_again(stored, wanted, facts)
    if stored.state is ReminderState.planned and facts.standing is not Standing.over:
        is_called_for = _has_moved(stored, wanted)
    else:  # it failed, came too late or found no way: a new day is a new chance, the same day is not
        is_called_for = has_new_day and is_ahead
    return _arm(stored, wanted, facts, MessageChange.moved) if is_called_for else _leave(stored, wanted)


def _has_begun(stored: StoredReminder, facts: MessageFacts) -> bool:
    """Return whether a planned message has left, or may have: another hour of its day makes no second one.

    One that has left and waits again is one that the patient put off.
    """
    may_have_left = facts.standing in (Standing.on_its_way, Standing.perhaps_sent)
    return stored.state is ReminderState.planned and (may_have_left or stored.planned.due_at in facts.sent_due_ats)


def _after_sending(
    stored: StoredReminder, wanted: WantedReminder, facts: MessageFacts, *, has_new_day: bool, may_repeat: bool
) -> DecidedReminder:
    if has_new_day and may_repeat:
        return _arm(stored, wanted, facts, MessageChange.moved)
    change = MessageChange.already_sent if has_new_day else MessageChange.unchanged
    return _leave(stored, wanted, change, answer=Answer.already_sent if _has_moved(stored, wanted) else None)


def _call_for_again(stored: StoredReminder, wanted: WantedReminder, facts: MessageFacts) -> DecidedReminder:
    if facts.standing is Standing.on_its_way and not _has_moved(stored, wanted):
        # Its request has begun, for this very time: a second one would repeat it.
        return _decided(stored, wanted, Step.stand, MessageChange.in_flight)
    return _arm(stored, wanted, facts, MessageChange.added)


def _arm(stored: StoredReminder, wanted: WantedReminder, facts: MessageFacts, change: MessageChange) -> DecidedReminder:
    told = MessageChange.in_flight if facts.standing is Standing.on_its_way else change
    armed = _decided(stored, wanted, Step.arm, told, answer=ANSWERS[facts.standing])
    return replace(armed, is_correction=facts.may_have_gone_out)


def _settle(stored: StoredReminder, wanted: WantedReminder, facts: MessageFacts) -> DecidedReminder:
    """Take back what waits for another day, since the message for this one went out already."""
    if stored.state is not ReminderState.planned or not _has_moved(stored, wanted):
        return _leave(stored, wanted)
    answer = ANSWERS[facts.standing]
    return _decided(stored, wanted, Step.settle, MessageChange.already_sent, reason=MOVED, answer=answer)


def _has_moved(stored: StoredReminder, wanted: WantedReminder) -> bool:
    was, planned = stored.planned, wanted.planned
    return (was.due_at, was.useful_until) != (planned.due_at, planned.useful_until)


def _times(planned: PlannedReminder) -> tuple[object, ...]:
    return planned.scheduled_on, planned.due_at, planned.useful_until
