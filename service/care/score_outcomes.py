"""Use cases: how scores of questionnaires run after a procedure, minimally invasive beside open.

A score belongs to the time that it was asked for: its questionnaire's due day, if it was answered within that window.
Who improved is counted by every published minimal important change that applies; none is picked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models import Practice
from schedules.outcomes.proportions import Spread, told_apart, wilson
from schedules.outcomes.trajectories import Scored, TimePoint, trajectory
from schedules.plan.important_changes import ImportantChange, important_changes, is_reached, reached_at
from schedules.plan.protocol import Text
from schedules.plan.scores import SCALES, Measure, Scale, scores_of
from schedules.plan.vocabulary import ApproachClass, Grade, MilestoneKind, Procedure
from service.care.outcome_rows import IndexSurgery, read_answers, read_cohort
from service.care.outcomes import GRADE, NOTE, Smallest
from service.care.scores import may_be_baseline


@dataclass(frozen=True, slots=True)
class Improved:
    """How many of `of` with both scores improved by a change. `count` None: it would tell of few."""

    figure: ImportantChange
    of: int
    count: int | None
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class ScoreTime:
    """The scores of one time, `day` days from surgery, None before it. `improved` is empty where few have both."""

    day: int | None
    spread: Spread
    improved: tuple[Improved, ...]


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """A change from the baseline's median: the score at which it is reached. None: none is shown, or the scale ends."""

    figure: ImportantChange
    reached_at: float | None


@dataclass(frozen=True, slots=True)
class ScoreCourse:
    """The scores of one measure in one group, at the times that enough have one of."""

    measure: Measure
    scale: Scale
    lines: tuple[ChangeLine, ...]
    times: tuple[ScoreTime, ...]


@dataclass(frozen=True, slots=True)
class ScoreGroup:
    """One approach class. `count` None: fewer surgeries than the smallest group, of which nothing is told."""

    approach_class: ApproachClass | None
    count: int | None
    measures: tuple[ScoreCourse, ...]


@dataclass(frozen=True, slots=True)
class ScoreOutcome:
    """How scores ran after one procedure, up to `as_of`, by approach class."""

    procedure: Procedure
    as_of: date
    grade: Grade
    note: Text
    smallest: Smallest
    groups: tuple[ScoreGroup, ...]


def view_score_outcome(
    session: Session, practice: Practice, *, procedure: Procedure, today: date, smallest: Smallest
) -> ScoreOutcome:
    """Return how the scores of the practice's patients ran after a procedure. Two SELECTs."""
    surgeries = read_cohort(session, practice.id, procedure, today).surgeries
    scored = _read_scores(session, practice, procedure, surgeries, today)
    sizes: dict[ApproachClass | None, int] = {}
    for each in surgeries:
        sizes[each.approach_class] = sizes.get(each.approach_class, 0) + 1
    groups = []
    for approach_class in sorted(sizes, key=str):
        if sizes[approach_class] < smallest.group:
            groups.append(ScoreGroup(approach_class, None, ()))
            continue
        measures = (_course(each, procedure, scored.get((approach_class, each), []), smallest) for each in Measure)
        shown = tuple(each for each in measures if each.times)
        groups.append(ScoreGroup(approach_class, sizes[approach_class], shown))
    return ScoreOutcome(procedure, today, GRADE, NOTE, smallest, tuple(groups))


def _read_scores(
    session: Session, practice: Practice, procedure: Procedure, surgeries: tuple[IndexSurgery, ...], today: date
) -> Mapping[tuple[ApproachClass | None, Measure], list[Scored]]:
    """Return the scores of each class and measure that belong to a time, in the order of their answers."""
    courses, zone = {each.episode_id: each for each in surgeries}, ZoneInfo(practice.time_zone)
    scored: dict[tuple[ApproachClass | None, Measure], list[Scored]] = {}
    for row in read_answers(session, practice.id, procedure):
        course = courses.get(row.episode_id)
        on = row.answered_at.astimezone(zone).date()
        if course is None or on > min(today, course.ended_on or today):
            continue
        is_before = may_be_baseline(on, course.day0, is_asked_as_one=row.kind == MilestoneKind.prom_baseline)
        if not is_before and not _is_in_window(row, on):
            continue
        for score in scores_of(row.instrument, row.answers):
            if score.value is not None:
                told = Scored(row.episode_id, None if is_before else row.target_days, score.value)
                scored.setdefault((course.approach_class, score.measure), []).append(told)
    return scored


def _is_in_window(row: Any, on: date) -> bool:
    """Return whether an answer is one to a questionnaire after surgery, given while that was open."""
    if row.kind != MilestoneKind.prom_followup or row.target_days is None or row.earliest_on is None:
        return False
    return bool(row.earliest_on <= on and (row.latest_on is None or on <= row.latest_on))


def _course(measure: Measure, procedure: Procedure, scores: list[Scored], smallest: Smallest) -> ScoreCourse:
    points = trajectory(scores, smallest=smallest.group)
    figures = important_changes(measure, (procedure,))
    before = next((each.spread.median for each in points if each.day is None), None)
    return ScoreCourse(
        measure=measure,
        scale=SCALES[measure],
        lines=tuple(
            ChangeLine(each, None if before is None else reached_at(each, measure, before)) for each in figures
        ),
        times=tuple(ScoreTime(each.day, each.spread, _improved(each, measure, figures, smallest)) for each in points),
    )


def _improved(
    point: TimePoint, measure: Measure, figures: tuple[ImportantChange, ...], smallest: Smallest
) -> tuple[Improved, ...]:
    of = len(point.pairs)
    if of < smallest.group:
        return ()
    counts = [sum(is_reached(each, measure, before, now) for before, now in point.pairs) for each in figures]
    told = []
    for figure, count in zip(figures, told_apart(counts, of, smallest.cell), strict=True):
        rate = None if count is None else wilson(count, of)
        limits = (None, None, None) if rate is None else (rate.share, rate.low, rate.high)
        told.append(Improved(figure, of, count, *limits))
    return tuple(told)
