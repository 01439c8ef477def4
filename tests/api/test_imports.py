"""A caseload over HTTP: the same file and the same outcome as the command's."""

from typing import Any

import pytest

from models import Patient
from service.api.examples import CASELOAD
from tests.api.conftest import Caller, Clinic, Look


def send(
    caller: Caller, content: str | bytes, query: str = "", content_type: str = "text/csv"
) -> tuple[int, dict[str, Any]]:
    answer = caller.call("POST", f"/import{query}", data=content, content_type=content_type)
    return answer.status_code, answer.json


def test_a_file_sent_twice_is_loaded_once(coordinator: Caller, clinic: Clinic, look: Look) -> None:
    first, second = send(coordinator, CASELOAD), send(coordinator, CASELOAD)

    assert first[0] == second[0] == 200
    assert first[1]["counts"] == {"loaded": 1, "unchanged": 0, "differs": 0, "refused": 0}
    assert second[1]["counts"] == {"loaded": 0, "unchanged": 1, "differs": 0, "refused": 0}
    assert len(look(Patient, practice_id=clinic.id, mrn="SP200417")) == 1


def test_a_dry_run_stores_nothing(coordinator: Caller, clinic: Clinic, look: Look) -> None:
    status, report = send(coordinator, CASELOAD, "?dry_run=true")

    assert (status, report["dry_run"]) == (200, True)
    assert report["counts"] == {"loaded": 1, "unchanged": 0, "differs": 0, "refused": 0}
    assert look(Patient, practice_id=clinic.id, mrn="SP200417") == []


def test_a_bad_row_is_told_with_line_and_column_and_no_name(coordinator: Caller, clinic: Clinic) -> None:
    status, report = send(coordinator, CASELOAD.replace("maya.okafor@example.org", "not-an-address"))

    assert status == 200
    assert report["counts"] == {"loaded": 0, "unchanged": 0, "differs": 0, "refused": 1}
    (row,) = report["results"]
    assert [(fault["line"], fault["column"]) for fault in row["errors"]] == [(2, "email")]
    assert "not-an-address" not in str(report)


def test_what_is_no_caseload_is_refused_as_a_whole(coordinator: Caller) -> None:
    assert send(coordinator, "name\nMaya\n")[0] == 422
    assert send(coordinator, CASELOAD.encode("utf-16"))[0] == 422
    assert send(coordinator, CASELOAD, content_type="application/json")[0] == 415
    assert send(coordinator, CASELOAD, "?dry_run=maybe")[0] == 422


@pytest.mark.sqlite_only
def test_a_caseload_may_be_larger_than_other_bodies(coordinator: Caller) -> None:
    header, row = CASELOAD.splitlines()
    # Beyond the two mebibytes of other bodies; what counts is that it is read at all.
    status, report = send(coordinator, "\n".join([header, *[row] * 15_000]) + "\n", "?dry_run=true")

    assert (status, report["rows"]) == (200, 15_000)
