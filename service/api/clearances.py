"""Clearances: a clinician lifts a limit or takes that back. No day and no message does."""

import hashlib
from typing import Any

from marshmallow import Schema, fields, validate

from schedules.plan.conditions import Ground
from schedules.plan.vocabulary import Condition, Grade, RestrictionKind, WorkClass
from service.api import examples_clearances as examples
from service.api.fields import CivilDate, Id, Instant, Text, Word
from service.api.milestones import ReminderAnswer
from service.api.resource import Resource
from service.api.scope import caller, now, scope, show
from service.care.clearances import ClearanceView, ClearMilestone, clear, revoke, view_clearance
from service.db import current_session

clearances = Resource("clearances", "Limits lifted by a named clinician or a signed rule of the clinic, and revoked.")


class ClearBody(Schema):
    """A clinician's word. `attested` are the conditions that nobody recorded and the clinician vouches for.

    `override` says why a condition is passed over that is known not to hold. `work_class` allows a lighter class of
    work than the patient's own (modified duty); the milestone itself is then not cleared.
    """

    cleared_on = CivilDate("a day from the surgery to today, by default today", load_default=None, allow_none=True)
    attested = fields.List(Word(Condition), load_default=list, validate=validate.Length(max=len(Condition)))
    work_class = Word(WorkClass, load_default=None, allow_none=True)
    override = Text(2000, "why a condition that does not hold is passed over", load_default=None, allow_none=True)


class RevokeBody(Schema):
    """Why the limit holds again."""

    reason = Text(2000, "why it is taken back", required=True)


class ConditionView(Schema):
    """A condition as it stands. `holds` null: not known. `rests_on` is the id of the fact that decided."""

    condition = Word(Condition, required=True)
    holds = fields.Boolean(allow_none=True, required=True)
    ground = Word(Ground, required=True)
    rests_on = Id(allow_none=True, required=True)
    grade = Word(Grade, required=True)
    sources = fields.List(fields.String(), required=True)


class ClearanceRecord(Schema):
    """One clearance. `grounds` say for each condition: met, attested or overridden, and what was known."""

    id = Id(required=True)
    cleared_on = CivilDate(required=True)
    cleared_at = Instant(required=True)
    cleared_by = Id(allow_none=True, required=True)
    rule_id = Id(allow_none=True, required=True)
    work_class = Word(WorkClass, allow_none=True, required=True)
    grounds = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    override = fields.String(allow_none=True, required=True)
    revoked_on = CivilDate(allow_none=True, required=True)
    revoked_at = Instant(allow_none=True, required=True)
    revoked_by = Id(allow_none=True, required=True)
    revoked_because = fields.String(allow_none=True, required=True)


class ClearanceAnswer(Schema):
    """How a milestone's clearance stands. `before` is what must be cleared first: lifting steps, or a class of work.

    `by_rule`: a rule that the clinic has signed may clear it, once every condition holds. `lifts` null: it lifts
    no limit.
    """

    milestone_id = Id(attribute="milestone.id", required=True)
    key = fields.String(attribute="milestone.key", required=True)
    kind = fields.String(attribute="milestone.kind", required=True)
    stage = fields.Integer(attribute="milestone.occurrence", required=True)
    lifts = Word(RestrictionKind, attribute="milestone.lifts", allow_none=True, required=True)
    eligible_on = CivilDate(attribute="milestone.eligible_on", allow_none=True, required=True)
    by_rule = fields.Boolean(required=True)
    conditions = fields.List(fields.Nested(ConditionView), required=True)
    before = fields.List(fields.String(), required=True)
    history = fields.List(fields.Nested(ClearanceRecord), required=True)
    reminders = fields.List(fields.Nested(ReminderAnswer), required=True)


@clearances.get("/milestones/<id:milestone_id>/clearance")
@clearances.tagged(200)
@clearances.response(200, ClearanceAnswer, example=examples.CLEARANCE)
def get_clearance(milestone_id: str) -> Any:
    """Return the conditions of a clearance as they stand now, and every clearance there was."""
    view = view_clearance(current_session(), caller(), milestone_id, now=now())
    told = (view.conditions, view.before, view.milestone.rev, [(row.id, row.rev) for row in view.history])
    return _answer(view), 200, {"ETag": f'"{hashlib.sha256(repr(told).encode()).hexdigest()[:32]}"'}


@clearances.post("/milestones/<id:milestone_id>/clear")
@clearances.arguments(ClearBody, example=examples.CLEAR)
@clearances.response(200, ClearanceAnswer, example=examples.CLEARANCE)
def clear_milestone(body: dict[str, Any], milestone_id: str) -> Any:
    """Lift what the milestone lifts. 409 names each condition that nobody answers for."""
    command = ClearMilestone(**body | {"attested": tuple(body["attested"])})
    return _answer(clear(current_session(), caller(), milestone_id, command, now=now()))


@clearances.post("/milestones/<id:milestone_id>/revoke-clearance")
@clearances.arguments(RevokeBody, example=examples.REVOKE)
@clearances.response(200, ClearanceAnswer, example=examples.CLEARANCE_REVOKED)
def revoke_clearance(body: dict[str, Any], milestone_id: str) -> Any:
    """Take a clearance back: the limit holds again from today, and a task asks to call the patient."""
    return _answer(revoke(current_session(), caller(), milestone_id, reason=body["reason"], now=now()))


def _answer(view: ClearanceView) -> ClearanceView:
    show(view.milestone.patient_id)
    scope().about |= {"milestone_id": view.milestone.id, "clearance_ids": [row.id for row in view.history]}
    return view
