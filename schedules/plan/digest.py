"""What was past when a date became known and whose policy is `digest`: said together, in one message.

One of the reminders carries the message, the newest that can still go out; the others name it. Knows no clock, and not
which of the items are finished: what is finished is left out when the message is written.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from schedules.plan.drafts import PLANNED, Draft, Identity, PlannedReminder, ReminderPrefs, draft_for, no_use_from
from schedules.plan.items import PlannedMilestone
from schedules.plan.past import next_sending_day, unless_quiet_too_long
from schedules.plan.vocabulary import MilestoneKind, PastPolicy, Phase, ReminderOutcome


@dataclass(frozen=True, slots=True)
class PastItem:
    """A missed message whose policy is `digest`, and the instant from which on its day was known.

    At `next_at` the next message about the same milestone is due, if there is one.
    """

    milestone: PlannedMilestone
    draft: Draft
    known_at: datetime
    next_at: datetime | None = None

    @property
    def identity(self) -> Identity:
        """Return the identity of its reminder."""
        return self.draft.reminder.identity


def gather(
    items: Sequence[PastItem],
    prefs: ReminderPrefs,
    *,
    runs_until: Mapping[int, date],
    said: Collection[Identity],
) -> list[PlannedReminder]:
    """Return a reminder for each item: one digest for what became known at one instant, on each side of surgery.

    `runs_until` is the last day of each stage's plan: until then it is worth asking about a limit that still holds.
    `said` are the reminders that have gone out, alone or in a digest: they are not said again.
    """
    found = [_past(item) for item in items if item.identity in said]
    groups: dict[tuple[datetime, Phase], list[PastItem]] = {}
    for item in items:
        if item.identity not in said:
            groups.setdefault((item.known_at, item.milestone.phase), []).append(item)
    for group in groups.values():
        found += _gather_group(group, prefs, runs_until)
    return found


def stages_run_until(milestones: Iterable[PlannedMilestone]) -> dict[int, date]:
    """Return the last day of each stage's plan by its ordinal; questionnaires, which go on for years, do not count."""
    last: dict[int, date] = {}
    for milestone in milestones:
        if milestone.latest_on is not None and milestone.kind != MilestoneKind.prom_followup:
            last[milestone.occurrence] = max(milestone.latest_on, last.get(milestone.occurrence, milestone.latest_on))
    return last


def _gather_group(
    group: Sequence[PastItem], prefs: ReminderPrefs, runs_until: Mapping[int, date]
) -> list[PlannedReminder]:
    newest_first = sorted(group, key=lambda item: (item.draft.reminder.due_at, item.identity), reverse=True)
    for item in newest_first:
        carrier = _carried(item, prefs)
        if carrier.outcome is PLANNED and _is_worth_saying(item, carrier, prefs, runs_until):
            rest = [other for other in newest_first if other is not item]
            return _say_together(carrier, rest, prefs, runs_until)
    return [_left_out(item, _carried(item, prefs)) for item in newest_first]


def _carried(item: PastItem, prefs: ReminderPrefs) -> PlannedReminder:
    on = next_sending_day(item.draft.template, prefs, item.known_at)
    fresh = draft_for(item.milestone, item.draft.template, on, prefs).reminder
    return unless_quiet_too_long(replace(fresh, past_policy=PastPolicy.digest))


def _say_together(
    carrier: PlannedReminder, others: Sequence[PastItem], prefs: ReminderPrefs, runs_until: Mapping[int, date]
) -> list[PlannedReminder]:
    members = [item for item in others if _is_worth_saying(item, carrier, prefs, runs_until)]
    ends = [end for item in members if (end := no_use_from(item.milestone, prefs)) is not None]
    told = [replace(_past(item), digest_in=carrier.identity) for item in members]
    left_out = [_left_out(item, carrier) for item in others if item not in members]
    return [replace(carrier, useful_until=min([carrier.useful_until, *ends])), *told, *left_out]


def _is_worth_saying(
    item: PastItem, carrier: PlannedReminder, prefs: ReminderPrefs, runs_until: Mapping[int, date]
) -> bool:
    """Return whether the item still is of use when the digest goes out.

    A window that has closed has closed. What lifts a limit waits for a clinician and not for a date: it is worth asking
    about as long as the plan of its stage runs.
    """
    milestone = item.milestone
    ends = (no_use_from(milestone, prefs), item.next_at)
    if any(end is not None and carrier.due_at >= end for end in ends):
        return False
    last_on = milestone.latest_on if milestone.lifts is None else runs_until.get(milestone.occurrence)
    return last_on is None or carrier.scheduled_on <= last_on


def _past(item: PastItem) -> PlannedReminder:
    return replace(item.draft.reminder, past_policy=PastPolicy.digest, outcome=ReminderOutcome.past_digest)


def _left_out(item: PastItem, carrier: PlannedReminder) -> PlannedReminder:
    gives_way = item.next_at is not None and carrier.due_at >= item.next_at
    outcome = ReminderOutcome.past_superseded if gives_way else ReminderOutcome.past_window_closed
    return replace(_past(item), outcome=outcome)
