"""Clinical facts that a clearance waits for: who tells which, stored once, changed by who told it."""

from typing import Any

import pytest

from models import ObservedFact
from models.care import Reporter
from schedules.plan.vocabulary import Observation
from tests.api.conftest import Caller, Clinic, Look

AT = "2026-03-02T12:00:00Z"


def body(clinic: Clinic, what: str = "wound_closed", **more: Any) -> dict[str, Any]:
    return {"episode_id": clinic.episode.id, "what": what, "observed_at": AT, **more}


def test_a_fact_sent_twice_is_stored_once(coordinator: Caller, clinic: Clinic, look: Look) -> None:
    sent = [coordinator.put("/observations/fact-1", body(clinic, surgery_id=clinic.surgery.id)) for _ in range(2)]

    (row,) = look(ObservedFact, practice_id=clinic.id)
    assert [answer.status_code for answer in sent] == [201, 200]
    assert sent[0].json == sent[1].json
    assert (row.what, row.reported_by, row.recorded_by) == (
        Observation.wound_closed, Reporter.staff, clinic.coordinator.id,
    )  # fmt: skip


def test_the_latest_fact_is_listed_first(patient: Caller, coordinator: Caller, clinic: Clinic) -> None:
    coordinator.put("/observations/a", body(clinic))
    coordinator.put("/observations/b", body(clinic, "wound_open") | {"observed_at": "2026-03-01T12:00:00Z"})

    first = patient.get(f"/episodes/{clinic.episode.id}/observations?limit=1").json
    second = patient.get(f"/episodes/{clinic.episode.id}/observations?limit=1&after={first['next']}").json

    assert [each["id"] for each in first["items"] + second["items"]] == ["a", "b"]
    assert second["next"] is None


@pytest.mark.parametrize(("what", "status"), [("opioid_taken", 201), ("sedative_taken", 201), ("wound_closed", 403)])
@pytest.mark.sqlite_only
def test_a_patient_tells_of_opioids_and_sedatives_alone(
    patient: Caller, clinic: Clinic, look: Look, what: str, status: int
) -> None:
    answer = patient.put("/observations/fact-1", body(clinic, what))

    assert answer.status_code == status
    assert [(row.reported_by, row.recorded_by) for row in look(ObservedFact)] == (
        [(Reporter.patient, None)] if status == 201 else []
    )


@pytest.mark.parametrize("what", ["xray_satisfactory", "xray_unsatisfactory"])
@pytest.mark.sqlite_only
def test_how_an_x_ray_looks_is_a_clinicians_word(
    coordinator: Caller, clinician: Caller, clinic: Clinic, what: str
) -> None:
    assert coordinator.put("/observations/fact-1", body(clinic, what)).status_code == 403
    assert clinician.put("/observations/fact-1", body(clinic, what)).status_code == 201
    assert coordinator.put("/observations/fact-2", body(clinic, "xray_done")).status_code == 201
    changed = body(clinic, "xray_done")
    etag = clinician.put("/observations/fact-1", body(clinic, what)).headers["ETag"]
    assert coordinator.put("/observations/fact-1", changed, match=etag).status_code == 403


def test_a_change_names_the_revision_that_it_was_made_from(coordinator: Caller, clinic: Clinic, look: Look) -> None:
    etag = coordinator.put("/observations/fact-1", body(clinic)).headers["ETag"]
    changed = body(clinic, "wound_open")

    statuses = [
        coordinator.put("/observations/fact-1", changed).status_code,
        coordinator.put("/observations/fact-1", changed, match='"1"').status_code,
        coordinator.put("/observations/fact-1", changed, match=etag).status_code,
    ]

    assert statuses == [428, 412, 200]
    assert [row.what for row in look(ObservedFact)] == [Observation.wound_open]
    assert coordinator.put("/observations/new", body(clinic), match=etag).status_code == 412


@pytest.mark.sqlite_only
def test_a_patient_does_not_change_what_staff_told_nor_the_other_way_round(
    patient: Caller, coordinator: Caller, clinic: Clinic
) -> None:
    theirs = coordinator.put("/observations/staff", body(clinic, "opioid_taken")).headers["ETag"]
    own = patient.put("/observations/own", body(clinic, "opioid_taken")).headers["ETag"]
    later = body(clinic, "opioid_taken") | {"observed_at": "2026-03-01T12:00:00Z"}

    assert patient.put("/observations/staff", later, match=theirs).status_code == 403
    assert coordinator.put("/observations/own", later, match=own).status_code == 403
    assert patient.put("/observations/own", later, match=own).status_code == 200


@pytest.mark.parametrize(
    ("more", "status", "pointer"),
    [
        ({"observed_at": "2026-03-05T12:00:00Z"}, 422, "/observed_at"),
        ({"observed_at": "2026-03-02"}, 422, "/observed_at"),
        ({"what": "happy"}, 422, "/what"),
        ({"surgery_id": "nobody's"}, 422, "/surgery_id"),
        ({"surgery_id": "unknown"}, 404, "/surgery_id"),
        ({"episode_id": "unknown"}, 404, "/episode_id"),
        ({"note": "text"}, 422, "/note"),
    ],
)
@pytest.mark.sqlite_only
def test_what_cannot_be_is_refused(
    coordinator: Caller, clinic: Clinic, more: dict[str, Any], status: int, pointer: str
) -> None:
    answer = coordinator.put("/observations/fact-1", body(clinic) | more)

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (status, pointer)


@pytest.mark.sqlite_only
def test_a_surgery_of_another_episode_is_unknown(coordinator: Caller, clinic: Clinic) -> None:
    answer = coordinator.put("/observations/fact-1", body(clinic, surgery_id=clinic.other_surgery.id))

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (404, "/surgery_id")


@pytest.mark.sqlite_only
def test_facts_of_others_do_not_exist(
    coordinator: Caller, other_patient: Caller, foreign_staff: Caller, clinic: Clinic, look: Look
) -> None:
    coordinator.put("/observations/fact-1", body(clinic, "opioid_taken"))

    for caller in (other_patient, foreign_staff):
        assert caller.get(f"/episodes/{clinic.episode.id}/observations").status_code == 404
        assert caller.put("/observations/fact-2", body(clinic, "opioid_taken")).status_code == 404
    own = body(clinic, "opioid_taken") | {"episode_id": clinic.other_episode.id}
    assert other_patient.put("/observations/fact-1", own).status_code == 404
    assert len(look(ObservedFact)) == 1
