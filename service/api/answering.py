"""How soon the clinic's alerts must be in hand: the defaults, and what its admin has set in their place."""

from typing import Any

from marshmallow import Schema, fields

from schedules.plan.vocabulary import AlertUrgency, Grade
from service.api import examples_answering as examples
from service.api.etags import require_tag
from service.api.fields import Id, Instant, Text, Whole, Word
from service.api.resource import Resource
from service.api.scope import caller, now, scope
from service.care.answering import (
    LONGEST_REASON,
    AnsweringRecord,
    AnsweringStanding,
    list_answering,
    reset_answering,
    set_answering,
)
from service.db import current_session
from service.identity.sessions import require_fresh

answering = Resource(
    "alert answering",
    "How soon alerts must be in hand. No source states it: defaults and bounds are of grade E. No patient's data.",
)


class AlertAnsweringBody(Schema):
    """Waits within the urgency's bounds, in minutes. `reason`: needed where one is longer than the default."""

    acknowledge_minutes = Whole(1, 1440, "minutes", required=True)
    escalate_minutes = Whole(1, 1440, "minutes", required=True)
    reason = Text(LONGEST_REASON, "why a wait is longer than the default", load_default=None, allow_none=True)


class WaitsView(Schema):
    """Minutes until an alert must be in hand, and that each further round of calls is given."""

    acknowledge_minutes = fields.Integer(required=True)
    escalate_minutes = fields.Integer(required=True)


class WaitBoundsView(Schema):
    """Between which minutes they may be set: both from `shortest`. Nor may what is more urgent wait longer."""

    shortest = fields.Integer(required=True)
    longest_acknowledge = fields.Integer(required=True)
    longest_escalate = fields.Integer(required=True)


class AlertAnsweringView(Schema):
    """One urgency: what holds, the default and its bounds. `set_by` null: nobody has set it anew.

    `is_longer`: a wait is longer than the default, for the `reason` that was given.
    """

    urgency = Word(AlertUrgency, required=True)
    holds = fields.Nested(WaitsView, required=True)
    default = fields.Nested(WaitsView, required=True)
    bounds = fields.Nested(WaitBoundsView, required=True)
    grade = Word(Grade, attribute="holds.grade", required=True)
    is_longer = fields.Boolean(required=True)
    reason = fields.String(attribute="own.reason", dump_default=None, required=True, allow_none=True)
    set_at = Instant(attribute="own.set_at", dump_default=None, required=True, allow_none=True)
    set_by = Id(attribute="own.set_by", dump_default=None, required=True, allow_none=True)
    etag = fields.String(attribute="tag", required=True, metadata={"description": "What If-Match of a change names."})


class AlertAnsweringList(Schema):
    """Every urgency that calls somebody, the most urgent first."""

    items = fields.List(fields.Nested(AlertAnsweringView), required=True)


@answering.get("/alert-answering")
@answering.response(200, AlertAnsweringList, example=examples.ANSWERINGS)
def list_alert_answering() -> Any:
    """Return how soon the clinic's alerts must be in hand, and what was set in the place of the defaults."""
    return {"items": list_answering(current_session(), caller().practice_id)}


@answering.put("/alert-answering/<id:urgency>")
@answering.tagged(200, needs_match=True)
@answering.arguments(AlertAnsweringBody, example=examples.BODY)
@answering.response(200, AlertAnsweringView, example=examples.ANSWERING)
def store_alert_answering(body: dict[str, Any], urgency: str) -> Any:
    """Set how soon alerts of an urgency must be in hand, for the clinic's admin. If-Match: the urgency's `etag`.

    It holds for alerts that are raised, and rounds that are called, from then on. In a session it asks for a fresh
    second factor: 403 `step_up_required`.
    """
    require_fresh(caller(), now())
    record = AnsweringRecord(**body)
    set_answering(current_session(), caller(), urgency, record, require_tag=require_tag, now=now())
    current_session().flush()
    standing = _standing(urgency)
    note_answering(standing)
    return standing, 200, {"ETag": f'"{standing.tag}"'}


@answering.delete("/alert-answering/<id:urgency>")
@answering.response(204)
def delete_alert_answering(urgency: str) -> Any:
    """Let the default hold again, for the clinic's admin. In a session it asks for a fresh second factor."""
    require_fresh(caller(), now())
    reset_answering(current_session(), caller(), urgency)
    current_session().flush()
    note_answering(_standing(urgency))
    return ""


def note_answering(standing: AnsweringStanding) -> None:
    """Name what was set in the audit trail: the urgency and minutes, never the reason."""
    holds = standing.holds
    scope().about.update(
        urgency=standing.urgency.value,
        acknowledge_minutes=holds.acknowledge_minutes,
        escalate_minutes=holds.escalate_minutes,
    )


def _standing(urgency: str) -> AnsweringStanding:
    return next(each for each in list_answering(current_session(), caller().practice_id) if each.urgency == urgency)
