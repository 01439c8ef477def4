"""How a whole course of recovery stands on a day: adherence, what is behind, what waits for the clinic, what is next.

Pure, and the same in any app: `docs/vectors` defines it in words and pins it with samples. Knows no episode's status;
whoever asks leaves out what no longer matters for a patient who died or left.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from schedules.plan.progress import (
    FINISHED,
    NO_PROGRESS,
    MilestoneFacts,
    ProgressFacts,
    SlotState,
    is_reached,
    milestone_state,
)
from schedules.plan.vocabulary import MilestoneState, Owner, SkipReason

NEXT_COUNT = 3
_ONE_DAY = timedelta(days=1)


class ItemKey(NamedTuple):
    """The identity of a milestone within its episode."""

    key: str
    occurrence: int


class BehindRule(StrEnum):
    """Which day had to pass before a patient's own item counted as behind."""

    after_latest_day = "after_latest_day"
    after_eligible_day = "after_eligible_day"  # a condition held it beyond its latest day


class WaitingReason(StrEnum):
    """What the clinic has to do."""

    to_clear = "to_clear"
    to_fill = "to_fill"
    to_sign = "to_sign"


@dataclass(frozen=True, slots=True)
class CourseItem:
    """One milestone of the plan with what was reported of it."""

    id: ItemKey
    milestone: MilestoneFacts
    progress: ProgressFacts = NO_PROGRESS


@dataclass(frozen=True, slots=True)
class Adherence:
    """How many of the patient's own items whose time has passed were done.

    `counted` is done in time, done late and not done together. Percentages are rounded half up; None if nothing
    counts yet, which is not zero.
    """

    counted: int
    done_in_time: int
    done_late: int

    @property
    def not_done(self) -> int:
        """Return how many were not done."""
        return self.counted - self.done_in_time - self.done_late

    @property
    def done_percent(self) -> int | None:
        """Return the share that was done, in time or late, in percent."""
        return _percent(self.done_in_time + self.done_late, self.counted)

    @property
    def in_time_percent(self) -> int | None:
        """Return the share that was done in time, in percent."""
        return _percent(self.done_in_time, self.counted)


@dataclass(frozen=True, slots=True)
class Behind:
    """An own item of the patient whose last day has passed: `closed_on` was that day, `since_on` the one after."""

    id: ItemKey
    closed_on: date
    since_on: date
    days: int
    rule: BehindRule


@dataclass(frozen=True, slots=True)
class Waiting:
    """An item that waits for the clinic. `since_on` None: there is no day on which it began to wait."""

    id: ItemKey
    reason: WaitingReason
    since_on: date | None


@dataclass(frozen=True, slots=True)
class Course:
    """How the plan stands on a day. `next` are the items that fall due next, the earliest first."""

    states: dict[ItemKey, MilestoneState] = field(hash=False)
    adherence: Adherence
    behind: tuple[Behind, ...]
    waiting_for_clinic: tuple[Waiting, ...]
    next: tuple[ItemKey, ...]


def course_on(items: Sequence[CourseItem], on: date) -> Course:
    """Return how the plan stands on the date `on` of the clinic's calendar; all lists in the order of `items`."""
    states = {item.id: milestone_state(item.milestone, item.progress, on) for item in items}
    return Course(
        states=states,
        adherence=_adherence(items, on),
        behind=tuple(_behind(items, states, on)),
        waiting_for_clinic=tuple(_waiting(items, states, on)),
        next=_next(items, states, on),
    )


def _adherence(items: Iterable[CourseItem], on: date) -> Adherence:
    done_in_time = done_late = counted = 0
    for item in items:
        closes_on = item.milestone.closes_on
        if closes_on is None or not _counts(item, closes_on, on):
            continue
        counted += 1
        achieved_on = item.progress.achieved_on
        if achieved_on is not None and achieved_on <= on:
            done_in_time += achieved_on <= closes_on
            done_late += achieved_on > closes_on
    return Adherence(counted, done_in_time, done_late)


def _counts(item: CourseItem, closes_on: date, on: date) -> bool:
    """Whether the patient had the item's whole window, and it has passed. Declined is not done; other skips excuse."""
    milestone, progress = item.milestone, item.progress
    own = milestone.owner is Owner.patient and milestone.lifts is None and milestone.past_policy is None
    gone = is_reached(progress.cancelled_on, on) or is_reached(milestone.superseded_on, closes_on)
    excused = is_reached(progress.skipped_on, on) and progress.skip_reason is not SkipReason.patient_declined
    return own and closes_on < on and not gone and not excused


def _behind(items: Iterable[CourseItem], states: dict[ItemKey, MilestoneState], on: date) -> Iterator[Behind]:
    for item in items:
        closed_on = item.milestone.closes_on
        if closed_on is not None and states[item.id] is MilestoneState.overdue:
            held = closed_on != item.milestone.latest_on
            rule = BehindRule.after_eligible_day if held else BehindRule.after_latest_day
            yield Behind(item.id, closed_on, closed_on + _ONE_DAY, (on - closed_on).days, rule)


def _waiting(items: Iterable[CourseItem], states: dict[ItemKey, MilestoneState], on: date) -> Iterator[Waiting]:
    for item in items:
        state = states[item.id]
        if state is MilestoneState.eligible:
            yield Waiting(item.id, WaitingReason.to_clear, _eligible_since(item, on))
        elif state not in FINISHED and _waits_for_entry(item.milestone, on):
            unsigned = item.milestone.slot is SlotState.unsigned
            yield Waiting(item.id, WaitingReason.to_sign if unsigned else WaitingReason.to_fill, None)


def _eligible_since(item: CourseItem, on: date) -> date | None:
    """Return the day on which it became eligible, or a clearance that held was last revoked."""
    revoked = [span.revoked_on for span in item.progress.clearances if is_reached(span.revoked_on, on)]
    return max(filter(None, (item.milestone.due_on, *revoked)), default=None)


def _waits_for_entry(milestone: MilestoneFacts, on: date) -> bool:
    """Whether a clinician must still enter or sign it, and it is of use."""
    is_open = milestone.slot in (SlotState.blank, SlotState.unsigned)
    return is_open and (milestone.slot_until_on is None or on <= milestone.slot_until_on)


def _next(items: Iterable[CourseItem], states: dict[ItemKey, MilestoneState], on: date) -> tuple[ItemKey, ...]:
    ahead: list[tuple[date, ItemKey]] = []
    for item in items:
        due_on, latest_on = item.milestone.eligible_on, item.milestone.latest_on
        if due_on is None or states[item.id] in FINISHED:
            continue
        if max(due_on, latest_on or due_on) >= on:
            ahead.append((due_on, item.id))
    ahead.sort(key=lambda pair: pair[0])
    return tuple(item_id for _, item_id in ahead[:NEXT_COUNT])


def _percent(part: int, whole: int) -> int | None:
    return None if whole == 0 else (200 * part + whole) // (2 * whole)
