"""What is not strict JSON never reaches a view, and no value is taken for another type."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import Caller, Clinic
from tests.api.shared import Shared, shared_clinic
from tests.database import Databases

pytestmark = pytest.mark.sqlite_only

CHECK_IN = {"reported_at": "2026-03-02T08:30:00Z", "pain": 4}


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


def send(caller: Caller, raw: bytes, content_type: str | None = "application/json") -> Any:
    return caller.call("PUT", "/check-ins/k7Qm2pXcV9sLwRtA", data=raw, content_type=content_type)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"[" * 100_000 + b"]" * 100_000, 400),
        (b'{"pain":' * 100_000 + b"1" + b"}" * 100_000, 400),
        (b'{"pain": ' + b"7" * 5_000 + b"}", 400),
        (b'{"pain": NaN}', 400),
        (b'{"pain": Infinity}', 400),
        (b'{"pain": -Infinity}', 400),
        (b'{"pain": 1e999}', 400),
        (b'{"pain": 1, "pain": 2}', 400),
        (b'{"note": "\xff"}', 400),
        ('{"pain": 1}'.encode("utf-16"), 400),
        (b'\xef\xbb\xbf{"pain": 1}', 400),
        (b'"text"', 400),
        (b"null", 400),
        (b"true", 400),
        (b"7", 400),
        (b'[{"pain": 1}]', 400),
        (b"", 400),
        (b"{", 400),
        (b"{'pain': 1}", 400),
        (b'{"note": "\\u0000"}', 422),
        (b'{"note": "\\ud800"}', 422),
        (b'{"\\ud800": 1}', 422),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else str(value),
)
def test_what_is_not_strict_json_is_refused(coordinator: Caller, raw: bytes, status: int) -> None:
    answer = send(coordinator, raw)

    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json["errors"]


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/json; charset=utf-16", "text/csv"])
def test_another_content_type_is_refused(coordinator: Caller, content_type: str | None) -> None:
    answer = send(coordinator, b'{"pain": 1}', content_type)

    assert answer.status_code == 415


@pytest.mark.parametrize("pain", [11, -1, 1.5, "7", True, 10**308, 10**30, None, [], {}])
def test_a_pain_score_is_a_whole_number_from_0_to_10(coordinator: Caller, clinic: Clinic, pain: object) -> None:
    body = CHECK_IN | {"episode_id": clinic.episode.id, "pain": pain}

    answer = coordinator.put("/check-ins/k7Qm2pXcV9sLwRtA", body)

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == ["/pain"]


@pytest.mark.parametrize(
    "reported_at",
    ["2026-02-30T08:00:00Z", "2026-03-02", "2026-03-02T08:00:00", "0001-01-01T00:00:00+23:59", 20260302, "now", ""],
)
def test_an_instant_is_a_real_one_with_its_offset(coordinator: Caller, clinic: Clinic, reported_at: object) -> None:
    body = CHECK_IN | {"episode_id": clinic.episode.id, "reported_at": reported_at}

    answer = coordinator.put("/check-ins/k7Qm2pXcV9sLwRtA", body)

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == ["/reported_at"]


@pytest.mark.parametrize("born", ["1980-02-30", "0026-10-05", "2031-04-04", "1980-W01-1", "19800101", 1980, True])
def test_a_date_is_one_of_the_calendar_and_plausible(coordinator: Caller, clinic: Clinic, born: object) -> None:
    answer = coordinator.amend(f"/patients/{clinic.patient.id}", {"date_of_birth": born})

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == ["/date_of_birth"]


def test_an_unknown_field_is_refused_with_its_name_and_no_value(coordinator: Caller, clinic: Clinic) -> None:
    body = CHECK_IN | {"episode_id": clinic.episode.id, "weather": "Zyzzyva"}

    answer = coordinator.put("/check-ins/k7Qm2pXcV9sLwRtA", body)

    assert answer.status_code == 422
    assert answer.json["errors"] == [
        {"pointer": "/weather", "expected": "no such field", "got": "text of 7 characters"}
    ]


@pytest.mark.parametrize("field", ["practice_id", "id", "rev", "deleted", "received_at", "reported_by"])
def test_what_the_server_decides_cannot_be_sent(coordinator: Caller, clinic: Clinic, field: str) -> None:
    body = CHECK_IN | {"episode_id": clinic.episode.id, field: "forged"}

    answer = coordinator.put("/check-ins/k7Qm2pXcV9sLwRtA", body)

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == [f"/{field}"]


def test_direction_marks_and_joiners_in_a_note_are_kept(coordinator: Caller, clinic: Clinic) -> None:
    note = "pain \u202eback\u202c, family \U0001f468\u200d\U0001f469 came"
    body = CHECK_IN | {"episode_id": clinic.episode.id, "note": note}

    answer = coordinator.put("/check-ins/with-marks", body)

    assert (answer.status_code, answer.json["note"]) == (201, note)


def test_a_body_beyond_the_limit_is_refused(coordinator: Caller) -> None:
    answer = send(coordinator, json.dumps({"note": "x" * (2 * 1024 * 1024)}).encode())

    assert (answer.status_code, answer.content_type) == (413, "application/problem+json")


def test_a_line_break_in_a_value_that_reaches_no_header_is_kept(coordinator: Caller, clinic: Clinic) -> None:
    answer = coordinator.amend(f"/patients/{clinic.patient.id}", {"given_name": "Ana\r\nSet-Cookie: x"})

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_a_line_break_in_an_email_address_is_refused(coordinator: Caller, clinic: Clinic) -> None:
    answer = coordinator.amend(f"/patients/{clinic.patient.id}", {"email": "ana@example.org\r\nBcc: x@example.org"})

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/email")
