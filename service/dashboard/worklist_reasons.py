"""Why a patient is on the worklist: what they need is found and placed for all of them, and told of those shown. Pure.

Whoever adds a source of danger adds it to `find_reasons`, with its place in the group `danger`, and to `tell_reasons`.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from models.report import TaskKind
from schedules.plan.check_ins import Silence, count_missed
from schedules.plan.vocabulary import AlertState, AlertUrgency, MilestoneState, SurgeryStatus
from service.dashboard.queries.worklist import Caseload, Late, OpenAlert, OpenTask, Person, Stage
from service.dashboard.worklist_day import Day, silent_after

_MISSED: Final = 2  # of the clinic's own rhythm, which may ask more often or go on for longer


class Why(StrEnum):
    """The groups of the worklist, in its order."""

    danger = "danger"
    to_clear = "to_clear"
    task = "task"
    behind = "behind"
    silent = "silent"
    today = "today"


GROUPS: Final = {why: place for place, why in enumerate(Why)}
_WHYS: Final = tuple(Why)
_URGENCIES: Final[Mapping[str, int]] = {urgency: place for place, urgency in enumerate(AlertUrgency)}
_DANGER: Final = GROUPS[Why.danger]
_AFTER_ALERTS: Final = 2 * len(_URGENCIES)

# Where a reason stands: its group, its rank within that, and since when. The less, the more urgent.
Place = tuple[int, int, Any]
# What a reason comes from. A date: since when the patient is silent, or that of the surgery.
Source = OpenAlert | OpenTask | Late | date
Found = tuple[Place, Source]


class Reason(NamedTuple):
    """What there is to say of a reason. `what` says it for its group: an item's kind, a task's kind, or ''."""

    why: Why
    what: str
    since_on: date
    days: int
    item_id: str = ""
    alert_id: str = ""


def find_reasons(caseload: Caseload, person: Person, surgery: Stage | None, day: Day) -> list[Found]:
    """Return a patient's reasons, each by what it comes from and with its place."""
    episode_id, today = person.episode_id, day.today
    found: list[Found] = []
    if episode_id in caseload.alerts:
        found += [(_place_of_alert(alert), alert) for alert in caseload.alerts[episode_id]]
    if episode_id in caseload.tasks:
        found += [
            (_place_of_task(task, today), task) for task in caseload.tasks[episode_id] if _is_for_now(task, today)
        ]
    if episode_id in caseload.late:
        found += [(_place_of_late(item, today), item) for item in caseload.late[episode_id]]
    silent_since = _silent_since(surgery, person.heard_at, day)
    if silent_since is not None:
        found.append(((GROUPS[Why.silent], 0, (silent_since - today).days), silent_since))
    if surgery is not None and surgery.surgery_on == today:
        found.append(((GROUPS[Why.today], 0, 0), today))
    return found


def first_place(found: Sequence[Found], why: Why | None) -> Place | None:
    """Return the place of the most urgent reason, or of that of one kind; None if there is none of it."""
    if why is None and len(found) == 1:
        return found[0][0]
    return min((place for place, _ in found if why is None or place[0] == GROUPS[why]), default=None)


def tell_reasons(found: Sequence[Found], why: Why | None, person: Person, day: Day) -> tuple[Reason, ...]:
    """Return what there is to say of a patient's reasons, by their places; those of the kind `why` first."""
    reasons = [_reason(place, source, person, day) for place, source in sorted(found, key=lambda each: each[0])]
    return tuple(sorted(reasons, key=lambda each: each.why is not why))


def _reason(place: Place, source: Source, person: Person, day: Day) -> Reason:
    why = _WHYS[place[0]]
    if isinstance(source, OpenAlert):
        since_on = source.raised_at.astimezone(day.zone).date()
        reason = Reason(why, f"alert_kind_{source.kind}", since_on, 0, alert_id=source.alert_id)
    elif isinstance(source, OpenTask):
        reason = Reason(why, source.kind.value, _asked_on(source), 0, source.task_id)
    elif isinstance(source, Late):
        reason = Reason(why, source.kind, source.since_on, 0, source.milestone_id)
    else:
        is_never = why is Why.silent and person.heard_at is None
        reason = Reason(why, "never" if is_never else "", source, 0)
    return reason._replace(days=(day.today - reason.since_on).days)


def _place_of_alert(alert: OpenAlert) -> Place:
    """What nobody has in hand stands before what somebody has, and both before every other reason."""
    rank = _URGENCIES[alert.urgency] + (0 if alert.state == AlertState.open else len(_URGENCIES))
    return _DANGER, rank, alert.raised_at


def _is_for_now(task: OpenTask, today: date) -> bool:
    """Return whether somebody can do it yet: nobody is called before the day of the call."""
    return task.kind is not TaskKind.recovery_call or task.due_on is None or task.due_on <= today


def _place_of_task(task: OpenTask, today: date) -> Place:
    """A call is asked for when what a patient was told has become wrong: whoever acts on it may come to harm."""
    why = Why.danger if task.kind is TaskKind.call_patient else Why.task
    return GROUPS[why], _AFTER_ALERTS, (_asked_on(task) - today).days


def _place_of_late(item: Late, today: date) -> Place:
    why = Why.to_clear if item.state is MilestoneState.eligible else Why.behind
    return GROUPS[why], 0, (item.since_on - today).days


def _asked_on(task: OpenTask) -> date:
    return task.due_on or task.created_at.date()


def _silent_since(surgery: Stage | None, heard_at: datetime | None, day: Day) -> date | None:
    """Return since when a patient is silent for longer than the rhythm of check-ins allows; None for who is not."""
    if heard_at is not None and heard_at >= day.lately:
        return None
    if surgery is None or surgery.surgery_on is None or surgery.status != SurgeryStatus.performed:
        return None
    after = silent_after((day.today - surgery.surgery_on).days)
    heard_on = surgery.surgery_on if heard_at is None else heard_at.astimezone(day.zone).date()
    since_on = max(heard_on, surgery.surgery_on)
    is_long = after is not None and (day.today - since_on).days > after
    missed = count_missed(day.rhythms, Silence(surgery.surgery_on, since_on, day.today), most=_MISSED)
    is_silent = is_long if missed is None else missed >= _MISSED or (missed > 0 and is_long)
    return since_on if is_silent else None
