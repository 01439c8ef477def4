"""Use cases: how long patients of this clinic take to a milestone, minimally invasive beside open.

Counts and shares of groups, never a patient. Of a group that is too small nothing is told, and a small count is told as
small. Nothing is adjusted for who was chosen for which approach: no figure here proves that one is better.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models import Practice
from schedules.outcomes.comparison import LogRank, log_rank
from schedules.outcomes.follow_up import FollowUp, followed
from schedules.outcomes.survival import Curve, Followed, Median, Step, kaplan_meier
from schedules.plan.protocol import Text
from schedules.plan.vocabulary import ApproachClass, Grade, MilestoneKind, Procedure
from service.care.outcome_rows import IndexSurgery, Item, read_cohort, read_items, read_last_words


class Measured(StrEnum):
    """The milestones whose day is asked for. Of work each patient has one, for the own class of work."""

    opioid_stop = "opioid_stop"
    drive = "drive"
    walk30 = "walk30"
    sit60 = "sit60"
    rtw_sed = "rtw_sed"
    rtw_light = "rtw_light"
    rtw_med = "rtw_med"
    rtw_heavy = "rtw_heavy"
    rtw_very_heavy = "rtw_very_heavy"


# Days of the table of numbers at risk: those of check-ins, wound, and questionnaires (evidence file, section 5).
TABLE_DAYS: Final = (0, 7, 14, 28, 42, 90, 180, 365)
GRADE: Final = Grade.D  # one institution
NOTE: Final = Text(
    en="Not adjusted, not proof: who was chosen for which approach differs.",
    es="Sin ajustar, no es una prueba: difiere quién fue elegido para cada abordaje.",
)


@dataclass(frozen=True, slots=True)
class Smallest:
    """Of how many surgeries a group must be to be shown, and from which count on a count is told."""

    group: int
    cell: int


@dataclass(frozen=True, slots=True)
class AtRisk:
    """A day of the table: how many still waited at its beginning (None: fewer than the smallest cell, above none), and
    the estimated share that had reached the milestone by its end, with 95 % limits; None beyond the curve.
    """

    day: int
    at_risk: int | None
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Point:
    """The share that has reached the milestone by the end of a day, with 95 % limits; `at_risk` at its beginning."""

    day: int
    at_risk: int
    share: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """One approach class. `count` None: fewer than the smallest group, of which nothing is told.

    `points` end where fewer than the smallest cell are left. `median` is in days. `reached` None: a small count, which
    a curve and its numbers at risk would tell step by step, so that there are none.
    """

    approach_class: ApproachClass | None
    count: int | None
    reached: int | None
    median: Median
    points: tuple[Point, ...]
    table: tuple[AtRisk, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Surgeries that are in no group. None: a small count, or the other one from which it could be worked out.

    `combined`: two procedures on day 0. `not_theirs`: the milestone is not in the plan, or does not apply. `was_past`:
    its day had passed before the clinic's service knew of the surgery.
    """

    combined: int | None
    not_theirs: int | None
    was_past: int | None


@dataclass(frozen=True, slots=True)
class MilestoneOutcome:
    """Time to one milestone after one procedure, up to `as_of`, by approach class; `test` compares the two."""

    procedure: Procedure
    kind: Measured
    as_of: date
    grade: Grade
    note: Text
    smallest: Smallest
    groups: tuple[Group, ...]
    test: LogRank | None
    left_out: LeftOut


def view_milestone_outcome(
    session: Session, practice: Practice, *, procedure: Procedure, kind: Measured, today: date, smallest: Smallest
) -> MilestoneOutcome:
    """Return how long the practice's patients took to a milestone after a procedure. Four SELECTs."""
    cohort = read_cohort(session, practice.id, procedure, today)
    day0s = {each.episode_id: each.day0 for each in cohort.surgeries}
    items = read_items(session, practice.id, procedure, MilestoneKind(kind.value), day0s)
    words, zone = read_last_words(session, practice.id, procedure), ZoneInfo(practice.time_zone)
    members: dict[ApproachClass | None, list[Followed]] = {each.approach_class: [] for each in cohort.surgeries}
    not_theirs = was_past = 0
    for each in cohort.surgeries:
        item = items.get(each.episode_id)
        if item is None:
            not_theirs += 1
        elif _was_past(each, item, zone):
            was_past += 1
        else:
            course = _course(each, item, words.get(each.episode_id), zone)
            members[each.approach_class].append(followed(course, today))
    curves = {approach_class: kaplan_meier(group) for approach_class, group in members.items()}
    return MilestoneOutcome(
        procedure=procedure,
        kind=kind,
        as_of=today,
        grade=GRADE,
        note=NOTE,
        smallest=smallest,
        groups=tuple(_group(each, curves[each], smallest) for each in sorted(curves, key=str)),
        test=_test(curves, smallest),
        left_out=_left_out(cohort.combined, not_theirs, was_past, smallest),
    )


def _left_out(combined: int, not_theirs: int, was_past: int, smallest: Smallest) -> LeftOut:
    """Tell both that the groups' sizes leave out of all surgeries, or neither: else one would give the other."""
    apart = [told_count(count, smallest) for count in (not_theirs, was_past)]
    return LeftOut(told_count(combined, smallest), *([None, None] if None in apart else apart))


def _was_past(surgery: IndexSurgery, item: Item, zone: ZoneInfo) -> bool:
    """Return whether an item's day had passed before the surgery was known: of these only some days are told."""
    known_on = _day(surgery.known_at, zone)
    return known_on is not None and item.closed_on is not None and item.closed_on < known_on


def _course(surgery: IndexSurgery, item: Item, heard_at: datetime | None, zone: ZoneInfo) -> FollowUp:
    ends = [day for day in (surgery.ended_on, _day(item.left_out_at, zone)) if day is not None]
    return FollowUp(surgery.day0, _day(heard_at, zone), min(ends, default=None), item.reached_on)


def _day(at: datetime | None, zone: ZoneInfo) -> date | None:
    return None if at is None else at.astimezone(zone).date()


def _group(approach_class: ApproachClass | None, curve: Curve, smallest: Smallest) -> Group:
    if curve.count < smallest.group:
        return Group(approach_class, None, None, Median(None, None, None), (), ())
    if told_count(curve.reached, smallest) is None:
        return Group(approach_class, curve.count, None, Median(None, None, None), (), ())
    shown = [step for step in curve.steps if step.at_risk >= smallest.cell]
    last_day = shown[-1].day

    def told(day: int | None) -> int | None:
        return day if day is not None and day <= last_day else None

    median = curve.median
    return Group(
        approach_class=approach_class,
        count=curve.count,
        reached=curve.reached,
        median=Median(told(median.day), told(median.low), told(median.high)),
        points=tuple(_point(step) for step in shown),
        table=tuple(_at_risk(day, curve, last_day, smallest) for day in TABLE_DAYS),
    )


def _point(step: Step) -> Point:
    low = None if step.high is None else 1 - step.high
    return Point(step.day, step.at_risk, 1 - step.waiting, low, None if step.low is None else 1 - step.low)


def _at_risk(day: int, curve: Curve, last_day: int, smallest: Smallest) -> AtRisk:
    count = told_count(curve.at_risk(day), smallest)
    if day > last_day:
        return AtRisk(day, count, None, None, None)
    step = curve.at(day)
    point = Point(day, curve.count, 0.0, None, None) if step is None else _point(step)
    return AtRisk(day, count, point.share, point.low, point.high)


def _test(curves: Mapping[ApproachClass | None, Curve], smallest: Smallest) -> LogRank | None:
    """Return the test of the two classes if the curves of both are shown."""
    compared = [curves.get(each) for each in ApproachClass]
    shown = [
        curve
        for curve in compared
        if curve is not None and curve.count >= smallest.group and told_count(curve.reached, smallest) is not None
    ]
    return log_rank(*shown) if len(shown) == len(compared) else None


def told_count(count: int, smallest: Smallest) -> int | None:
    """Return a count as it may be told: None for one above 0 and below the smallest cell."""
    return None if 0 < count < smallest.cell else count
