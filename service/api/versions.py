"""What a report, or a patient's settings, said before a change."""

from typing import Any

from marshmallow import Schema, fields

from models import CheckIn, FormerVersion, Milestone, MilestoneProgress, ObservedFact, Patient, QuestionnaireAnswer
from models.base import OfPatient
from models.care import Reporter
from service.api import examples_sync as examples
from service.api.fields import Id, Instant, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing
from service.api.scope import caller, show
from service.care.reach import find_patient, find_row
from service.care.versions import list_former_versions
from service.db import current_session
from service.sync.columns import columns_of_text

versions = Resource("versions", "What a report, or a patient's settings, said before a change.")


class VersionView(Schema):
    """What one change replaced, when and in whose name. `content` has the columns that changed, as synchronisation
    sends them. `replaced_by` null: the change is from before that was kept.
    """

    id = Id(required=True)
    replaced_at = Instant(required=True)
    replaced_by = Word(Reporter, required=True, allow_none=True)
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


@versions.get("/patients/<id:patient_id>/versions")
@versions.arguments(PageQuery, location="query")
@versions.response(200, VersionPage)
def list_settings_versions(query: dict[str, Any], patient_id: str) -> Any:
    """List what a patient's settings said before they were changed, by whomever, the latest first."""
    patient = find_patient(current_session(), caller(), patient_id)
    show(patient.id)
    return _page(Patient, patient, query)


def _page_of(report: type[OfPatient], found_by: type[OfPatient], row_id: str, query: dict[str, Any]) -> dict[str, Any]:
    row = find_row(current_session(), caller(), found_by, row_id)
    show(row.patient_id)
    return _page(report, row, query)


def _page(model: type[OfPatient | Patient], row: OfPatient | Patient, query: dict[str, Any]) -> dict[str, Any]:
    after, limit = row_after(query.get("after")), query["limit"]
    rows = list_former_versions(current_session(), model, row, after=after, limit=limit + 1)
    answer = page(rows, limit, lambda version: version.id)
    return answer | {"items": [_version(version) for version in answer["items"]]}


def _version(row: FormerVersion) -> dict[str, Any]:
    told = {"id": row.id, "replaced_at": row.replaced_at, "replaced_by": row.replaced_by}
    return told | {"content": columns_of_text(row.content)}
