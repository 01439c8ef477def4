"""Exercises on phones (from version 5): those of the plan with their days, and ticks of two phones, offline."""

import json
from typing import Any

import pytest
from sqlalchemy.orm import Session

from models import CheckIn, Episode, FormerVersion, RefusedRow, SyncConflict
from service.sync.collections import served
from tests.api.conftest import Caller, Clinic, Look
from tests.sync.conftest import Phone, check_in

TODAY = "2026-03-02"
GROWN = {
    "from": 4,
    "tables": [],
    "columns": [{"table": name, "columns": ["exercises"]} for name in ("episodes", "check_ins")],
}


def shown(phone: Phone, clinic: Clinic, on: str = TODAY) -> list[str]:
    """Return the keys of the exercises that a phone asks about on a day, by what it holds."""
    told = json.loads(phone.rows["episodes"][clinic.episode.id]["exercises"])
    return [each["key"] for each in told if any(_holds(window, on) for window in each["windows"])]


def _holds(window: dict[str, Any], on: str) -> bool:
    return window["from_on"] <= on and (window["through_on"] is None or on <= window["through_on"])


def asked(who: Caller, clinic: Clinic) -> dict[str, int]:
    """Return the exercises that the service asks about, with the days on which each was ticked."""
    items = who.get(f"/episodes/{clinic.episode.id}/exercises").json["items"]
    return {each["key"]: each["days_done"] for each in items}


def ticks(clinic: Clinic, row_id: str, *keys: str, **more: Any) -> dict[str, Any]:
    return check_in(clinic, row_id, exercises=json.dumps(keys), **more)


def told(clinic: Clinic) -> dict[str, Any]:
    """Return a check-in as the API takes it."""
    return {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T14:00:00Z", "pain": 3}


def push_rxdb(caller: Caller, base: dict[str, Any] | None, new: dict[str, Any]) -> Any:
    told = {"newDocumentState": new | {"_deleted": False}} | ({} if base is None else {"assumedMasterState": base})
    answer = caller.post("/sync/rxdb/check_ins/4/push", [told])
    assert answer.status_code == 200, answer.json
    return answer.json


def test_a_phone_has_the_exercises_that_the_service_asks_about(phone: Phone, clinic: Clinic, patient: Caller) -> None:
    told = json.loads(phone.rows["episodes"][clinic.episode.id]["exercises"])

    assert shown(phone, clinic) == list(asked(patient, clinic)) == ["spine_straight", "walk", "sit_breaks"]
    assert all(each["text"].keys() == {"en", "es"} and each["grade"] == "E" for each in told)
    assert {each["phase"] for each in told} == {"protect"}


def test_what_ends_a_limit_or_begins_therapy_reaches_the_phone(
    phone: Phone, clinic: Clinic, clinician: Caller, coordinator: Caller, milestone_id: Any
) -> None:
    clinician.post(f"/milestones/{milestone_id('pt_start')}/achieve", {"achieved_on": TODAY})
    clinician.post(f"/milestones/{milestone_id('blt_end')}/clear", {"override": "Seen at the visit."})
    phone.pull()
    after_both = shown(phone, clinic)
    assert (after_both, after_both) == (list(asked(coordinator, clinic)), ["sit_breaks", "therapy"])

    revoked = clinician.post(f"/milestones/{milestone_id('blt_end')}/revoke-clearance", {"reason": "New pain."})
    reopened = clinician.post(f"/milestones/{milestone_id('pt_start')}/reopen")
    assert (revoked.status_code, reopened.status_code) == (200, 200), (revoked.json, reopened.json)
    phone.pull()
    assert shown(phone, clinic) == list(asked(coordinator, clinic)) == ["spine_straight", "walk", "sit_breaks"]

    coordinator.amend(f"/episodes/{clinic.episode.id}", {"status": "closed"})
    phone.pull()
    assert (shown(phone, clinic), asked(coordinator, clinic)) == ([], {})


def test_therapy_that_the_patient_reports_offline_begins_on_the_phone_with_the_next_sync(
    phone: Phone, clinic: Clinic, milestone_id: Any
) -> None:
    began = {"id": milestone_id("pt_start"), "achieved_on": TODAY, "skip_reason": None, "note": None}

    pushed = phone.push(milestone_progress=[began])
    phone.pull()

    assert pushed.json["stored"] == 1
    assert "therapy" in shown(phone, clinic)


def test_a_plan_that_stays_as_it_is_takes_no_revision_for_its_exercises(
    phone: Phone, coordinator: Caller, clinic: Clinic, milestone_id: Any
) -> None:
    coordinator.post(f"/milestones/{milestone_id('walk30')}/achieve", {"achieved_on": TODAY})

    pulled = phone.pull()

    assert pulled["changes"]["milestone_progress"]["updated"]
    assert pulled["changes"]["episodes"]["updated"] == []


def test_what_a_phone_writes_into_the_exercises_of_its_plan_comes_back_as_it_was(phone: Phone, clinic: Clinic) -> None:
    row = phone.rows["episodes"][clinic.episode.id]
    before = row["exercises"]

    pushed = phone.push(episodes=[row | {"exercises": "[]"}])
    phone.pull()

    assert pushed.json["reasserted"] == 1
    assert phone.rows["episodes"][clinic.episode.id]["exercises"] == before


def test_what_two_phones_tick_offline_counts_once_a_day_however_often_it_comes(
    phone: Phone, second_phone: Phone, clinic: Clinic, coordinator: Caller, look: Look
) -> None:
    first, second = ticks(clinic, "c-1", "walk"), ticks(clinic, "c-2", "spine_straight", "walk")

    told = [each.push(check_ins=[row]).json for each, row in ((phone, first), (second_phone, second), (phone, first))]
    for each in (phone, second_phone):
        each.pull()

    assert [(each["stored"], each["unchanged"]) for each in told] == [(1, 0), (1, 0), (0, 1)]
    assert asked(coordinator, clinic) == {"spine_straight": 1, "walk": 1, "sit_breaks": 0}
    assert phone.rows["check_ins"] == second_phone.rows["check_ins"]
    assert phone.rows["check_ins"]["c-2"]["exercises"] == '["spine_straight","walk"]'
    assert (look(FormerVersion), look(SyncConflict)) == ([], [])


def test_two_phones_that_tick_and_untick_in_one_check_in_leave_what_both_meant_and_no_conflict(
    patient: Caller, clinic: Clinic, look: Look
) -> None:
    push_rxdb(patient, None, ticks(clinic, "c-1", "walk"))
    (base,) = patient.get("/sync/rxdb/check_ins/4/pull").json["documents"]

    of_one = push_rxdb(patient, base, base | {"exercises": '["walk","sit_breaks"]'})
    of_other = push_rxdb(patient, base, base | {"exercises": '["spine_straight"]'})

    assert [each["exercises"] for each in of_other] == ['["spine_straight","sit_breaks"]']
    assert of_one == []
    (row,) = look(CheckIn)
    assert row.exercises == ["spine_straight", "sit_breaks"]
    assert look(SyncConflict) == []
    assert len(look(FormerVersion)) == 2


def test_a_tick_of_what_is_no_exercise_is_kept_aside_with_its_check_in(
    phone: Phone, clinic: Clinic, look: Look
) -> None:
    rows = [ticks(clinic, "c-1", "run"), check_in(clinic, "c-2", exercises="no JSON"), ticks(clinic, "c-3")]

    pushed = phone.push(check_ins=rows)

    assert (pushed.json["stored"], pushed.json["refused"]) == (1, 2)
    assert [(row.id, row.exercises) for row in look(CheckIn)] == [("c-3", [])]
    assert {row.reason for row in look(RefusedRow)} == {"invalid"}


def test_a_phone_of_version_4_gets_its_own_columns_and_leaves_ticks_as_they_are(
    patient: Caller, clinic: Clinic, look: Look
) -> None:
    patient.put("/check-ins/c-1", told(clinic) | {"exercises": ["walk"]})
    old = Phone(patient)

    old.pull(schema_version=4)
    held = {name: {column for row in rows.values() for column in row} for name, rows in old.rows.items() if rows}
    pushed = old.push(check_ins=[old.rows["check_ins"]["c-1"] | {"pain": 5}])

    of_version = {each.name: {"id", *(column.name for column in each.columns_of(4))} for each in served(4)}
    assert held == {name: of_version[name] for name in held}
    assert not {"exercises"} & (held["episodes"] | held["check_ins"])
    assert pushed.json["stored"] == 1
    assert [(row.pain, row.exercises) for row in look(CheckIn)] == [(5, ["walk"])]


def test_a_phone_that_grows_from_version_4_to_5_gets_what_its_new_columns_hold(patient: Caller, clinic: Clinic) -> None:
    patient.put("/check-ins/c-1", told(clinic) | {"exercises": ["walk"]})
    patient.put("/check-ins/c-2", told(clinic))
    phone = Phone(patient)
    phone.pull(schema_version=4)

    pulled = phone.pull(schema_version=5, migration=json.dumps(GROWN))

    assert [row["id"] for row in pulled["changes"]["check_ins"]["updated"]] == ["c-1"]
    assert phone.rows["check_ins"]["c-1"]["exercises"] == '["walk"]'
    assert shown(phone, clinic) == ["spine_straight", "walk", "sit_breaks"]


def test_a_document_of_an_app_with_rxdb_that_grew_lacks_the_ticks_and_is_told_them(
    patient: Caller, clinic: Clinic, look: Look
) -> None:
    patient.put("/check-ins/c-1", told(clinic) | {"exercises": ["walk"]})
    patient.put("/check-ins/c-2", told(clinic))
    documents = patient.get("/sync/rxdb/check_ins/3/pull").json["documents"]

    adopted = [push_rxdb(patient, None, document) for document in documents]

    assert all("exercises" not in document for document in documents)
    assert [[each["exercises"] for each in told] for told in adopted] == [['["walk"]'], []]
    assert {row.id: row.exercises for row in look(CheckIn)} == {"c-1": ["walk"], "c-2": None}


@pytest.mark.parametrize("version", [4, 5])
def test_a_device_tells_what_it_holds_by_the_columns_of_its_version(
    patient: Caller, clinic: Clinic, session: Session, version: int
) -> None:
    held = Phone(patient)
    held.pull(schema_version=version)
    names = [column.name for column in next(each for each in served(5) if each.name == "episodes").columns_of(version)]
    row = held.rows["episodes"][clinic.episode.id]
    told = {"episodes": {"rows": {clinic.episode.id: 0}}}
    body = {"cursor": held.cursor, "schema_version": version, "collections": told}

    healed = held.caller.post("/sync/digest", body).json

    assert healed["healed"]["episodes"]["stamped"] == 1
    assert set(row) == {"id", *names}
    assert ("exercises" in names) is (version == 5)
    assert session.get_one(Episode, (clinic.id, clinic.episode.id)).exercises
