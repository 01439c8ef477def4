"""Every error is problem+json, says what was expected, and gives away nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from service.api.problems import CONTENT_TYPE
from tests.api.conftest import API, Caller, Clinic
from tests.api.shared import Shared, shared_clinic
from tests.database import Databases

pytestmark = pytest.mark.sqlite_only


@pytest.fixture(scope="module")
def shared(databases: Databases) -> Iterator[Shared]:
    """Yield the clinic of this module."""
    with shared_clinic(databases) as shared:
        yield shared


@pytest.fixture(scope="module")
def coordinator(shared: Shared) -> Caller:
    """Return the clinic's coordinator."""
    return shared.coordinator


@pytest.fixture(scope="module")
def clinic(shared: Shared) -> Clinic:
    """Return the clinic of this module."""
    return shared.clinic


@pytest.fixture(scope="module")
def anonymous(shared: Shared) -> Caller:
    """Return a caller without a token."""
    return shared.anonymous


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/patients/", 404),
        ("GET", "//patients", 404),
        ("GET", "/PATIENTS", 404),
        ("GET", "/patients/%2e%2e", 404),
        ("GET", "/patients/a b", 404),
        ("GET", "/patients/" + "x" * 65, 404),
        ("GET", "/patients/%00", 404),
        ("GET", "/protocols/MD-MISS/versions/0", 404),
        ("GET", "/protocols/MD-MISS/versions/" + "9" * 5_000, 404),
        ("GET", "/protocols/MD-MISS/versions/2", 404),
        ("GET", "/docs/../app.py", 404),
        ("GET", "/docs/secret.js", 404),
        ("DELETE", "/patients", 405),
        ("TRACE", "/patients", 405),
        ("OPTIONS", "/patients", 405),
        ("POST", "/protocols", 405),
        ("GET", "/patients?limit=0", 422),
        ("GET", "/patients?limit=1000000000", 422),
        ("GET", "/patients?limit=+5", 422),
        ("GET", "/patients?limit=1&limit=2", 422),
        ("GET", "/patients?page=-1", 422),
        ("GET", "/patients?mrn=%00", 422),
        ("GET", "/patients?after=forged", 400),
        ("GET", "/protocols/compare", 422),
        ("GET", "/protocols/compare?procedure=hip_replacement", 422),
    ],
)
def test_every_framework_error_is_a_problem(coordinator: Caller, method: str, path: str, status: int) -> None:
    answer = coordinator.call(method, path)

    assert (answer.status_code, answer.content_type) == (status, CONTENT_TYPE)
    assert answer.json["status"] == status
    assert {"type", "title", "code"} <= answer.json.keys()
    text = answer.get_data(as_text=True).lower()
    assert not any(word in text for word in ("traceback", "werkzeug", "flask", "sqlite", "python", "/patients"))


def test_a_405_says_what_is_allowed(coordinator: Caller) -> None:
    answer = coordinator.call("DELETE", "/patients")

    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}


def test_a_method_override_is_not_heeded(coordinator: Caller) -> None:
    answer = coordinator.get("/patients", headers={"X-HTTP-Method-Override": "DELETE"})

    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/patients", "/nowhere", "/docs", "/openapi.json", "/health"])
def test_every_answer_carries_the_security_headers(anonymous: Caller, path: str) -> None:
    headers = anonymous.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers


def test_names_contacts_and_texts_are_never_repeated(coordinator: Caller, clinic: Clinic) -> None:
    body: dict[str, Any] = {
        "mrn": "",
        "given_name": ["Zyzzyva"],
        "family_name": {"Zyzzyva": "Zyzzyva"},
        "date_of_birth": "Zyzzyva",
        "language": "Zyzzyva Quux",
        "country": "Zyzzyva",
        "time_zone": "Zyzzyva/Quux",
        "units": "Zyzzyva Quux",
        "email": "Zyzzyva",
        "phone": 16175550123,
        "Zyzzyva Quux": "Zyzzyva",
        "channels": ["Zyzzyva Quux"],
    }

    answer = coordinator.put("/patients/k7Qm2pXcV9sLwRtA", body)

    assert answer.status_code == 422
    assert "zyzzyva" not in answer.get_data(as_text=True).lower()
    assert "16175550123" not in answer.get_data(as_text=True)
    assert len(answer.json["errors"]) >= 10


def test_codes_numbers_and_dates_are_repeated(coordinator: Caller, clinic: Clinic) -> None:
    body = {"language": "fr", "died_on": "2026-02-30", "channels": ["email", "pigeon"]}

    answer = coordinator.amend(f"/patients/{clinic.patient.id}", body)

    got = {fault["pointer"]: fault["got"] for fault in answer.json["errors"]}
    assert got == {"/language": "fr", "/died_on": "2026-02-30", "/channels/1": "pigeon"}


def test_the_document_is_served_under_its_prefix(anonymous: Caller) -> None:
    answer = anonymous.get("/openapi.json")

    assert answer.json["openapi"] == "3.1.0"
    assert all(path.startswith(API) for path in answer.json["paths"])


@pytest.mark.sqlite_only
def test_an_answer_tells_a_hundred_faults_at_most(anonymous: Caller) -> None:
    answer = anonymous.post("/devices", {f"key_{number}": 1 for number in range(1000)})

    assert (answer.status_code, len(answer.json["errors"])) == (422, 100)
