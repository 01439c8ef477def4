"""Answers to questionnaires: the raw items, or where a licence forbids those, the score that was entered."""

from typing import Any

from marshmallow import Schema, ValidationError, fields
from marshmallow.utils import get_value

from models import Episode, QuestionnaireAnswer
from models.care import Reporter
from schedules.plan.questionnaires import POINTS_OF_SECTION, SECTIONS, STATEMENTS
from schedules.plan.scores import Measure, NotScored, scores_of
from schedules.plan.vocabulary import Instrument
from service.api import examples
from service.api.etags import etag_of, refuse_match_of_nothing, require_match
from service.api.fields import Amount, Id, Instant, Whole, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.api.unmonitored import Unmonitored, unmonitored
from service.care.questionnaires import list_answers, put_answers
from service.care.reach import find_row
from service.care.records import AnswersRecord
from service.db import current_session

questionnaire_answers = Resource(
    "questionnaire-answers", "What patients answer to questionnaires: raw, with the scores that follow."
)


def _different(numbers: list[int]) -> None:
    if len(set(numbers)) != len(numbers):
        raise ValidationError("twice")


def _pain(where: str) -> Whole:
    return Whole(0, 10, f"nrs: pain in the {where}, 0 none, 10 the worst imaginable")


def _t_score(what: str) -> Amount:
    return Amount(0, 100, f"promis: T-score of {what}")


class AnswersBody(Schema):
    """The parts of one instrument, and of no other. A part that was not answered is left out.

    nrs: at least one place. rmdq: the statements that were ticked, which may be none. odi, ndi: percent, or the points
    of a paper form with the number of sections that were answered (ten, if it is left out). eq5d, promis, sf12: at
    least one. mjoa: total. What has items under licence has its score here.
    """

    back = _pain("back")
    leg = _pain("leg")
    neck = _pain("neck")
    arm = _pain("arm")
    ticked = fields.List(
        Whole(1, STATEMENTS, "the statement's number"),
        validate=_different,
        metadata={"expected": f"a list of different statements from 1 to {STATEMENTS} (rmdq)"},
    )
    percent = Amount(0, 100, "odi, ndi: percent")
    points = Amount(0, POINTS_OF_SECTION * SECTIONS, "odi, ndi: the points of all answered sections")
    answered = Whole(1, SECTIONS, "odi, ndi: how many sections were answered")
    index = Amount(-1.1, 1, "eq5d: index by the country's value set")
    vas = Amount(0, 100, "eq5d: visual analogue scale")
    physical_function = _t_score("physical function")
    pain_interference = _t_score("pain interference")
    global_physical = _t_score("global physical health")
    global_mental = _t_score("global mental health")
    physical = Amount(0, 100, "sf12: physical component")
    mental = Amount(0, 100, "sf12: mental component")
    total = Whole(0, 18, "mjoa: total")


class RawAnswers(fields.Nested):
    """Answers are checked, and kept as they came: equal answers stay equal, however often they are sent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(AnswersBody, metadata={"expected": "an object with the instrument's parts"}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, partial: Any = None, **options: Any) -> Any:
        super()._deserialize(value, attr, data, partial, **options)
        return dict(value)


class QuestionnaireAnswerBody(Schema):
    """One answered questionnaire. The phone picks the id, so that sending twice stores once.

    `milestone_id` is the questionnaire's milestone of the plan, null for one that was answered beside the plan.
    """

    episode_id = Id(required=True)
    milestone_id = Id(load_default=None, allow_none=True)
    instrument = Word(Instrument, required=True)
    answered_at = Instant(required=True)
    answers = RawAnswers(required=True)


class ScoreView(Schema):
    """One score by the published rule. `value` is null where it gives none, and `not_scored` says why."""

    measure = Word(Measure, required=True)
    value = Amount(-1.1, 100, "in the measure's own unit", allow_none=True, required=True)
    not_scored = Word(NotScored, allow_none=True, required=True)


class Scores(fields.List[Any]):
    """The scores of an answer, computed from its raw parts on reading."""

    def __init__(self, **options: Any) -> None:
        super().__init__(fields.Nested(ScoreView), **options)

    def get_value(self, obj: Any, attr: str, accessor: Any = None, default: Any = None) -> Any:
        """Return the scores that follow from the answer's instrument and parts."""
        return scores_of(get_value(obj, "instrument"), get_value(obj, "answers"))


class QuestionnaireAnswerView(QuestionnaireAnswerBody):
    """A stored answer, and its scores."""

    scores = Scores(required=True)
    id = Id(required=True)
    reported_by = Word(Reporter, required=True)
    received_at = Instant(required=True)
    rev = fields.Integer(required=True)


class QuestionnaireAnswerAnswer(QuestionnaireAnswerView, Unmonitored):
    """A stored answer, and what to do in an emergency."""


class QuestionnaireAnswerPage(Unmonitored):
    """A page of answers, and what to do in an emergency."""

    items = fields.List(fields.Nested(QuestionnaireAnswerView), required=True)
    next = fields.String(allow_none=True, required=True)


@questionnaire_answers.get("/episodes/<id:episode_id>/questionnaire-answers")
@questionnaire_answers.arguments(PageQuery, location="query")
@questionnaire_answers.response(200, QuestionnaireAnswerPage)
def list_episode_questionnaire_answers(query: dict[str, Any], episode_id: str) -> Any:
    """List an episode's answers to questionnaires, the latest first."""
    session, after, limit = current_session(), row_after(query.get("after")), query["limit"]
    episode = find_row(session, caller(), Episode, episode_id)
    show(episode.patient_id)
    rows = list_answers(session, episode.practice_id, episode.id, after=after, limit=limit + 1)
    return page(rows, limit, lambda row: row.id) | unmonitored(episode.patient_id, calls_nobody=True)


@questionnaire_answers.put("/questionnaire-answers/<id:answer_id>")
@questionnaire_answers.tagged(200, 201, needs_match=True)
@questionnaire_answers.arguments(QuestionnaireAnswerBody, example=examples.QUESTIONNAIRE_ANSWER)
@questionnaire_answers.response(200, QuestionnaireAnswerAnswer)
@questionnaire_answers.alt_response(201, schema=QuestionnaireAnswerAnswer, success=True)
def store_questionnaire_answer(body: dict[str, Any], answer_id: str) -> Any:
    """Store answers under your own id. Sending the same body again changes nothing."""
    session, record = current_session(), AnswersRecord(**body)
    row, is_new = put_answers(session, caller(), answer_id, record, now=now(), require_match=require_match)
    if is_new:
        refuse_match_of_nothing()
    show(row.patient_id)
    session.flush()
    return _told(row), 201 if is_new else 200, {"ETag": etag_of(row)}


def _told(row: QuestionnaireAnswer) -> dict[str, Any]:
    stored = {name: getattr(row, name) for name in QuestionnaireAnswerView().fields if name != "scores"}
    return stored | unmonitored(row.patient_id, calls_nobody=True)
