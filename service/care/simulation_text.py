"""A simulation as plain text for a clinician: each day on which something happens, then what will not be sent."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from schedules.plan.items import PlannedRestriction
from schedules.plan.reminders import PlannedReminder
from schedules.plan.shifts import Shift
from schedules.plan.simulate import (
    LimitChange,
    LimitEvent,
    MilestoneChange,
    MilestoneEvent,
    SimulatedDay,
    SimulatedMessage,
)
from schedules.plan.vocabulary import Language, RestrictionKind
from service.care.simulations import NamedSimulation

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SEVERAL = "one message for what was past"


def render_simulation(named: NamedSimulation, language: Language) -> str:
    """Return a simulation as text, its messages in `language`."""
    days = named.simulation.days
    lines = [*_head(named), f"{_date(days[0].on)} to {_date(days[-1].on)}, {len(days)} days", ""]
    for day in days:
        if day.is_eventful:
            lines += [*_day(day, language), ""]
    lines += ["Not sent", *_not_sent(named.simulation.not_sent, several=len(named.protocols) > 1)]
    undated = [stage.ordinal for stage in named.scenario.stages if stage.day0 is None]
    lines += [f"Stage {ordinal} has no date: nothing of it is dated." for ordinal in undated]
    return "\n".join(lines)


def _head(named: NamedSimulation) -> Iterator[str]:
    for protocol in named.protocols:
        yield f"{protocol.id} version {protocol.version} ({protocol.status}): {protocol.title}"
    prefs = named.scenario.prefs
    quiet = prefs.quiet_hours
    hours = "no quiet hours" if quiet is None else f"quiet from {quiet.start:%H:%M} to {quiet.end:%H:%M}"
    yield f"Patient in {prefs.zone.key}, {hours}; clinic in {prefs.clinic_zone.key}"
    yield f"Enrolled {_local(named.scenario.enrolled_at.astimezone(prefs.clinic_zone))}"


def _day(day: SimulatedDay, language: Language) -> Iterator[str]:
    pods = [f"POD {pod}" if pod >= 0 else f"day {pod}" for pod in day.pods.values()]
    stages = [f"{each} of stage {ordinal}" for each, ordinal in zip(pods, day.pods, strict=True)]
    closed = ", closed" if day.is_closed else ""
    yield f"{_date(day.on)}  {', '.join(stages if len(stages) > 1 else pods)}{closed}"
    for milestone in day.milestones:
        yield f"  milestone  {milestone.event:<10} {_milestone(milestone, several=len(pods) > 1)}"
    for limit in day.limits:
        yield f"  limit      {limit.event.replace('_', ' '):<10} {_limit(limit, day)}"
    for message in day.messages:
        yield f"  message    {message.local_at:%H:%M}      {_message(message, language, several=len(pods) > 1)}"


def _milestone(change: MilestoneChange, *, several: bool) -> str:
    item = change.milestone
    stage = f" of stage {item.occurrence}" if several else ""
    match change.event:
        case MilestoneEvent.eligible:
            return f"{item.key}{stage}: a clinician may clear it"
        case MilestoneEvent.superseded:
            return f"{item.key}{stage}: stage {item.superseded_by} begins it again"
        case MilestoneEvent.opens if item.latest_on is not None:
            return f"{item.key}{stage}, to {_date(item.latest_on)}, grade {item.grade or 'none'}"
        case _:
            return f"{item.key}{stage}"


def _limit(change: LimitChange, day: SimulatedDay) -> str:
    item = change.restriction
    amount = item.limit_lb if item.limit_lb is not None else item.limit_minutes
    unit = "lb" if item.limit_lb is not None else "minutes"
    words = str(item.kind).replace("_", " and ") + (f" {amount} {unit}" if amount is not None else "")
    words += f" ({item.lifted_by})" if item.kind in (RestrictionKind.work, RestrictionKind.sport) else ""
    if change.event is LimitEvent.may_end:
        return f"{words}, by a clinician"
    if change.event is LimitEvent.ended:
        return words if item.lifted_by is None else f"{words}: that of a later surgery takes its place"
    held = item.limit_lb is not None and day.lifting_lb is not None and day.lifting_lb < item.limit_lb
    return f"{words}; {day.lifting_lb} lb still holds" if held else f"{words}, {_until(item)}, grade {item.grade}"


def _until(item: PlannedRestriction) -> str:
    """Return how long a limit holds. A date alone never ends what a clinician must clear."""
    if item.through_on is None:
        return "until cleared"
    return f"to {_date(item.through_on)}" if item.lifted_by is None else "until cleared, or a later surgery"


def _message(message: SimulatedMessage, language: Language, *, several: bool) -> str:
    reminder = message.reminder
    stage = f" of stage {reminder.occurrence}" if several else ""
    name = f"{reminder.milestone_key}/{reminder.key}{stage}, {_utc(reminder.due_at)}{_by(message)}"
    text = _SEVERAL if message.text is None else message.text.in_language(language)
    reasons = "; ".join(_shift(shift, message.local_at) for shift in message.shifts)
    return f"{name}: {text}" + (f" [{reasons}]" if reasons else "")


def _by(message: SimulatedMessage) -> str:
    if message.channels is None:
        return ""
    return f", by {', else '.join(message.channels)}" if message.channels else ", by no channel: it is not sent"


def _shift(shift: Shift, local_at: datetime) -> str:
    reason = shift.reason.replace("_", " ")
    if shift.instead_of is None:
        return reason
    return f"{reason}, else {_local(shift.instead_of.astimezone(local_at.tzinfo))}"


def _not_sent(reminders: Sequence[PlannedReminder], *, several: bool) -> list[str]:
    rows = [
        (
            f"{each.milestone_key}/{each.key}" + (f" of stage {each.occurrence}" if several else ""),
            _date(each.scheduled_on),
            str(each.outcome).replace("_", " "),
        )
        for each in reminders
    ]
    return _align(rows) or ["  nothing"]


def _align(rows: Iterable[tuple[str, str, str]]) -> list[str]:
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in table]


def _date(on: date) -> str:
    return f"{_WEEKDAYS[on.weekday()]} {on.isoformat()}"


def _local(at: datetime) -> str:
    return f"{_date(at.date())} {at:%H:%M}"


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
