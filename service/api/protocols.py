"""Protocols: the clinical content, side by side, and what changed between versions. What ships is a draft."""

from typing import Any

from marshmallow import Schema, fields

from schedules.plan.limit_changes import Matter
from schedules.plan.protocol import SourceMark
from schedules.plan.vocabulary import Approach, ApproachClass, Grade, Phase, Procedure, ProtocolStatus, VersionStatus
from service.api import examples_protocols as examples
from service.api.fields import ID_PATTERN, CivilDate, WholeText, Word
from service.api.resource import Resource
from service.api.scope import caller
from service.care.protocol_view import VersionView, compare_protocols, diff_with, list_protocols, view_protocol
from service.db import current_session

protocols = Resource("protocols", "Versioned clinical content with grades and sources. Not a patient's data.")
_OF_PROTOCOL = (
    "id", "version", "digest", "title", "procedure", "approach_class", "approaches", "min_levels", "max_levels",
)  # fmt: skip
_DAYS = {"description": "Days from the day of surgery, day 0."}


class ProtocolSummary(Schema):
    """One version of a protocol. `status` is draft until a clinician of the clinic signs that version.

    `state` is how far a clinic's own version has come; null for what ships.
    """

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
    state = Word(VersionStatus, allow_none=True, required=True)
    signed_by = fields.String(allow_none=True, required=True, metadata={"description": "The clinician's name."})
    signed_on = CivilDate("the clinic's day of the signature", allow_none=True, required=True)
    based_on = fields.String(allow_none=True, required=True, metadata={"description": "Copied from, as id@version."})
    released_at = fields.AwareDateTime(allow_none=True, required=True)
    retired_at = fields.AwareDateTime(allow_none=True, required=True)


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


class ChangeView(Schema):
    """One change: where in the protocol, what it is about, and in words."""

    where = fields.String(required=True)
    matter = Word(Matter, required=True)
    words = fields.String(required=True)


class VersionDiffView(Schema):
    """What changed from `older` to `newer`. Unless it `redates`, no plan or message gets another day, time or limit."""

    older = fields.String(required=True)
    newer = fields.String(required=True)
    redates = fields.Boolean(required=True)
    changes = fields.List(fields.Nested(ChangeView), required=True)


class DiffQuery(Schema):
    """Against which version."""

    against = fields.String(
        required=True,
        validate=WholeText(f"^{ID_PATTERN}@[1-9][0-9]{{0,5}}$"),
        metadata={"description": "The older version as id@version.", "expected": "an id and version such as MD-MISS@1"},
    )


class CompareQuery(Schema):
    """Which procedure."""

    procedure = Word(Procedure, required=True)


@protocols.get("/protocols")
@protocols.response(200, ProtocolList)
def list_all_protocols() -> Any:
    """List every version of every protocol, the clinic's own last. They are few: there is one page."""
    return {"items": [summary(each) for each in list_protocols(current_session(), caller())], "next": None}


@protocols.get("/protocols/compare")
@protocols.arguments(CompareQuery, location="query")
@protocols.response(200, ComparisonView)
def compare(query: dict[str, Any]) -> Any:
    """Show a procedure's protocols side by side: minimally invasive beside open."""
    comparison = compare_protocols(current_session(), caller(), query["procedure"])
    return {
        "procedure": comparison.procedure,
        "protocols": [summary(each) for each in comparison.protocols],
        "milestones": comparison.milestones,
        "lifting": {each.protocol.id: each.protocol.lifting.phases for each in comparison.protocols},
    }


@protocols.get("/protocols/<id:protocol_id>/versions/<version:version>")
@protocols.tagged(200)
@protocols.response(200, ProtocolDetail)
def get_protocol(protocol_id: str, version: int) -> Any:
    """Return one version of one protocol with its sources."""
    view = view_protocol(current_session(), caller(), protocol_id, version)
    protocol = view.version.protocol
    body = {"milestones": protocol.milestones, "lifting": protocol.lifting.phases, "cited": view.sources}
    return summary(view.version) | body, 200, {"ETag": f'"{view.version.tag}"'}


@protocols.get("/protocols/<id:protocol_id>/versions/<version:version>/diff")
@protocols.arguments(DiffQuery, location="query")
@protocols.response(200, VersionDiffView, example=examples.DIFF)
def get_protocol_diff(query: dict[str, Any], protocol_id: str, version: int) -> Any:
    """Say in words what changed from another version to this one."""
    older_id, _, older_version = query["against"].rpartition("@")
    return diff_with(current_session(), caller(), (protocol_id, version), (older_id, int(older_version)))


def summary(view: VersionView) -> dict[str, Any]:
    """Return a version as `ProtocolSummary` shows it."""
    row, signature = view.row, view.signature
    based = row is not None and row.based_on_id is not None
    return {name: getattr(view.protocol, name) for name in _OF_PROTOCOL} | {
        "status": view.status,
        "state": view.state,
        "signed_by": None if signature is None else signature.signed_by,
        "signed_on": None if signature is None else signature.signed_on,
        "based_on": f"{row.based_on_id}@{row.based_on_version}" if row is not None and based else None,
        "released_at": None if row is None else row.released_at,
        "retired_at": None if row is None else row.retired_at,
    }
