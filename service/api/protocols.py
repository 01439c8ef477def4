"""Protocols: the clinical content, and a procedure's protocols side by side. Shipped content is a draft."""

from typing import Any

from marshmallow import Schema, fields

from schedules.plan.protocol import Protocol, SourceMark
from schedules.plan.vocabulary import Approach, ApproachClass, Grade, Phase, Procedure, ProtocolStatus
from service.api.fields import Word
from service.api.resource import Resource
from service.care.protocol_view import Comparison, compare_protocols, list_protocols, view_protocol

protocols = Resource("protocols", "Versioned clinical content with grades and sources. Not a patient's data.")
_DAYS = {"description": "Days from the day of surgery, day 0."}


class ProtocolSummary(Schema):
    """One version of a protocol. `status` is draft until a clinician of the clinic signs that version."""

    id = fields.String(required=True)
    version = fields.Integer(required=True)
    digest = fields.String(required=True, metadata={"description": "SHA-256 over its content, in hex."})
    title = fields.String(required=True)
    status = Word(ProtocolStatus, required=True)
    procedure = Word(Procedure, required=True)
    approach_class = Word(ApproachClass, allow_none=True, required=True)
    approaches = fields.List(Word(Approach), required=True)
    min_levels = fields.Integer(required=True)
    max_levels = fields.Integer(allow_none=True, required=True)


class WindowView(Schema):
    """When a milestone should happen, with its grade and sources."""

    earliest_days = fields.Integer(allow_none=True, metadata=_DAYS)
    target_days = fields.Integer(allow_none=True, metadata=_DAYS)
    latest_days = fields.Integer(allow_none=True, metadata=_DAYS)
    grade = Word(Grade, allow_none=True)
    sources = fields.List(fields.String())
    note = fields.String(allow_none=True)


class MilestoneTemplateView(WindowView):
    """A milestone of a protocol."""

    key = fields.String(required=True)
    kind = fields.String(required=True)
    phase = Word(Phase, required=True)


class LiftingPhaseView(Schema):
    """A lifting limit over a span of days; without `through_days` it holds until a clinician clears it."""

    from_days = fields.Integer(required=True, metadata=_DAYS)
    through_days = fields.Integer(allow_none=True, required=True, metadata=_DAYS)
    limit_lb = fields.Integer(required=True, metadata={"description": "Pounds."})
    condition = fields.String(allow_none=True)
    grade = Word(Grade)
    sources = fields.List(fields.String())
    note = fields.String(allow_none=True)


class SourceView(Schema):
    """An entry of the bibliography. `mark` says whether the figure itself was read."""

    id = fields.String(required=True)
    citation = fields.String(required=True)
    address = fields.String(allow_none=True)
    mark = Word(SourceMark)
    remark = fields.String(allow_none=True)


class ProtocolDetail(ProtocolSummary):
    """A protocol with its content and the sources that it cites."""

    milestones = fields.List(fields.Nested(MilestoneTemplateView), required=True)
    lifting = fields.List(fields.Nested(LiftingPhaseView), required=True)
    cited = fields.List(fields.Nested(SourceView), required=True)


class ProtocolList(Schema):
    """Every version of every protocol."""

    items = fields.List(fields.Nested(ProtocolSummary), required=True)
    next = fields.String(allow_none=True, required=True)


class ComparedRow(Schema):
    """One milestone by protocol id, null where a protocol has none. `differs` is about its days."""

    key = fields.String(required=True)
    differs = fields.Boolean(required=True)
    by_protocol = fields.Dict(keys=fields.String(), values=fields.Nested(WindowView, allow_none=True), required=True)


class ComparisonView(Schema):
    """The newest protocols of a procedure side by side."""

    procedure = Word(Procedure, required=True)
    protocols = fields.List(fields.Nested(ProtocolSummary), required=True)
    milestones = fields.List(fields.Nested(ComparedRow), required=True)
    lifting = fields.Dict(keys=fields.String(), values=fields.List(fields.Nested(LiftingPhaseView)), required=True)


class CompareQuery(Schema):
    """Which procedure."""

    procedure = Word(Procedure, required=True)


@protocols.get("/protocols")
@protocols.response(200, ProtocolList)
def list_all_protocols() -> Any:
    """List every version of every protocol. They are few: there is one page."""
    return {"items": list_protocols(), "next": None}


@protocols.get("/protocols/compare")
@protocols.arguments(CompareQuery, location="query")
@protocols.response(200, ComparisonView)
def compare(query: dict[str, Any]) -> Any:
    """Show a procedure's protocols side by side: minimally invasive beside open."""
    comparison: Comparison = compare_protocols(query["procedure"])
    return {
        "procedure": comparison.procedure,
        "protocols": comparison.protocols,
        "milestones": comparison.milestones,
        "lifting": {protocol.id: protocol.lifting.phases for protocol in comparison.protocols},
    }


@protocols.get("/protocols/<id:protocol_id>/versions/<version:version>")
@protocols.response(200, ProtocolDetail)
def get_protocol(protocol_id: str, version: int) -> Any:
    """Return one version of one protocol with its sources."""
    view = view_protocol(protocol_id, version)
    return _summary(view.protocol) | {
        "milestones": view.protocol.milestones,
        "lifting": view.protocol.lifting.phases,
        "cited": view.sources,
    }


def _summary(protocol: Protocol) -> dict[str, Any]:
    return {name: getattr(protocol, name) for name in ProtocolSummary().fields}
