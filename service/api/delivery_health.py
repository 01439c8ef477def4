"""Whether reminders are being delivered, and what the nightly self-audit found."""

from typing import Any

from flask import Response, current_app, jsonify
from marshmallow import Schema, fields

from models.reminder import AttemptOutcome
from models.watch import Invariant
from schedules.watch.judgement import Code, Status
from service.api import examples_watch as examples
from service.api.fields import Id, Instant, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing
from service.api.scope import caller, rhythm, scope
from service.care.delivery_health import judge_delivery, list_self_audits, view_delivery_health
from service.db import begin, current_session, require_fit_schema

delivery_health = Resource(
    "delivery health", "Whether reminders are being delivered, and the service's nightly proof of its own promises."
)


class CauseView(Schema):
    """One reason: for how many seconds it has held, and how many workers or deliveries it concerns."""

    code = Word(Code, required=True)
    seconds = fields.Integer(required=True, allow_none=True)
    count = fields.Integer(required=True, allow_none=True)


class CountedDecisionView(Schema):
    """How many decisions of one kind, reason and channel the practice has had, up to a minute ago."""

    kind = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    channel = fields.String(required=True, allow_none=True)
    count = fields.Integer(required=True)


class CountedWakeView(Schema):
    """How many silent pushes to devices, which wake apps in the background, had one outcome with one provider."""

    provider = fields.String(required=True)
    outcome = Word(AttemptOutcome, required=True)
    count = fields.Integer(required=True)


class SelfAuditView(Schema):
    """What one run found of one invariant.

    `checked` is how much it looked at. `examples` are up to ten ids: of episodes where a plan differs from its rebuild,
    of entries (or `link-N`) where the audit trail is broken, else of reminders.
    """

    id = Id(required=True)
    ran_at = Instant(required=True)
    invariant = Word(Invariant, required=True)
    checked = fields.Integer(required=True)
    violations = fields.Integer(required=True)
    examples = fields.List(Id(), required=True)


class DeliveryHealthView(Schema):
    """How delivery stands, and what the practice has of it.

    `status` is the whole service's: `silent` (no worker ticks), `unheard` (an alert's time is up, and nobody could be
    told of it), `stuck` (a worker hangs), `late` (something due is in nobody's hands), `ok`. `due` are the practice's
    open deliveries that are due, by state; `held` those that may have gone out after a backup that was restored and
    wait for somebody's word. `open_conflicts` are edits on devices that wait to be settled, `refused_rows` what devices
    made in the last week that could not be stored and is not done.
    """

    status = Word(Status, attribute="judgement.status", required=True)
    causes = fields.List(fields.Nested(CauseView), attribute="judgement.causes", required=True)
    judged_at = Instant(required=True)
    due = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    held = fields.Integer(required=True)
    decisions = fields.List(fields.Nested(CountedDecisionView), required=True)
    wakes = fields.List(fields.Nested(CountedWakeView), required=True)
    self_audits = fields.List(fields.Nested(SelfAuditView), required=True)
    open_conflicts = fields.Integer(required=True)
    refused_rows = fields.Integer(required=True)


SelfAuditPage = listing(SelfAuditView, "SelfAuditPage")


def worker_health() -> tuple[Response, int]:
    """Return 200 while reminders are being delivered, else 503. Needs no token, and says no more than the status."""
    require_fit_schema(current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy hides it
    status = judge_delivery(begin(reads=True), scope().clock, rhythm()).status
    return jsonify(status=status), 200 if status is Status.ok else 503


@delivery_health.get("/delivery-health")
@delivery_health.response(200, DeliveryHealthView, example=examples.DELIVERY_HEALTH)
def get_delivery_health() -> Any:
    """Tell whether reminders are being delivered, why not, what is due, and what the last self-audit found."""
    return view_delivery_health(current_session(), caller(), scope().clock, rhythm())


@delivery_health.get("/self-audits")
@delivery_health.arguments(PageQuery, location="query")
@delivery_health.response(200, SelfAuditPage, example=examples.SELF_AUDITS)
def list_audits(query: dict[str, Any]) -> Any:
    """List what the self-audits found in the caller's practice, the newest first."""
    after, limit = row_after(query.get("after")), query["limit"]
    rows = list_self_audits(current_session(), caller().practice_id, after=after, limit=limit + 1)
    return page(rows, limit, lambda row: row.id)
