"""What a plan will do on each of the next days for a made-up patient: milestones, limits and messages.

The messages are those that planning would write for the same facts, by the same code. Says nothing about what will have
been achieved or cleared by then. Knows no clock and no stored patient: both come in.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from schedules.plan.build import build_plan
from schedules.plan.check_ins import check_in_days
from schedules.plan.errors import PlanError
from schedules.plan.items import ClinicRules, PatientFacts, Plan, PlannedMilestone, PlannedRestriction, Stage
from schedules.plan.protocol import ReminderTemplate, Text
from schedules.plan.reminders import PLANNED, PlannedReminder, ReminderPrefs, StageMessages, plan_reminders
from schedules.plan.shifts import Shift, ShiftFinder
from schedules.plan.timing import days_after, local_time
from schedules.plan.vocabulary import Channel, MilestoneKind, PastPolicy, RestrictionKind, SurgeryStatus

MOST_DAYS = 1500  # four years: the last questionnaire of a plan is two years after surgery
_SATURDAY = 5
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A made-up patient: surgeries, facts, where and when to reach them, and what the clinic sets.

    `enrolled_at` is the instant from which on every date is known; what was past by then follows its past policy.
    `channels` are in the patient's order; None: not told.
    """

    stages: tuple[Stage, ...]
    patient: PatientFacts
    prefs: ReminderPrefs
    enrolled_at: datetime
    clinic: ClinicRules = field(default_factory=ClinicRules)
    channels: tuple[Channel, ...] | None = None


class MilestoneEvent(StrEnum):
    """What a day is to a milestone. On `eligible` a clinician may clear what it lifts; the day itself lifts nothing."""

    opens = "opens"
    target = "target"
    eligible = "eligible"
    closes = "closes"
    superseded = "superseded"


class LimitEvent(StrEnum):
    """What a day is to a restriction. From `may_end` on a clinician may end it. `ended`: the first day without it."""

    begins = "begins"
    may_end = "may_end"
    ended = "ended"


@dataclass(frozen=True, slots=True)
class MilestoneChange:
    """What happens to a milestone on a day."""

    event: MilestoneEvent
    milestone: PlannedMilestone


@dataclass(frozen=True, slots=True)
class LimitChange:
    """What happens to a restriction on a day."""

    event: LimitEvent
    restriction: PlannedRestriction


@dataclass(frozen=True, slots=True)
class SimulatedMessage:
    """One message that would be sent: `local_at` is the patient's wall time, `reminder.due_at` the same in UTC.

    `channels` are tried in this order until one takes it; None: not told.
    """

    reminder: PlannedReminder
    template: ReminderTemplate
    local_at: datetime
    shifts: tuple[Shift, ...]
    channels: tuple[Channel, ...] | None = None

    @property
    def text(self) -> Text | None:
        """Return what it says; None for one that says several past items, which is written when it is sent."""
        return None if self.reminder.past_policy is PastPolicy.digest else self.template.text


@dataclass(frozen=True, slots=True)
class SimulatedDay:
    """One day of the clinic's calendar; of a message, the day on which it reaches the patient, at the patient's place.

    `pods` are the days since surgery by the stage's ordinal, negative before it. `is_closed`: a weekend or holiday.
    `lifting_lb` are the pounds of the strictest limit of the day as long as nothing is cleared; None: no limit.
    """

    on: date
    pods: Mapping[int, int]
    is_closed: bool
    lifting_lb: int | None
    milestones: tuple[MilestoneChange, ...]
    limits: tuple[LimitChange, ...]
    messages: tuple[SimulatedMessage, ...]

    @property
    def is_eventful(self) -> bool:
        """Return whether anything happens on the day."""
        return bool(self.milestones or self.limits or self.messages)


@dataclass(frozen=True, slots=True)
class Simulation:
    """The whole plan, each of the days asked for, and the messages up to the last of them that will not be sent."""

    plan: Plan
    days: tuple[SimulatedDay, ...]
    not_sent: tuple[PlannedReminder, ...]


def simulate(scenario: Scenario, *, from_on: date, days: int) -> Simulation:
    """Return what happens on each of `days` days from `from_on`, a date of the clinic's calendar.

    Raises PlanError for a number of days that is not from 1 to 1500, for stages that cannot be, and for an instant
    outside years 1 to 9999.
    """
    if not scenario.stages:
        raise PlanError("stages", "at least one surgery", "none")
    if not 1 <= days <= MOST_DAYS:
        raise PlanError("days", f"1 to {MOST_DAYS}", str(days))
    through_on = days_after(from_on, days - 1)
    enrolled_on = local_time(scenario.enrolled_at, scenario.prefs.clinic_zone).date()
    plan = build_plan(scenario.stages, scenario.patient, enrolled_on=enrolled_on, clinic=scenario.clinic)
    reminders = plan_reminders(plan, stage_messages(scenario), scenario.prefs)
    messages = _messages(scenario, plan, [each for each in reminders if each.outcome is PLANNED])
    return Simulation(
        plan=plan,
        days=tuple(_days(scenario, plan, messages, from_on=from_on, days=days)),
        not_sent=tuple(each for each in reminders if each.outcome is not PLANNED and each.scheduled_on <= through_on),
    )


def stage_messages(scenario: Scenario) -> dict[int, StageMessages]:
    """Return what the messages of each stage follow, by its ordinal."""
    return {
        stage.ordinal: StageMessages(
            stage.protocol.reminders,
            scenario.enrolled_at,
            _signed(stage),
            check_in_days(scenario.clinic.check_ins, stage.day0, stage.setting),
        )
        for stage in scenario.stages
    }


def _signed(stage: Stage) -> frozenset[str]:
    return frozenset(key for key, slot in stage.slots.items() if slot.for_day0 == stage.day0 and slot.is_signed)


def _messages(scenario: Scenario, plan: Plan, reminders: Iterable[PlannedReminder]) -> list[SimulatedMessage]:
    shifts = ShiftFinder(plan, stage_messages(scenario), scenario.prefs)
    kinds = {(item.key, item.occurrence): MilestoneKind(item.kind) for item in plan.milestones}
    rules = {stage.ordinal: stage.protocol.reminders for stage in scenario.stages}
    messages = []
    for reminder in reminders:
        kind = kinds[reminder.milestone_key, reminder.occurrence]
        template = next(each for each in rules[reminder.occurrence].for_kind(kind) if each.key == reminder.key)
        local_at = local_time(reminder.due_at, scenario.prefs.zone)
        found = shifts.find(reminder, template)
        messages.append(SimulatedMessage(reminder, template, local_at, found, scenario.channels))
    return messages


def _days(
    scenario: Scenario, plan: Plan, messages: Iterable[SimulatedMessage], *, from_on: date, days: int
) -> Iterator[SimulatedDay]:
    day0s = _day0s(scenario.stages)
    milestones = _by_day(_milestone_changes(plan.milestones))
    limits = _by_day(_limit_changes(plan.restrictions))
    sent = _by_day((message.local_at.date(), message) for message in messages)
    for number in range(days):
        on = days_after(from_on, number)
        yield SimulatedDay(
            on=on,
            pods={ordinal: (on - day0).days for ordinal, day0 in day0s.items()},
            lifting_lb=_lifting_lb(plan.restrictions, on),
            is_closed=on.weekday() >= _SATURDAY or on in scenario.prefs.closed_days,
            milestones=milestones.get(on, ()),
            limits=limits.get(on, ()),
            messages=sent.get(on, ()),
        )


def _lifting_lb(limits: Iterable[PlannedRestriction], on: date) -> int | None:
    active = (each for each in limits if _is_lifting_on(each, on))
    return min((each.limit_lb for each in active if each.limit_lb is not None), default=None)


def _is_lifting_on(limit: PlannedRestriction, on: date) -> bool:
    begun = limit.kind is RestrictionKind.lifting and limit.from_on is not None and limit.from_on <= on
    return begun and (limit.through_on is None or on <= limit.through_on)


def _day0s(stages: Iterable[Stage]) -> dict[int, date]:
    ordered = sorted(stages, key=lambda stage: stage.ordinal)
    going_on = [stage for stage in ordered if stage.status is not SurgeryStatus.cancelled]
    return {stage.ordinal: stage.day0 for stage in going_on if stage.day0 is not None}


def _milestone_changes(milestones: Iterable[PlannedMilestone]) -> Iterator[tuple[date | None, MilestoneChange]]:
    for item in milestones:
        eligible_on = item.eligible_on if item.lifts is not None else None
        dates = {
            MilestoneEvent.opens: item.earliest_on,
            MilestoneEvent.target: item.target_on,
            MilestoneEvent.eligible: eligible_on,
            MilestoneEvent.closes: item.latest_on,
            MilestoneEvent.superseded: item.superseded_on,
        }
        for event, on in dates.items():
            yield on, MilestoneChange(event, item)


def _limit_changes(restrictions: Iterable[PlannedRestriction]) -> Iterator[tuple[date | None, LimitChange]]:
    for item in restrictions:
        yield item.from_on, LimitChange(LimitEvent.begins, item)
        yield item.eligible_on, LimitChange(LimitEvent.may_end, item)
        if item.through_on is not None:
            yield days_after(item.through_on, 1), LimitChange(LimitEvent.ended, item)


def _by_day(dated: Iterable[tuple[date | None, Item]]) -> dict[date, tuple[Item, ...]]:
    by_day: dict[date, tuple[Item, ...]] = {}
    for on, item in dated:
        if on is not None:
            by_day[on] = (*by_day.get(on, ()), item)
    return by_day
