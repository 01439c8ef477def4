"""How the answer about a group's scores looks: median and quartiles at each time, and who improved by enough."""

from marshmallow import Schema, fields

from schedules.plan.scores import Measure
from schedules.plan.vocabulary import ApproachClass, Grade, Procedure
from service.api.fields import CivilDate, Word
from service.api.plans import BilingualText


class FigureView(Schema):
    """A published minimal important change, in the measure's unit or as a share of the baseline; no source: a rule of
    thumb. `sources` are entries of the bibliography, which `GET /questionnaires` has in full.
    """

    amount = fields.Float(attribute="figure.amount", required=True)
    is_percent = fields.Boolean(attribute="figure.is_percent", required=True)
    grade = Word(Grade, attribute="figure.grade", required=True)
    sources = fields.List(fields.String(), attribute="figure.sources", required=True)


class ChangeLineView(FigureView):
    """The score at which the change from the baseline's median is reached; null: no baseline, or the scale ends."""

    reached_at = fields.Float(required=True, allow_none=True)


class ImprovedView(FigureView):
    """How many of `of` with both scores improved by at least the change, with 95 % limits (Wilson).

    `count` null: it would tell of few, by itself, by what it leaves, or beside another count.
    """

    of = fields.Integer(required=True)
    count = fields.Integer(required=True, allow_none=True)
    share = fields.Float(required=True, allow_none=True)
    low = fields.Float(required=True, allow_none=True)
    high = fields.Float(required=True, allow_none=True)


class ScoreTimeView(Schema):
    """One time: how many patients have a score, and between what the middle half lies. `day` null: before surgery."""

    day = fields.Integer(required=True, allow_none=True)
    count = fields.Integer(attribute="spread.count", required=True)
    low = fields.Float(attribute="spread.low", required=True)
    median = fields.Float(attribute="spread.median", required=True)
    high = fields.Float(attribute="spread.high", required=True)
    improved = fields.List(fields.Nested(ImprovedView), required=True)


class ScoreCourseView(Schema):
    """One measure. A time at which few have a score is left out."""

    measure = Word(Measure, required=True)
    lowest = fields.Float(attribute="scale.lowest", required=True)
    highest = fields.Float(attribute="scale.highest", required=True)
    unit = fields.String(attribute="scale.unit", required=True)
    is_higher_better = fields.Boolean(attribute="scale.is_higher_better", required=True)
    important_changes = fields.List(fields.Nested(ChangeLineView), attribute="lines", required=True)
    times = fields.List(fields.Nested(ScoreTimeView), required=True)


class ScoreGroupView(Schema):
    """One approach class. `count` null: too few surgeries, of which nothing is told."""

    approach_class = Word(ApproachClass, required=True, allow_none=True)
    count = fields.Integer(required=True, allow_none=True)
    measures = fields.List(fields.Nested(ScoreCourseView), required=True)


class ScoreOutcomeView(Schema):
    """Scores of questionnaires after a procedure, by approach class and by the day that they were asked for."""

    procedure = Word(Procedure, required=True)
    as_of = CivilDate(required=True)
    grade = Word(Grade, required=True)
    note = fields.Nested(BilingualText, required=True)
    smallest_group = fields.Integer(attribute="smallest.group", required=True)
    smallest_cell = fields.Integer(attribute="smallest.cell", required=True)
    groups = fields.List(fields.Nested(ScoreGroupView), required=True)
