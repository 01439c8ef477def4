"""Use cases: answers to questionnaires are stored as they were given, and listed; one that counts achieves its day.

The scores themselves are computed on reading, see `service.care.scores`.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from models import Milestone, Practice, QuestionnaireAnswer
from schedules.plan.errors import PlanError
from schedules.plan.questionnaires import QUESTIONNAIRE_KINDS, refuse_other_parts
from schedules.plan.scores import scores_of
from schedules.plan.vocabulary import MilestoneKind
from service.care.enrol import clinic_today
from service.care.patients import RequireMatch
from service.care.progress import follow_reports, note_achieved
from service.care.records import AnswersRecord
from service.care.reports import list_reports, put_report
from service.errors import Fault, NotFoundError, from_plan
from service.identity.principal import Principal

_TOLD_AT = "answered_at"


def put_answers(
    session: Session,
    caller: Principal,
    answer_id: str,
    record: AnswersRecord,
    *,
    now: datetime,
    require_match: RequireMatch,
) -> tuple[QuestionnaireAnswer, bool]:
    """Store answers under the client's id. Return the row, and whether it is new.

    Raises as `put_report` does, InvalidError for parts that the instrument does not have, and NotFoundError for a
    milestone that is no questionnaire's of the episode.
    """
    try:
        refuse_other_parts(record.instrument, record.answers)
    except PlanError as error:
        raise from_plan(error) from None
    stored = put_report(
        session, caller, QuestionnaireAnswer, answer_id, record, told_at=_TOLD_AT, now=now, require_match=require_match
    )
    # Only now: before, the answer would tell which milestones another's episode has.
    if record.milestone_id is not None:
        milestone = session.get(Milestone, (caller.practice_id, record.milestone_id))
        if milestone is None or not is_questionnaire_of(milestone, record.episode_id):
            raise NotFoundError(Fault("/milestone_id", "a questionnaire's milestone of the episode", "an unknown id"))
        achieve_answered(session, caller, [(stored[0], milestone)], now)
    return stored


def achieve_answered(
    session: Session, caller: Principal, answered: Iterable[tuple[QuestionnaireAnswer, Milestone]], now: datetime
) -> None:
    """Note the questionnaires' milestones of one patient as achieved on the day of their answers, if those have scores.

    What was answered before its window opened does not count, and a baseline not after its window: it is never
    back-filled. What was reported or cancelled before stays as it is.
    """
    practice = session.get_one(Practice, caller.practice_id)
    achieved = []
    for row, milestone in answered:
        on = min(clinic_today(practice, row.answered_at), clinic_today(practice, now))
        if _counts(row, milestone, on) and note_achieved(session, caller, milestone, on, now):
            achieved.append(milestone)
    follow_reports(session, achieved, now, reason="achieved")


def _counts(row: QuestionnaireAnswer, milestone: Milestone, on: date) -> bool:
    if milestone.cancelled_at is not None or all(each.value is None for each in scores_of(row.instrument, row.answers)):
        return False
    if milestone.kind == MilestoneKind.prom_baseline:
        is_in_time = milestone.latest_on is None or on <= milestone.latest_on
        return is_in_time and (milestone.earliest_on is None or milestone.earliest_on <= on)
    return milestone.earliest_on is not None and milestone.earliest_on <= on


def is_questionnaire_of(milestone: Milestone, episode_id: str) -> bool:
    """Return whether a milestone is a questionnaire's day in an episode's plan, be it cancelled since."""
    return milestone.episode_id == episode_id and milestone.kind in QUESTIONNAIRE_KINDS and not milestone.deleted


def list_answers(
    session: Session, practice_id: str, episode_id: str, *, after: str | None, limit: int
) -> Sequence[QuestionnaireAnswer]:
    """Return up to `limit` answers, the latest first, from the one after the id `after` on."""
    return list_reports(
        session, QuestionnaireAnswer, practice_id, episode_id, told_at=_TOLD_AT, after=after, limit=limit
    )
