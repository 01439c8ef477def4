"""Clearance rules: what a clinic lets its signed rule lift, once every condition holds."""

import hashlib
from typing import Any

from marshmallow import Schema

from models import ClearanceRule
from schedules.plan.vocabulary import MilestoneKind
from service.api import examples_clearances as examples
from service.api.etags import refuse_match_of_nothing
from service.api.fields import Id, Instant, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing
from service.api.scope import caller, now
from service.care.clearance_rules import RuleRecord, list_rules, retire_rule, sign_rule
from service.db import current_session

clearance_rules = Resource("clearance-rules", "Rules that a clinician of the clinic signed: they lift limits.")


class RuleBody(Schema):
    """What the rule covers. Without `protocol_id`: after every protocol."""

    milestone_kind = Word(MilestoneKind, required=True)
    protocol_id = Id(load_default=None, allow_none=True)


class RuleView(RuleBody):
    """A signed rule. It counts until it is retired, and never changes."""

    id = Id(required=True)
    signed_by = Id(required=True)
    signed_at = Instant(required=True)
    retired_by = Id(allow_none=True, required=True)
    retired_at = Instant(allow_none=True, required=True)


class RetireBody(Schema):
    """Nothing: an empty object."""


RulePage = listing(RuleView, "RulePage")


@clearance_rules.get("/clearance-rules")
@clearance_rules.arguments(PageQuery, location="query")
@clearance_rules.response(200, RulePage, example=examples.RULES)
def list_clearance_rules(query: dict[str, Any]) -> Any:
    """List the practice's rules, the retired ones included."""
    after, limit = row_after(query.get("after")), query["limit"]
    rows = list_rules(current_session(), caller().practice_id, after=after, limit=limit + 1)
    return page(rows, limit, lambda row: row.id)


@clearance_rules.put("/clearance-rules/<id:rule_id>")
@clearance_rules.tagged(200, 201, needs_match=True)
@clearance_rules.arguments(RuleBody, example=examples.RULE)
@clearance_rules.response(200, RuleView, example=examples.RULE_ANSWER)
@clearance_rules.alt_response(201, schema=RuleView, success=True)
def sign_clearance_rule(body: dict[str, Any], rule_id: str) -> Any:
    """Sign a rule under your own id. A signed rule never changes: 409 for another body."""
    rule, is_new = sign_rule(current_session(), caller(), rule_id, RuleRecord(**body), now=now())
    if is_new:
        refuse_match_of_nothing()
    return rule, 201 if is_new else 200, {"ETag": _tag(rule)}


@clearance_rules.post("/clearance-rules/<id:rule_id>/retire")
@clearance_rules.arguments(RetireBody)
@clearance_rules.response(200, RuleView, example=examples.RULE_RETIRED)
def retire_clearance_rule(_body: dict[str, Any], rule_id: str) -> Any:
    """Retire a rule. It clears nothing more; what it cleared stays cleared."""
    return retire_rule(current_session(), caller(), rule_id, now=now())


def _tag(rule: ClearanceRule) -> str:
    told = (rule.milestone_kind, rule.protocol_id, rule.signed_by, rule.retired_at)
    return f'"{hashlib.sha256(repr(told).encode()).hexdigest()[:32]}"'
