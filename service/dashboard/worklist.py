"""Who needs the clinic now, and why: patients in groups, by danger and then by lateness. Pure; knows no database.

A patient stands once, in the first group that has a reason; the other reasons stand beside it. Whoever adds a source of
danger adds its reasons to `_of_plan`, in the group `danger`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from itertools import chain
from typing import Final
from zoneinfo import ZoneInfo

from models.report import TaskKind
from schedules.plan.check_ins import NO_RHYTHM, RhythmHistory, Silence, count_missed
from schedules.plan.vocabulary import AlertState, AlertUrgency, ApproachClass, MilestoneState, Procedure, SurgeryStatus
from service.dashboard.queries.worklist import Caseload, Late, OpenAlert, OpenTask, Person, Stage

# Days without a check-in after which a patient counts as silent, by the postoperative day until which that holds: two
# rounds of the default rhythm (daily to day 14, twice a week to day 42, weekly to day 90). Grade E, and shown so.
SILENT_AFTER: Final = ((14, 2), (42, 7), (90, 14))
_MISSED: Final = 2  # of the clinic's own rhythm, which may ask more often or go on for longer


_BEFORE_ALL: Final = 100


class Why(StrEnum):
    """The groups of the worklist, in its order."""

    danger = "danger"
    to_clear = "to_clear"
    task = "task"
    behind = "behind"
    silent = "silent"
    today = "today"


_GROUPS: Final = {why: place for place, why in enumerate(Why)}
_URGENCIES: Final = {urgency: place for place, urgency in enumerate(AlertUrgency)}


class Sort(StrEnum):
    """The order of the worklist. By urgency it has groups."""

    urgency = "urgency"
    name = "name"
    pod = "pod"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a patient is on the worklist. `what` says it for its group: an item's kind, a task's kind, or ''.

    `days` orders within the group, the most first; None: there is no day from which it counts.
    """

    why: Why
    what: str
    since_on: date | None
    days: int | None
    item_id: str | None = None
    alert_id: str | None = None
    rank: int = 0  # within the group, before the days: the less, the more urgent


@dataclass(frozen=True, slots=True)
class Entry:
    """A patient on the worklist. `surgery` is the latest that was performed, or else the next one."""

    person: Person
    surgery: Stage | None
    pod: int | None
    heard_at: datetime | None
    coordinator: str | None
    reasons: tuple[Reason, ...]

    @property
    def why(self) -> Why:
        """Return the group."""
        return self.reasons[0].why

    @property
    def whys(self) -> frozenset[Why]:
        """Return the kinds of reasons that the patient has."""
        return frozenset([each.why for each in self.reasons])

    def seen_as(self, why: Why) -> "Entry":
        """Return the same patient with the reasons of one kind first."""
        return replace(self, reasons=tuple(sorted(self.reasons, key=lambda each: each.why is not why)))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries somebody wants to see, and in which order."""

    why: Why | None = None
    procedure: Procedure | None = None
    approach_class: ApproachClass | None = None
    coordinator_id: str | None = None
    sort: Sort = Sort.urgency


@dataclass(frozen=True, slots=True)
class Worklist:
    """The entries that are wanted, in order.

    `counts`: how many patients have a reason of each kind, whatever `why` asks for; `needing`: how many have any.
    """

    entries: tuple[Entry, ...]
    counts: Mapping[Why, int]
    needing: int
    open_count: int


def make_worklist(
    caseload: Caseload, wanted: Wanted, today: date, zone: ZoneInfo, rhythms: RhythmHistory = NO_RHYTHM
) -> Worklist:
    """Return the worklist of a day of the clinic's calendar. `rhythms` say when its patients are asked to check in."""
    entries = [entry for entry in _entries(caseload, today, zone, rhythms) if _fits(entry, wanted)]
    counts = Counter(chain.from_iterable(entry.whys for entry in entries))
    shown = entries if wanted.why is None else [each.seen_as(wanted.why) for each in entries if wanted.why in each.whys]
    ordered = tuple(sorted(shown, key=_ORDERS[wanted.sort]))
    return Worklist(ordered, counts, len(entries), len(caseload.people))


def _entries(caseload: Caseload, today: date, zone: ZoneInfo, rhythms: RhythmHistory) -> Iterator[Entry]:
    for person in caseload.people:
        stages = caseload.stages.get(person.episode_id, ())
        surgery, heard_at = _present(stages, today), caseload.heard_at.get(person.episode_id)
        heard_on = None if heard_at is None else heard_at.astimezone(zone).date()
        reasons = [*_of_plan(caseload, person.episode_id, today, zone)]
        reasons += _of_silence(surgery, heard_on, today, rhythms)
        reasons += [Reason(Why.today, "", today, 0) for stage in stages if stage.surgery_on == today]
        if not reasons:
            continue
        pod = None if surgery is None or surgery.surgery_on is None else (today - surgery.surgery_on).days
        coordinator = caseload.staff.get(person.coordinator_id or "")
        yield Entry(person, surgery, pod, heard_at, coordinator, tuple(sorted(reasons, key=_place)))


def _of_plan(caseload: Caseload, episode_id: str, today: date, zone: ZoneInfo) -> Iterator[Reason]:
    yield from (_of_alert(alert, today, zone) for alert in caseload.alerts.get(episode_id, ()))
    yield from (_of_task(task, today) for task in caseload.tasks.get(episode_id, ()) if _is_for_now(task, today))
    yield from (_of_late(item, today) for item in caseload.late.get(episode_id, ()))


def _of_alert(alert: OpenAlert, today: date, zone: ZoneInfo) -> Reason:
    """What nobody has in hand stands before what somebody has, and both before every other reason."""
    since_on = alert.raised_at.astimezone(zone).date()
    is_taken = alert.state is not AlertState.open
    rank = _URGENCIES[alert.urgency] - _BEFORE_ALL + (len(_URGENCIES) if is_taken else 0)
    what, days = f"alert_kind_{alert.kind}", (today - since_on).days
    return Reason(Why.danger, what, since_on, days, alert_id=alert.alert_id, rank=rank)


def _is_for_now(task: OpenTask, today: date) -> bool:
    """Return whether somebody can do it yet: nobody is called before the day of the call."""
    return task.kind is not TaskKind.recovery_call or task.due_on is None or task.due_on <= today


def _of_task(task: OpenTask, today: date) -> Reason:
    """A call is asked for when what a patient was told has become wrong: whoever acts on it may come to harm."""
    since_on = task.due_on or task.created_at.date()
    why = Why.danger if task.kind is TaskKind.call_patient else Why.task
    return Reason(why, task.kind.value, since_on, (today - since_on).days, task.task_id)


def _of_late(item: Late, today: date) -> Reason:
    why = Why.to_clear if item.state is MilestoneState.eligible else Why.behind
    return Reason(why, item.kind, item.since_on, (today - item.since_on).days, item.milestone_id)


def _of_silence(surgery: Stage | None, heard_on: date | None, today: date, rhythms: RhythmHistory) -> Iterator[Reason]:
    if surgery is None or surgery.surgery_on is None or surgery.status is not SurgeryStatus.performed:
        return
    after = silent_after((today - surgery.surgery_on).days)
    since_on = surgery.surgery_on if heard_on is None else max(heard_on, surgery.surgery_on)
    days = (today - since_on).days
    missed = count_missed(rhythms, Silence(surgery.surgery_on, since_on, today), most=_MISSED)
    is_long = after is not None and days > after
    if is_long if missed is None else missed >= _MISSED or (missed > 0 and is_long):
        yield Reason(Why.silent, "never" if heard_on is None else "", since_on, days)


def silent_after(pod: int) -> int | None:
    """Return after how many days without a check-in somebody counts as silent; None when none is expected.

    >>> [silent_after(pod) for pod in (-1, 0, 14, 15, 42, 90, 91)]
    [None, 2, 2, 7, 7, 14, None]
    """
    if pod < 0:
        return None
    return next((days for until, days in SILENT_AFTER if pod <= until), None)


def _present(stages: Sequence[Stage], today: date) -> Stage | None:
    """Return the latest surgery up to today, or else the next one, or one without a date."""
    dated = sorted((each for each in stages if each.surgery_on is not None), key=lambda each: str(each.surgery_on))
    past = [each for each in dated if each.surgery_on is not None and each.surgery_on <= today]
    return past[-1] if past else next(iter([*dated, *stages]), None)


def _fits(entry: Entry, wanted: Wanted) -> bool:
    surgery = entry.surgery
    return (
        (wanted.coordinator_id is None or entry.person.coordinator_id == wanted.coordinator_id)
        and (wanted.procedure is None or (surgery is not None and surgery.procedure is wanted.procedure))
        and (wanted.approach_class is None or (surgery is not None and surgery.approach_class is wanted.approach_class))
    )


def _place(reason: Reason) -> tuple[int, int, int, str, str]:
    return (_GROUPS[reason.why], reason.rank, -(reason.days or 0), reason.what, reason.item_id or "")


def _by_name(entry: Entry) -> tuple[str, str, str, str]:
    person = entry.person
    return (person.family_name.casefold(), person.given_name.casefold(), person.patient_id, person.episode_id)


_ORDERS: Final = {
    Sort.urgency: lambda entry: (_place(entry.reasons[0])[:3], _by_name(entry)),
    Sort.name: lambda entry: (_by_name(entry),),
    Sort.pod: lambda entry: (entry.pod is None, entry.pod or 0, _by_name(entry)),
}


def pages_of(count: int, size: int) -> int:
    """Return how many pages of `size` so many rows fill: at least one."""
    return max(1, -(-count // size))


def groups_of(entries: Iterable[Entry]) -> list[tuple[Why, list[Entry]]]:
    """Return entries that stand in the order of urgency by their groups, without empty ones."""
    groups: dict[Why, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.why, []).append(entry)
    return list(groups.items())
