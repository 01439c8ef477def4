"""The document is valid OpenAPI 3.1, complete, and is shown without asking any other server."""

import re
from typing import Any

import pytest

from service.api import (
    examples,
    examples_access,
    examples_passkeys,
    examples_providers,
    examples_sign_in,
    examples_sync,
)
from service.api.access_log import AccessPage
from service.api.check_ins import CheckInBody
from service.api.conflicts import ConflictPage, RefusedRowPage, ResolveBody
from service.api.document import STATIC
from service.api.episodes import EpisodeBody, EpisodePatch
from service.api.inbound_messages import InboundMessagePage
from service.api.milestones import AchieveBody, ReportedView, SkipBody
from service.api.passkey_bodies import NewPasskeyBody, PasskeyAnswerBody, SignInPasskeyBody
from service.api.patients import PatientBody, PatientPatch
from service.api.providers import MailEventsBody
from service.api.push_addresses import PushAddressBody
from service.api.questionnaire_answers import QuestionnaireAnswerBody
from service.api.reminders import ReminderView, SnoozeBody, SnoozedView
from service.api.sign_in_bodies import (
    AccountView,
    AuthenticatorCodeBody,
    AuthenticatorView,
    ChallengeBody,
    CodeBody,
    FirstSessionView,
    FirstStepView,
    NewPasswordBody,
    PasswordBody,
    SecondFactorBody,
    SecondFactorFields,
    SessionsView,
    SessionTokenView,
    SignInBody,
)
from service.api.sign_in_provider import SignInProviderBody
from service.api.sign_ins import DeviceBody, EnrolmentBody, EnrolmentView
from service.api.surgeries import SurgeryBody, SurgeryPatch
from service.api.versions import VersionPage
from service.identity.callers import ANYONE
from service.identity.roles import WHO_MAY
from service.sync.digest import DigestAnswer, DigestBody
from tests.api.conftest import Caller

# A device alone knows and changes its push address: there is nobody's change that it could undo. A provider of sign-ins
# is given whole, with its secret, which nobody has read.
WITHOUT_MATCH = {
    "PUT /api/v1/push-address",
    "PUT /api/v1/me/alert-addresses/{channel}",
    "PUT /api/v1/letter-releases/{release_id}",
    "PUT /api/v1/letters/{letter_id}",
    "PUT /api/v1/opioid-tapers/{taper_id}",
    "PUT /api/v1/wound-photos/{photo_id}",
    "PUT /api/v1/clinical-events/{event_id}",  # never changes what is stored
    "PUT /api/v1/practice/sign-in-provider",
}

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def document(anonymous: Caller) -> dict[str, Any]:
    """Return the served document."""
    return dict(anonymous.get("/openapi.json").json)


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    from openapi_spec_validator import validate  # takes seconds, which every process of a run would wait for

    validate(document)

    assert document["openapi"] == "3.1.0"


def test_every_route_of_the_role_table_is_documented(document: dict[str, Any]) -> None:
    others = r" /$|/health|/docs|/openapi.json| /m/| /pages/| /calendar/| /clinic"
    told = {route for route in WHO_MAY if not re.search(others, route)}

    assert set(operations(document)) == told


def test_every_operation_names_itself_its_refusals_and_its_sign_in(document: dict[str, Any]) -> None:
    named = [operation["operationId"] for operation in operations(document).values()]

    assert len(set(named)) == len(named)
    for route, operation in operations(document).items():
        assert operation["summary"], route
        assert {"401", "422", "503", "default"} <= operation["responses"].keys(), route
        assert bool(operation["security"]) == (WHO_MAY[route] is not ANYONE), route
        if route.startswith(("PUT", "PATCH")) and route not in WITHOUT_MATCH:
            assert {"409", "412", "428"} <= operation["responses"].keys(), route
            assert [each["name"] for each in operation["parameters"]] == ["If-Match"], route


def test_every_post_that_changes_something_for_a_caller_takes_a_key(document: dict[str, Any]) -> None:
    for route, operation in operations(document).items():
        is_of_a_caller = route.startswith("POST") and WHO_MAY[route] is not ANYONE
        takes_key = is_of_a_caller and not re.search("/simulations$|/sync/|/me/|/service-accounts|/staff", route)
        headers = [each["name"] for each in operation.get("parameters", []) if each.get("in") == "header"]
        successes = [answer for status, answer in operation["responses"].items() if status.startswith("2")]

        assert ("Idempotency-Key" in headers) == takes_key, route
        assert all(("Idempotency-Replayed" in each.get("headers", {})) == takes_key for each in successes), route
        if takes_key:
            assert {"400", "409", "422"} <= operation["responses"].keys(), route
    assert "Retry-After" in document["components"]["responses"]["CONFLICT"]["headers"]


def test_a_query_is_documented_beside_the_headers(document: dict[str, Any]) -> None:
    def parameters(route: str) -> list[str]:
        return [each["name"] for each in operations(document)[route]["parameters"]]

    assert parameters("GET /api/v1/episodes/{episode_id}/plan") == ["as_of", "If-None-Match"]
    assert parameters("GET /api/v1/patients/{patient_id}/limits") == ["on", "If-None-Match"]
    assert parameters("POST /api/v1/import") == ["dry_run", "Idempotency-Key"]


def test_refusals_are_documented_as_problems(document: dict[str, Any]) -> None:
    for status, response in document["components"]["responses"].items():
        if status != "NOT_MODIFIED":
            assert list(response["content"]) == ["application/problem+json"], status


def test_every_enumeration_names_its_type(document: dict[str, Any]) -> None:
    def enumerations(node: Any) -> list[dict[str, Any]]:
        if isinstance(node, list):
            return [found for each in node for found in enumerations(each)]
        if not isinstance(node, dict):
            return []
        inner = [found for each in node.values() for found in enumerations(each)]
        return [*inner, node] if isinstance(node.get("enum"), list) else inner

    assert enumerations(document)
    assert all("type" in each for each in enumerations(document))


def test_the_examples_fit_their_schemas() -> None:
    assert PatientBody().validate(examples.PATIENT) == {}
    assert PatientPatch().validate(examples.PATIENT_CHANGE) == {}
    assert EpisodeBody().validate(examples.EPISODE) == {}
    assert EpisodePatch().validate(examples.EPISODE_CHANGE) == {}
    assert SurgeryBody().validate(examples.SURGERY) == {}
    assert SurgeryPatch().validate(examples.SURGERY_CHANGE) == {}
    assert CheckInBody().validate(examples.CHECK_IN) == {}
    assert QuestionnaireAnswerBody().validate(examples.QUESTIONNAIRE_ANSWER) == {}
    assert AchieveBody().validate(examples.ACHIEVE) == {}
    assert SkipBody().validate(examples.SKIP) == {}
    assert EnrolmentBody().validate(examples.ENROLMENT) == {}
    assert EnrolmentView().validate(examples.ENROLMENT_ANSWER) == {}
    assert PushAddressBody().validate(examples.PUSH_ADDRESS) == {}
    assert DeviceBody().validate(examples.DEVICE) == {}
    assert MailEventsBody().validate(examples_providers.MAIL_EVENTS) == {}
    assert InboundMessagePage().validate(examples_providers.INBOUND_MESSAGES) == {}
    assert ConflictPage().validate(examples_sync.CONFLICTS) == {}
    assert ResolveBody().validate(examples_sync.RESOLVE) == {}
    assert RefusedRowPage().validate(examples_sync.REFUSED_ROWS) == {}
    assert AccessPage().validate(examples_access.ACCESSES) == {}
    assert VersionPage().validate(examples_sync.VERSIONS) == {}
    assert SignInBody().validate(examples_sign_in.SIGN_IN) == {}
    assert NewPasswordBody().validate(examples_sign_in.NEW_PASSWORD) == {}
    assert ChallengeBody().validate(examples_sign_in.CHALLENGE) == {}
    assert SecondFactorBody().validate(examples_sign_in.SECOND_FACTOR) == {}
    assert CodeBody().validate(examples_sign_in.CONFIRM_AT_SIGN_IN) == {}
    assert SecondFactorFields().validate(examples_sign_in.STEP_UP) == {}
    assert PasswordBody().validate(examples_sign_in.PASSWORD) == {}
    assert AuthenticatorCodeBody().validate(examples_sign_in.AUTHENTICATOR_CODE) == {}
    assert FirstStepView().validate(examples_sign_in.FIRST_STEP) == {}
    assert AuthenticatorView().validate(examples_sign_in.AUTHENTICATOR) == {}
    assert SessionTokenView().validate(examples_sign_in.SESSION_TOKEN) == {}
    assert FirstSessionView().validate(examples_sign_in.FIRST_SESSION) == {}
    assert SessionsView().validate(examples_sign_in.SESSIONS) == {}
    assert SignInPasskeyBody().validate(examples_passkeys.ASK) == {}
    assert PasskeyAnswerBody().validate(examples_passkeys.ANSWER) == {}
    assert SignInProviderBody().validate(examples_sign_in.NEW_PROVIDER) == {}
    assert NewPasskeyBody().validate(examples_passkeys.NEW) == {}
    assert examples_sign_in.ACCOUNT.keys() == AccountView().fields.keys()
    assert DigestBody().validate(examples_sync.DIGEST) == {}
    assert DigestAnswer().validate(examples_sync.DIGEST_ANSWER) == {}
    assert SnoozeBody().validate(examples.SNOOZE) == {}
    assert examples.SNOOZED.keys() == SnoozedView().fields.keys()
    assert examples.ACKNOWLEDGED.keys() == ReminderView().fields.keys()
    assert examples.REPORTED.keys() == ReportedView().fields.keys()


def test_the_docs_page_asks_no_other_server(anonymous: Caller) -> None:
    page = anonymous.get("/docs")
    files = re.findall(r'(?:src|href)="([^"]+)"', page.get_data(as_text=True))

    assert page.status_code == 200
    assert files
    assert all(anonymous.get(f"/{name}").status_code == 200 for name in files)
    assert "http" not in page.get_data(as_text=True)
    assert "unsafe-eval" not in page.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"].split("style-src")[0]


def test_the_vendored_page_comes_with_its_licence() -> None:
    assert "Apache License" in (STATIC / "LICENSE").read_text()
