"""The rows of a timeline: what stands in several plans side by side, as days on one axis. Knows no picture.

A lane is one plan, or one stage of it. Day 0 of the axis is the first day of surgery.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from schedules.plan.items import Plan, PlannedMilestone, PlannedRestriction
from schedules.plan.vocabulary import Grade, MilestoneKind, RestrictionKind
from service.care.simulations import NamedSimulation

_NAMES: Mapping[str, str] = {
    MilestoneKind.prom_baseline: "questionnaires before",
    MilestoneKind.prom_followup: "questionnaires",
    MilestoneKind.mobilise: "first steps",
    MilestoneKind.incision: "wound check",
    MilestoneKind.opioid_stop: "end of opioids",
    MilestoneKind.drive: "driving",
    MilestoneKind.walk30: "walking 30 minutes",
    MilestoneKind.sit60: "sitting 60 minutes",
    MilestoneKind.pt_start: "physical therapy begins",
    MilestoneKind.rtw_sed: "sedentary work",
    MilestoneKind.rtw_light: "light work",
    MilestoneKind.rtw_med: "medium work",
    MilestoneKind.rtw_heavy: "heavy work",
    MilestoneKind.rtw_very_heavy: "very heavy work",
    MilestoneKind.blt_end: "bending and twisting",
    MilestoneKind.lifting_step: "clearing of lifting limit",
    MilestoneKind.sport_low: "low-impact sport",
    MilestoneKind.sport_nc: "non-contact sport",
    MilestoneKind.sport_ct: "contact sport",
    MilestoneKind.full: "full activity",
}


@dataclass(frozen=True, slots=True)
class Lane:
    """One plan of the picture: `name` in full, `short` in its rows. `stage` None: all stages of the plan."""

    name: str
    short: str
    plan: Plan
    stage: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """One bar: days of the axis. `through` None: no last day. `may_end`: from then on a clinician may end it."""

    begins: int
    through: int | None
    target: int | None
    may_end: int | None
    grade: Grade | None
    words: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One item by lane, None where a lane does not have it."""

    name: str
    spans: tuple[Span | None, ...]
    is_limit: bool

    @property
    def differs(self) -> bool:
        """Return whether the lanes say different days or amounts."""
        return len({None if each is None else each.words for each in self.spans}) > 1


def lanes_of(simulations: Sequence[NamedSimulation]) -> tuple[Lane, ...]:
    """Return a lane for each of several simulations, or for each stage of a single one."""
    if len(simulations) > 1:
        return tuple(
            Lane(each.name, str(each.protocols[0].approach_class or each.protocols[0].id), each.simulation.plan)
            for each in simulations
        )
    (only,) = simulations
    plan = only.simulation.plan
    if len(only.protocols) == 1:
        protocol = only.protocols[0]
        return (Lane(only.name, str(protocol.approach_class or protocol.procedure), plan),)
    return tuple(
        Lane(
            f"{protocol.id} version {protocol.version} ({protocol.status})",
            f"stage {number}",
            plan,
            number,
        )
        for number, protocol in enumerate(only.protocols, start=1)
    )


def first_day0(plans: Iterable[Plan]) -> date | None:
    """Return the first day of surgery of all plans; None if none of them has a date."""
    days = [item.day0 for plan in plans for item in plan.milestones if item.day0 is not None]
    return min(days, default=None)


def timeline_rows(lanes: Sequence[Lane], day0: date | None) -> tuple[TimelineRow, ...]:
    """Return the milestones of all lanes in the order of their days, then the limits by kind and number."""
    milestones = _merge([{name_of(item): _milestone(item, day0) for item in _items(lane)} for lane in lanes])
    rows = [TimelineRow(name, spans, is_limit=False) for name, spans in milestones.items() if any(spans)]
    rows.sort(key=_position)
    limits = _merge([{_limit_name(item): _limit(item, day0) for item in _limits(lane)} for lane in lanes])
    of_limits = [TimelineRow(name, spans, is_limit=True) for name, spans in limits.items() if any(spans)]
    of_limits.sort(key=lambda row: ("lifting" not in row.name, row.name))
    return (*rows, *of_limits)


def name_of(item: PlannedMilestone) -> str:
    """Return a milestone's name for a clinician: its kind in words, and what tells it from others of its kind."""
    kind = str(item.kind)
    known = _NAMES.get(kind, kind.replace("_", " "))
    if item.key == kind:
        return known
    told = item.key.removeprefix("prom_").removeprefix(f"{kind}_").removeprefix("lifting_").replace("_", " ")
    return f"{known} {told}"


def _merge(by_lane: Sequence[dict[str, Span | None]]) -> dict[str, tuple[Span | None, ...]]:
    names = dict.fromkeys(name for spans in by_lane for name in spans)
    return {name: tuple(spans.get(name) for spans in by_lane) for name in names}


def _position(row: TimelineRow) -> tuple[int, int]:
    first = next(span for span in row.spans if span is not None)
    return (first.begins if first.target is None else first.target, first.begins)


def _items(lane: Lane) -> list[PlannedMilestone]:
    return [item for item in lane.plan.milestones if lane.stage in (None, item.occurrence)]


def _limits(lane: Lane) -> list[PlannedRestriction]:
    return [item for item in lane.plan.restrictions if lane.stage in (None, item.occurrence)]


def _limit_name(item: PlannedRestriction) -> str:
    kind = "bending" if item.kind is RestrictionKind.bending_twisting else str(item.kind)
    if item.kind is RestrictionKind.lifting:
        return f"{kind} limit {item.sequence}"
    several = item.kind in (RestrictionKind.work, RestrictionKind.sport) and item.lifted_by is not None
    return f"{_NAMES.get(str(item.lifted_by), item.lifted_by) if several else kind} limit"


def _milestone(item: PlannedMilestone, day0: date | None) -> Span | None:
    begins = _place(item.earliest_on, item.earliest_days, day0)
    if begins is None:
        return None
    eligible = _place(item.eligible_on, item.eligible_days, day0) if item.lifts is not None else None
    target, through = _place(item.target_on, item.target_days, day0), _place(item.latest_on, item.latest_days, day0)
    ended = _place(item.superseded_on, None, day0)
    if ended is not None:
        through = ended - 1 if through is None else min(through, ended - 1)
    return Span(begins, through, target, eligible, item.grade, _milestone_words(item, eligible))


def _milestone_words(item: PlannedMilestone, eligible: int | None) -> str:
    target = "-" if item.target_days is None else str(item.target_days)
    window = f"{item.earliest_days}+" if item.latest_days is None else f"{item.earliest_days} to {item.latest_days}"
    later = eligible is not None and item.eligible_days != item.target_days
    words = f"{target} ({window})" + (f", clearable {item.eligible_days}" if later else "")
    words += ", never by date" if item.lifts is not None and item.eligible_days is None else ""
    return words if item.superseded_by is None else f"{words}, then stage {item.superseded_by}"


def _limit(item: PlannedRestriction, day0: date | None) -> Span | None:
    begins = _place(item.from_on, item.from_days, day0)
    if begins is None:
        return None
    return Span(
        begins=begins,
        through=_place(item.through_on, item.through_days, day0),
        target=None,
        may_end=_place(item.eligible_on, item.eligible_days, day0),
        grade=item.grade,
        words=_limit_words(item),
        label=_amount(item),
    )


def _limit_words(item: PlannedRestriction) -> str:
    amount = f"{_amount(item)}, " if _amount(item) else ""
    if item.through_days is not None and item.through_on is None:
        return f"{amount}{item.from_days} to {item.through_days}"
    if item.through_on is not None and item.from_on is not None:
        return f"{amount}{item.from_days} to {item.from_days + (item.through_on - item.from_on).days}"
    clearable = "" if item.eligible_days is None else f", from {item.eligible_days}"
    return f"{amount}{item.from_days} until cleared{clearable}"


def _amount(item: PlannedRestriction) -> str:
    if item.limit_lb is not None:
        return f"{item.limit_lb} lb"
    return "" if item.limit_minutes is None else f"{item.limit_minutes} min"


def _place(on: date | None, days: int | None, day0: date | None) -> int | None:
    """Return the day of the axis: by the date where there is one, else by the offset from the plan's own surgery."""
    return (on - day0).days if on is not None and day0 is not None else days


@dataclass(frozen=True, slots=True)
class ComparedItem:
    """One row in words, in the order of the lanes."""

    name: str
    is_limit: bool
    differs: bool
    words: tuple[str | None, ...]
    grades: tuple[Grade | None, ...]


def compare_simulations(simulations: Sequence[NamedSimulation]) -> tuple[ComparedItem, ...]:
    """Return what simulations, or the stages of a single one, say of each milestone and limit."""
    lanes = lanes_of(simulations)
    rows = timeline_rows(lanes, first_day0(lane.plan for lane in lanes))
    return tuple(
        ComparedItem(
            name=row.name,
            is_limit=row.is_limit,
            differs=row.differs,
            words=tuple(None if span is None else span.words for span in row.spans),
            grades=tuple(None if span is None else span.grade for span in row.spans),
        )
        for row in rows
    )
