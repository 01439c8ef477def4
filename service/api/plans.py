"""The plan of an episode on a day: milestones, restrictions, what comes next."""

from typing import Any

from marshmallow import Schema, fields

from models import Episode
from schedules.plan.vocabulary import (
    Binding,
    CancelReason,
    Grade,
    MilestoneState,
    Owner,
    PastPolicy,
    Phase,
    Procedure,
    ProtocolStatus,
    RestrictionKind,
    SkipReason,
    SurgeryStatus,
)
from service.api import examples_plan as examples
from service.api.fields import CivilDate, Id, Word
from service.api.resource import Resource
from service.api.scope import caller, now, show
from service.care.enrol import clinic_today
from service.care.plan_view import view_plan
from service.care.reach import find_row, practice_of
from service.db import current_session

plans = Resource("plans", "What should happen when, as it stands on a day of the clinic's calendar.")
_DAYS = {"description": "Days from the day of surgery, day 0."}


class PlanQuery(Schema):
    """On which day the plan is looked at."""

    as_of = CivilDate("a day of the clinic's calendar such as 2026-03-02, by default today")


class BilingualText(Schema):
    """One text in every language."""

    en = fields.String(required=True)
    es = fields.String(required=True)


class MilestoneOnDay(Schema):
    """A milestone: its window, its state on the day, and where the figures come from.

    `eligible_on` is the first day on which all day conditions hold, `binds` what fixes it. Where `lifts` is set, that
    day allows nothing: a clinician clears it. Without a date (the surgery's is not known) there are offsets only.
    """

    id = Id(attribute="row.id", required=True)
    key = fields.String(attribute="row.key", required=True)
    kind = fields.String(attribute="row.kind", required=True)
    stage = fields.Integer(attribute="row.occurrence", required=True)
    phase = Word(Phase, attribute="row.phase", required=True)
    state = Word(MilestoneState, required=True)
    patient_text = fields.Nested(
        BilingualText, required=True, metadata={"description": "The state in words that a patient may read."}
    )
    pod = fields.Integer(attribute="pod", allow_none=True, metadata={"description": "Postoperative day of the target."})
    earliest_days = fields.Integer(attribute="row.earliest_days", allow_none=True, metadata=_DAYS)
    target_days = fields.Integer(attribute="row.target_days", allow_none=True, metadata=_DAYS)
    latest_days = fields.Integer(attribute="row.latest_days", allow_none=True, metadata=_DAYS)
    eligible_days = fields.Integer(attribute="row.eligible_days", allow_none=True, metadata=_DAYS)
    earliest_on = CivilDate(attribute="row.earliest_on", allow_none=True)
    target_on = CivilDate(attribute="row.target_on", allow_none=True)
    latest_on = CivilDate(attribute="row.latest_on", allow_none=True)
    eligible_on = CivilDate(attribute="row.eligible_on", allow_none=True)
    not_before_on = CivilDate(attribute="row.not_before_on", allow_none=True)
    binds = Word(Binding, attribute="row.binds")
    binding_procedure = Word(Procedure, attribute="row.binding_procedure")
    binding_stage = fields.Integer(attribute="row.binding_stage")
    superseded_on = CivilDate(attribute="row.superseded_on", allow_none=True)
    superseded_by = fields.Integer(
        attribute="row.superseded_by", allow_none=True, metadata={"description": "The stage that takes its place."}
    )
    first_stage_days = fields.Integer(
        allow_none=True, metadata={"description": "Days from the episode's first surgery to the target."}
    )
    lifts = Word(RestrictionKind, attribute="row.lifts", allow_none=True)
    owner = Word(Owner, attribute="row.owner")
    grade = Word(Grade, attribute="row.grade", allow_none=True)
    sources = fields.List(fields.String(), attribute="row.sources")
    note = fields.String(attribute="row.note", allow_none=True)
    text = fields.Nested(BilingualText, attribute="row.text", allow_none=True)
    past_policy = Word(PastPolicy, attribute="row.past_policy", allow_none=True)
    achieved_on = CivilDate(attribute="achieved_on", allow_none=True)
    cleared_on = CivilDate(allow_none=True)
    skip_reason = Word(SkipReason, attribute="skip_reason", allow_none=True)
    cancel_reason = Word(CancelReason, attribute="row.cancel_reason", allow_none=True)


class RestrictionOnDay(Schema):
    """A limit over a span of days, and whether it holds on the day. Without `through_*` a clinician ends it.

    `limit_lb` is the plan's figure, `limit_lb_on_day` what holds on the day: a clearance for work raises it.
    """

    id = Id(attribute="row.id", required=True)
    kind = Word(RestrictionKind, attribute="row.kind", required=True)
    stage = fields.Integer(attribute="row.occurrence", required=True)
    active = fields.Boolean(attribute="on_day.active", required=True)
    ended_on = CivilDate(
        "the first day on which it held no more", attribute="on_day.ended_on", allow_none=True, required=True
    )
    from_days = fields.Integer(attribute="row.from_days", metadata=_DAYS)
    through_days = fields.Integer(attribute="row.through_days", allow_none=True, metadata=_DAYS)
    from_on = CivilDate(attribute="row.from_on", allow_none=True)
    through_on = CivilDate(attribute="row.through_on", allow_none=True)
    eligible_on = CivilDate(attribute="row.eligible_on", allow_none=True)
    lifted_by = fields.String(attribute="row.lifted_by", allow_none=True)
    lifted_by_stage = fields.Integer(attribute="row.lifted_by_occurrence", allow_none=True)
    condition = fields.String(attribute="row.condition", allow_none=True)
    limit_lb = fields.Integer(attribute="row.limit_lb", allow_none=True, metadata={"description": "Pounds."})
    limit_lb_on_day = fields.Integer(
        attribute="on_day.limit_lb", allow_none=True, metadata={"description": "Pounds that hold on the day."}
    )
    limit_minutes = fields.Integer(
        attribute="row.limit_minutes", allow_none=True, metadata={"description": "Minutes at a time."}
    )
    text = fields.Nested(BilingualText, attribute="row.text")
    binding_procedure = Word(Procedure, attribute="row.binding_procedure")
    binding_stage = fields.Integer(attribute="row.binding_stage")
    grade = Word(Grade, attribute="row.grade", allow_none=True)
    sources = fields.List(fields.String(), attribute="row.sources")
    cancel_reason = Word(CancelReason, attribute="row.cancel_reason", allow_none=True)


class StageOnDay(Schema):
    """One surgery of the episode. `protocol_status` is draft until a clinician of the clinic signs that version."""

    id = Id(attribute="surgery.id", required=True)
    stage = fields.Integer(attribute="surgery.stage", required=True)
    procedure = Word(Procedure, attribute="surgery.procedure", required=True)
    status = Word(SurgeryStatus, attribute="surgery.status", required=True)
    surgery_on = CivilDate(attribute="surgery.surgery_on", allow_none=True)
    pod = fields.Integer(allow_none=True, metadata={"description": "Postoperative day; negative before surgery."})
    protocol_id = fields.String(attribute="surgery.protocol_id")
    protocol_version = fields.Integer(attribute="surgery.protocol_version")
    protocol_status = Word(ProtocolStatus)
    signed_by = fields.String(attribute="signature.signed_by", metadata={"description": "The clinician's name."})
    signed_on = CivilDate(attribute="signature.signed_on")


class PlanOnDay(Schema):
    """The whole plan on one day of the clinic's calendar. `next` are the three items that fall due next."""

    episode_id = Id(attribute="episode.id", required=True)
    as_of = CivilDate(required=True)
    surgeries = fields.List(fields.Nested(StageOnDay), required=True)
    milestones = fields.List(fields.Nested(MilestoneOnDay), required=True)
    restrictions = fields.List(fields.Nested(RestrictionOnDay), required=True)
    next = fields.List(fields.Nested(MilestoneOnDay), required=True)


@plans.get("/episodes/<id:episode_id>/plan")
@plans.tagged(200)
@plans.arguments(PlanQuery, location="query")
@plans.response(200, PlanOnDay, example=examples.PLAN)
def get_plan(query: dict[str, Any], episode_id: str) -> Any:
    """Return the plan as it stands on a day. Its ETag changes with the day, since states follow from it."""
    session, who = current_session(), caller()
    episode = find_row(session, who, Episode, episode_id)
    show(episode.patient_id)
    practice = practice_of(session, who)
    plan = view_plan(session, practice, episode, query.get("as_of") or clinic_today(practice, now()), now())
    return plan, 200, {"ETag": f'"{plan.mark}-{plan.as_of}"'}
