"""Visits and imaging: booked and ended by staff, read by the patient, and achieved where they took place."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from models import MilestoneProgress, Visit
from tests.api.conftest import Caller, Clinic, Look

PATH = "/visits/Zq3MdIATlIFVMwSK"
Find = Callable[[str], str]


def visit(clinic: Clinic, **changes: Any) -> dict[str, Any]:
    told = {"episode_id": clinic.episode.id, "kind": "follow_up", "state": "booked"}
    return told | {"booked_for": "2026-03-02T09:00:00-05:00"} | changes


def test_a_visit_is_booked_and_its_end_noted(
    coordinator: Caller, patient: Caller, clinic: Clinic, milestone_id: Find, look: Look
) -> None:
    of_wound = visit(clinic, kind="wound_check", milestone_id=milestone_id("incision"), note="Bring the brace")
    first = coordinator.put(PATH, of_wound)
    again = coordinator.put(PATH, of_wound)
    without = coordinator.put(PATH, of_wound | {"state": "done"})
    done = coordinator.put(PATH, of_wound | {"state": "done"}, match=first.headers["ETag"])

    assert [each.status_code for each in (first, again, without, done)] == [201, 200, 428, 200]
    (progress,) = look(MilestoneProgress, practice_id=clinic.id, id=milestone_id("incision"))
    assert (progress.achieved_on, progress.reported_by) == (date(2026, 3, 2), "staff")
    (item,) = patient.get(f"/episodes/{clinic.episode.id}/visits").json["items"]
    assert (item["state"], item["booked_for"], item["note"]) == ("done", "2026-03-02T14:00:00Z", None)
    assert coordinator.get(f"/episodes/{clinic.episode.id}/visits").json["items"][0]["note"] == "Bring the brace"
    (row,) = look(Visit, practice_id=clinic.id)
    assert b"brace" not in (row.note_sealed or b"")


def test_who_did_not_come_has_achieved_nothing(
    coordinator: Caller, clinic: Clinic, milestone_id: Find, look: Look
) -> None:
    coordinator.put(PATH, visit(clinic, kind="wound_check", state="no_show", milestone_id=milestone_id("incision")))

    assert look(MilestoneProgress, practice_id=clinic.id) == []


@pytest.mark.sqlite_only
def test_a_visit_never_lifts_a_limit(coordinator: Caller, clinic: Clinic, milestone_id: Find, look: Look) -> None:
    answer = coordinator.put(PATH, visit(clinic, state="done", milestone_id=milestone_id("drive")))

    assert (answer.status_code, look(MilestoneProgress, practice_id=clinic.id)) == (201, [])


@pytest.mark.sqlite_only
def test_imaging_is_seen_by_a_clinician(coordinator: Caller, clinician: Caller, clinic: Clinic) -> None:
    seen = visit(clinic, kind="imaging", state="seen")

    answers = [who.put(PATH, seen).status_code for who in (coordinator, clinician)]
    of_no_pictures = clinician.put("/visits/other", visit(clinic, state="seen"))

    assert answers == [403, 201]
    assert (of_no_pictures.status_code, of_no_pictures.json["errors"][0]["pointer"]) == (422, "/state")


@pytest.mark.sqlite_only
@pytest.mark.parametrize("state", ["done", "no_show"])
def test_what_is_ahead_has_not_ended(coordinator: Caller, clinic: Clinic, state: str) -> None:
    answer = coordinator.put(PATH, visit(clinic, state=state, booked_for="2026-03-20T14:00:00Z"))

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/booked_for")


@pytest.mark.sqlite_only
def test_a_visit_is_of_its_own_episode_and_milestone(
    coordinator: Caller, patient: Caller, clinic: Clinic, milestone_id: Find
) -> None:
    etag = coordinator.put(PATH, visit(clinic)).headers["ETag"]

    moved = coordinator.put(PATH, visit(clinic, episode_id=clinic.other_episode.id), match=etag)
    strange = coordinator.put(
        "/visits/other", visit(clinic, episode_id=clinic.other_episode.id, milestone_id=milestone_id("incision"))
    )

    assert (moved.status_code, moved.json["errors"][0]["pointer"]) == (422, "/episode_id")
    assert (strange.status_code, strange.json["errors"][0]["pointer"]) == (404, "/milestone_id")
    assert patient.put(PATH, visit(clinic)).status_code == 403
