"""What a report said before it was changed."""

from typing import Any

from marshmallow import Schema, fields

from models import CheckIn, FormerVersion, Milestone, MilestoneProgress, ObservedFact, QuestionnaireAnswer
from models.base import OfPatient
from service.api import examples_sync as examples
from service.api.fields import Id, Instant
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing
from service.api.scope import caller, show
from service.care.reach import find_row
from service.care.versions import list_former_versions
from service.db import current_session
from service.sync.columns import columns_of_text

versions = Resource("versions", "What a report said before it was changed.")


class VersionView(Schema):
    """What one change replaced, and when. `content` has the columns that changed, as synchronisation sends them."""

    id = Id(required=True)
    replaced_at = Instant(required=True)
    content = fields.Dict(keys=fields.String(), required=True)


VersionPage = listing(VersionView, "VersionPage")


@versions.get("/check-ins/<id:check_in_id>/versions")
@versions.arguments(PageQuery, location="query")
@versions.response(200, VersionPage, example=examples.VERSIONS)
def list_check_in_versions(query: dict[str, Any], check_in_id: str) -> Any:
    """List what a check-in said before it was changed, the latest first."""
    return _page_of(CheckIn, CheckIn, check_in_id, query)


@versions.get("/observations/<id:observation_id>/versions")
@versions.arguments(PageQuery, location="query")
@versions.response(200, VersionPage)
def list_observation_versions(query: dict[str, Any], observation_id: str) -> Any:
    """List what a clinical fact said before it was changed, the latest first."""
    return _page_of(ObservedFact, ObservedFact, observation_id, query)


@versions.get("/questionnaire-answers/<id:answer_id>/versions")
@versions.arguments(PageQuery, location="query")
@versions.response(200, VersionPage)
def list_answer_versions(query: dict[str, Any], answer_id: str) -> Any:
    """List what answers to a questionnaire said before they were changed, the latest first."""
    return _page_of(QuestionnaireAnswer, QuestionnaireAnswer, answer_id, query)


@versions.get("/milestones/<id:milestone_id>/versions")
@versions.arguments(PageQuery, location="query")
@versions.response(200, VersionPage)
def list_milestone_versions(query: dict[str, Any], milestone_id: str) -> Any:
    """List what was reported of a milestone before, the latest first."""
    return _page_of(MilestoneProgress, Milestone, milestone_id, query)


def _page_of(report: type[OfPatient], found_by: type[OfPatient], row_id: str, query: dict[str, Any]) -> dict[str, Any]:
    session, after, limit = current_session(), row_after(query.get("after")), query["limit"]
    row = find_row(session, caller(), found_by, row_id)
    show(row.patient_id)
    rows = list_former_versions(session, report, row, after=after, limit=limit + 1)
    answer = page(rows, limit, lambda version: version.id)
    return answer | {"items": [_version(version) for version in answer["items"]]}


def _version(row: FormerVersion) -> dict[str, Any]:
    return {"id": row.id, "replaced_at": row.replaced_at, "content": columns_of_text(row.content)}
