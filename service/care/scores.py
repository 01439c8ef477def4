"""The scores of an episode's questionnaires over time, and what changed since before surgery. Computed on reading."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Episode, Milestone, Practice, QuestionnaireAnswer
from schedules.plan.important_changes import (
    ImportantChange,
    important_changes,
    improvement,
    improvement_percent,
    is_reached,
)
from schedules.plan.questionnaires import QUESTIONNAIRE_KINDS, asked_after
from schedules.plan.scores import SCALES, Measure, NotScored, Scale, Score, scores_of
from schedules.plan.vocabulary import Instrument, MilestoneKind, Procedure, SurgeryStatus
from service.care.enrol import clinic_today
from service.care.plan_rows import PlanRows, load_plan_rows

BASELINE_DAYS: Final = timedelta(days=60)  # the window before surgery of the evidence file, section 5; grade E


@dataclass(frozen=True, slots=True)
class Change:
    """A published important change, and whether a score has reached it."""

    figure: ImportantChange
    is_reached: bool


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """One score. `improved_by` and what follows it are None, or none, without a baseline before it.

    `on` is the clinic's calendar day, `pod` its days from the first surgery, negative before it.
    """

    answer: QuestionnaireAnswer
    on: date
    pod: int | None
    value: float | None
    not_scored: NotScored | None
    improved_by: float | None = None
    improved_percent: int | None = None
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The scores of one measure in the order in which they were answered. `baseline` is the last before surgery."""

    measure: Measure
    scale: Scale
    baseline: ScorePoint | None
    points: tuple[ScorePoint, ...]


@dataclass(frozen=True, slots=True)
class DueQuestionnaire:
    """A questionnaire's milestone whose window is open, and which of those that the procedure asks were answered."""

    milestone: Milestone
    answered: tuple[Instrument, ...]
    unanswered: tuple[Instrument, ...]


@dataclass(frozen=True, slots=True)
class ScoresView:
    """All scores of an episode, and what is due on the day. `first_surgery_on` None: there is no day yet."""

    episode: Episode
    as_of: date
    first_surgery_on: date | None
    trajectories: tuple[Trajectory, ...]
    due: tuple[DueQuestionnaire, ...]


def may_be_baseline(on: date, day0: date, *, is_asked_as_one: bool) -> bool:
    """Return whether a score of a day may be the baseline: of day 0 itself only if it was answered as one."""
    return day0 - BASELINE_DAYS <= on < day0 or (on == day0 and is_asked_as_one)


def view_scores(session: Session, practice: Practice, episode: Episode, as_of: date) -> ScoresView:
    """Return the scores of an episode's answers up to `as_of`, a day of the clinic's calendar."""
    rows = load_plan_rows(session, practice, episode)
    told = [
        (row, on) for row in _answers_of(session, episode) if (on := clinic_today(practice, row.answered_at)) <= as_of
    ]
    procedures = {row.procedure for row in rows.surgeries if row.status is not SurgeryStatus.cancelled}
    baselines = {row.id for row in rows.milestones if row.kind == MilestoneKind.prom_baseline}
    course = _Course(rows.first_surgery_on, procedures, baselines)
    points: dict[Measure, list[ScorePoint]] = {}
    for row, on in told:
        for score in scores_of(row.instrument, row.answers):
            points.setdefault(score.measure, []).append(course.point(row, on, score))
    return ScoresView(
        episode=episode,
        as_of=as_of,
        first_surgery_on=rows.first_surgery_on,
        trajectories=tuple(course.trajectory(each, points[each]) for each in Measure if each in points),
        due=_due(rows, [row for row, _ in told], asked_after(procedures), as_of),
    )


@dataclass(frozen=True, slots=True)
class _Course:
    """What decides which score is the baseline, and which figures apply."""

    day0: date | None
    procedures: Collection[Procedure]
    baseline_ids: Collection[str]

    def point(self, row: QuestionnaireAnswer, on: date, score: Score) -> ScorePoint:
        pod = None if self.day0 is None else (on - self.day0).days
        return ScorePoint(row, on, pod, score.value, score.not_scored)

    def trajectory(self, measure: Measure, points: Sequence[ScorePoint]) -> Trajectory:
        baseline = next((each for each in reversed(points) if self._is_before_surgery(each)), None)
        since = False
        shown = []
        for point in points:
            shown.append(self._compared(measure, baseline, point) if since else point)
            since = since or point is baseline
        return Trajectory(measure, SCALES[measure], baseline, tuple(shown))

    def _is_before_surgery(self, point: ScorePoint) -> bool:
        """Return whether a point has a score that may be the baseline."""
        if point.value is None or self.day0 is None:
            return False
        return may_be_baseline(point.on, self.day0, is_asked_as_one=point.answer.milestone_id in self.baseline_ids)

    def _compared(self, measure: Measure, baseline: ScorePoint | None, point: ScorePoint) -> ScorePoint:
        if baseline is None or baseline.value is None or point.value is None:
            return point
        before, value = baseline.value, point.value
        return ScorePoint(
            point.answer,
            point.on,
            point.pod,
            value,
            None,
            improvement(measure, before, value),
            improvement_percent(measure, before, value),
            tuple(
                Change(each, is_reached(each, measure, before, value))
                for each in important_changes(measure, self.procedures)
            ),
        )


def _answers_of(session: Session, episode: Episode) -> Sequence[QuestionnaireAnswer]:
    query = select(QuestionnaireAnswer).filter_by(practice_id=episode.practice_id, episode_id=episode.id, deleted=False)
    return session.scalars(query.order_by(QuestionnaireAnswer.answered_at, QuestionnaireAnswer.id)).all()


def _due(
    rows: PlanRows, answers: Sequence[QuestionnaireAnswer], asked: tuple[Instrument, ...], as_of: date
) -> tuple[DueQuestionnaire, ...]:
    due = []
    for row in rows.milestones:
        if row.kind not in QUESTIONNAIRE_KINDS or row.cancelled_at is not None or not _is_open(row, as_of):
            continue
        done = {each.instrument for each in answers if each.milestone_id == row.id}
        due.append(
            DueQuestionnaire(
                row,
                tuple(each for each in Instrument if each in done),
                tuple(each for each in asked if each not in done),
            )
        )
    return tuple(due)


def _is_open(row: Milestone, as_of: date) -> bool:
    is_begun = row.earliest_on is not None and row.earliest_on <= as_of
    is_superseded = row.superseded_on is not None and row.superseded_on <= as_of
    return is_begun and not is_superseded and (row.latest_on is None or as_of <= row.latest_on)
