"""How the clinic's patients do, as groups: time to each milestone, minimally invasive beside open."""

from typing import Any

from marshmallow import Schema, fields

from models.report import ClinicalEventKind
from schedules.plan.vocabulary import ApproachClass, Grade, Procedure
from service.api import examples_outcomes as examples
from service.api.fields import CivilDate, Word
from service.api.plans import BilingualText
from service.api.resource import Resource
from service.api.scope import caller, now, settings
from service.api.score_outcome_views import ScoreOutcomeView
from service.care.enrol import clinic_today
from service.care.outcomes import Measured, Smallest, view_milestone_outcome
from service.care.reach import practice_of
from service.care.recovery_band import view_recovery_band
from service.care.safety_outcomes import view_safety_outcome
from service.care.score_outcomes import view_score_outcome
from service.db import current_session

outcomes = Resource(
    "outcomes",
    "How groups of the clinic's patients do. Not adjusted for who was chosen for which approach: not proof that one is "
    "better. Shares are estimates with 95 % limits. A group that is too small is not shown (`count` null), and of "
    "what is shown a count is null if it is above 0 and below `smallest_cell`, or if such a one followed from it.",
)


class MilestoneQuery(Schema):
    """Which milestone after which procedure. Work is asked for by the patients' own class of work."""

    procedure = Word(Procedure, required=True)
    kind = Word(Measured, required=True)


class PointView(Schema):
    """The share that has reached the milestone by the end of a day, of those who were followed."""

    day = fields.Integer(required=True)
    at_risk = fields.Integer(required=True)
    share = fields.Float(required=True)
    low = fields.Float(required=True, allow_none=True)
    high = fields.Float(required=True, allow_none=True)


class AtRiskView(PointView):
    """The same on a day of the table. Null: a small count, or beyond the curve."""

    at_risk = fields.Integer(required=True, allow_none=True)
    share = fields.Float(required=True, allow_none=True)


class MedianView(Schema):
    """The first day by which half have reached it, with its 95 % limits; null where the curve does not get so far."""

    day = fields.Integer(required=True, allow_none=True)
    low = fields.Integer(required=True, allow_none=True)
    high = fields.Integer(required=True, allow_none=True)


class GroupView(Schema):
    """One approach class: null is surgery that has none. The curve ends where few are left.

    `reached` null: a small count. Then there is no curve and no table either, which would tell it.
    """

    approach_class = Word(ApproachClass, required=True, allow_none=True)
    count = fields.Integer(required=True, allow_none=True)
    reached = fields.Integer(required=True, allow_none=True)
    median_days = fields.Nested(MedianView, attribute="median", required=True)
    points = fields.List(fields.Nested(PointView), required=True)
    table = fields.List(fields.Nested(AtRiskView), required=True)


class LogRankView(Schema):
    """The log-rank test of minimally invasive against open, on one degree of freedom, two-sided."""

    chi_square = fields.Float(required=True)
    p_value = fields.Float(required=True)


class LeftOutView(Schema):
    """Surgeries that are in no group. Null: a small count, or the other one, from which it could be worked out.

    combined: two procedures on day 0. not_theirs: the milestone is not in the plan, or does not apply, as work to who
    does not work. was_past: its day had passed before the service knew of the surgery.
    """

    combined = fields.Integer(required=True, allow_none=True)
    not_theirs = fields.Integer(required=True, allow_none=True)
    was_past = fields.Integer(required=True, allow_none=True)


class MilestoneOutcomeView(Schema):
    """Time from the first surgery of a course of care to a milestone, in days, by Kaplan-Meier.

    It is reached on the day that was reported, or from which a clearance holds. Who has not reached it counts up to the
    last day that anything was heard of them; death and a later surgery end the look. `grade` is that of figures of one
    institution. `test` is null unless both groups are shown.
    """

    procedure = Word(Procedure, required=True)
    kind = Word(Measured, required=True)
    as_of = CivilDate(required=True)
    grade = Word(Grade, required=True)
    note = fields.Nested(BilingualText, required=True)
    smallest_group = fields.Integer(attribute="smallest.group", required=True)
    smallest_cell = fields.Integer(attribute="smallest.cell", required=True)
    groups = fields.List(fields.Nested(GroupView), required=True)
    test = fields.Nested(LogRankView, required=True, allow_none=True)
    left_out = fields.Nested(LeftOutView, required=True)


@outcomes.get("/outcomes/milestones")
@outcomes.arguments(MilestoneQuery, location="query")
@outcomes.response(200, MilestoneOutcomeView, example=examples.MILESTONE)
def get_milestone_outcome(query: dict[str, Any]) -> Any:
    """Return how long the clinic's patients took to a milestone after a procedure, by approach class."""
    practice = practice_of(current_session(), caller())
    today = clinic_today(practice, now())
    return view_milestone_outcome(current_session(), practice, today=today, smallest=smallest(), **query)


class BandQuery(Schema):
    """Which procedure, and which class of approach; none for surgery that has no class."""

    procedure = Word(Procedure, required=True)
    approach_class = Word(ApproachClass, load_default=None)


class WeekView(Schema):
    """One week, from `first_day` on: how many courses of care told something, and between what the middle half lies."""

    first_day = fields.Integer(required=True)
    count = fields.Integer(attribute="spread.count", required=True)
    low = fields.Float(attribute="spread.low", required=True)
    median = fields.Float(attribute="spread.median", required=True)
    high = fields.Float(attribute="spread.high", required=True)


class RecoveryBandView(Schema):
    """What was seen of the clinic's latest courses after one procedure, by week: no goal, and no warning.

    `pain` is the worst pain, 0 to 10, `walking` minutes walked in a day. `courses` null: too few to show.
    """

    procedure = Word(Procedure, required=True)
    approach_class = Word(ApproachClass, required=True, allow_none=True)
    as_of = CivilDate(required=True)
    grade = Word(Grade, required=True)
    note = fields.Nested(BilingualText, required=True)
    courses = fields.Integer(required=True, allow_none=True)
    pain = fields.List(fields.Nested(WeekView), required=True)
    walking = fields.List(fields.Nested(WeekView), required=True)


@outcomes.get("/outcomes/recovery-bands")
@outcomes.arguments(BandQuery, location="query")
@outcomes.response(200, RecoveryBandView, example=examples.BAND)
def get_recovery_band(query: dict[str, Any]) -> Any:
    """Return between what pain and walking of the middle half lay, week by week after a procedure."""
    practice = practice_of(current_session(), caller())
    today = clinic_today(practice, now())
    return view_recovery_band(current_session(), practice, today=today, smallest=smallest(), **query)


class ProcedureQuery(Schema):
    """Which procedure."""

    procedure = Word(Procedure, required=True)


class RateView(Schema):
    """How many of `of` surgeries had the event within `days`, and the share with its 95 % limits (Wilson).

    Counted are surgeries whose whole window has passed. `count` null: a small count, of which no share is told.
    """

    kind = Word(ClinicalEventKind, required=True)
    days = fields.Integer(required=True)
    of = fields.Integer(required=True)
    count = fields.Integer(required=True, allow_none=True)
    share = fields.Float(required=True, allow_none=True)
    low = fields.Float(required=True, allow_none=True)
    high = fields.Float(required=True, allow_none=True)


class SpreadView(Schema):
    """Of how many surgeries it is known, and their quartiles: between `low` and `high` lies the middle half.

    `count` null: it is missing of a few, whom the group's size beside it would tell.
    """

    count = fields.Integer(required=True, allow_none=True)
    low = fields.Float(required=True)
    median = fields.Float(required=True)
    high = fields.Float(required=True)


class SafetyGroupView(Schema):
    """One approach class. `nights` in hospital and `blood_loss_ml` are null where they are known of too few."""

    approach_class = Word(ApproachClass, required=True, allow_none=True)
    count = fields.Integer(required=True, allow_none=True)
    rates = fields.List(fields.Nested(RateView), required=True)
    nights = fields.Nested(SpreadView, required=True, allow_none=True)
    blood_loss_ml = fields.Nested(SpreadView, required=True, allow_none=True)


class SafetyOutcomeView(Schema):
    """What went otherwise than planned after a procedure, as staff entered it, by approach class."""

    procedure = Word(Procedure, required=True)
    as_of = CivilDate(required=True)
    grade = Word(Grade, required=True)
    note = fields.Nested(BilingualText, required=True)
    smallest_group = fields.Integer(attribute="smallest.group", required=True)
    smallest_cell = fields.Integer(attribute="smallest.cell", required=True)
    groups = fields.List(fields.Nested(SafetyGroupView), required=True)


@outcomes.get("/outcomes/safety")
@outcomes.arguments(ProcedureQuery, location="query")
@outcomes.response(200, SafetyOutcomeView, example=examples.SAFETY)
def get_safety_outcome(query: dict[str, Any]) -> Any:
    """Return complications, emergency visits, readmissions and reoperations at 30 and 90 days, stay and blood loss."""
    practice = practice_of(current_session(), caller())
    today = clinic_today(practice, now())
    return view_safety_outcome(current_session(), practice, today=today, smallest=smallest(), **query)


@outcomes.get("/outcomes/scores")
@outcomes.arguments(ProcedureQuery, location="query")
@outcomes.response(200, ScoreOutcomeView, example=examples.SCORES)
def get_score_outcome(query: dict[str, Any]) -> Any:
    """Return how questionnaires' scores ran after a procedure, and how many improved by enough to matter to them."""
    practice = practice_of(current_session(), caller())
    today = clinic_today(practice, now())
    return view_score_outcome(current_session(), practice, today=today, smallest=smallest(), **query)


def smallest() -> Smallest:
    """Return of how many a group must be to be shown, as it is set."""
    return Smallest(settings().outcomes_smallest_group, settings().outcomes_smallest_cell)
