"""What a report or a fact said before it was amended, whichever way it was."""

import pytest

from models import (
    CheckIn,
    FormerVersion,
)
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import MONDAY_AFTERNOON
from tests.sync.conftest import Find, Phone, Push, check_in


def test_an_amended_check_in_tells_what_it_said_before_whichever_way_it_was_amended(
    phone: Phone, patient: Caller, coordinator: Caller, clinic: Clinic
) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1", pain=4, note="Bad night")])
    body = {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T14:00:00Z", "pain": 7, "note": "Bad night"}
    stale = patient.put("/check-ins/c-1", body)
    etag = patient.put("/check-ins/c-1", body | {"pain": 4}).headers["ETag"]
    patient.put("/check-ins/c-1", body, match=etag)
    phone.pull()
    phone.push(check_ins=[check_in(clinic, "c-1", pain=7, note="A bad night")])

    told = coordinator.get("/check-ins/c-1/versions").json["items"]

    assert stale.status_code == 428
    assert [each["content"] for each in told] == [{"note": "Bad night"}, {"pain": 4}]
    assert patient.get("/check-ins/c-1/versions").json["items"] == told


def test_an_amended_fact_and_a_changed_report_tell_what_they_said_before(
    patient: Caller, coordinator: Caller, clinic: Clinic, milestone_id: Find
) -> None:
    walk = milestone_id("walk30")
    fact = {"episode_id": clinic.episode.id, "what": "opioid_taken", "observed_at": "2026-03-01T12:00:00Z"}
    etag = patient.put("/observations/o-1", fact).headers["ETag"]
    patient.put("/observations/o-1", fact | {"observed_at": "2026-03-02T12:00:00Z"}, match=etag)
    patient.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-03-01", "note": "No stick"})
    coordinator.post(f"/milestones/{walk}/reopen")

    facts = coordinator.get("/observations/o-1/versions").json["items"]
    reports = patient.get(f"/milestones/{walk}/versions").json["items"]

    assert [each["content"] for each in facts] == [{"observed_at": 1_772_366_400_000}]
    assert [each["content"] for each in reports] == [
        {"achieved_on": "2026-03-01", "note": "No stick", "skip_reason": None}
    ]


@pytest.mark.sqlite_only
def test_former_versions_come_in_pages_the_latest_first(phone: Phone, coordinator: Caller, clinic: Clinic) -> None:
    for pain in (1, 2, 3, 4):
        phone.push(check_ins=[check_in(clinic, "c-1", pain=pain)])
        phone.pull()

    first = coordinator.get("/check-ins/c-1/versions", query_string={"limit": 2}).json
    second = coordinator.get("/check-ins/c-1/versions", query_string={"limit": 2, "after": first["next"]}).json

    assert [each["content"]["pain"] for each in first["items"] + second["items"]] == [3, 2, 1]
    assert second["next"] is None


def test_a_wrong_clock_that_comes_twice_changes_a_report_once(push_with_base: Push, clinic: Clinic, look: Look) -> None:
    row = check_in(clinic, "c-1", reported_at=2_087_820_000_000)
    del row["id"]

    outcomes = [push_with_base("check_ins", "c-1", base=None, **row).outcomes for _ in range(2)]

    assert outcomes == [["stored"], ["unchanged"]]
    assert look(CheckIn)[0].reported_at == MONDAY_AFTERNOON
    assert [row.content for row in look(FormerVersion)] == ['{"reported_at":2087820000000}']
