"""A phone with RxDB: pages of one collection, pushes with the state they were made from, rows it must adopt."""

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from models import CheckIn, MilestoneProgress, SyncClock, SyncConflict
from models.merging import LostBy
from tests.api.conftest import Answer, Caller, Clinic, Look
from tests.sync.conftest import Phone, check_in

PATH = "/sync/rxdb"


def pull(caller: Caller, collection: str, checkpoint: dict[str, Any] | None = None, limit: int = 100) -> Any:
    told = {"lwt": 0, "id": ""} | (checkpoint or {})
    answer = caller.get(f"{PATH}/{collection}/0/pull", query_string=told | {"limit": limit})
    assert answer.status_code == 200, answer.json
    return answer.json


def push(caller: Caller, collection: str, *changes: tuple[dict[str, Any] | None, dict[str, Any]]) -> Answer:
    told = [
        {"newDocumentState": new | {"_deleted": new.get("_deleted", False)}}
        | ({} if base is None else {"assumedMasterState": base})
        for base, new in changes
    ]
    return caller.post(f"{PATH}/{collection}/0/push", told)


def test_pages_bring_every_document_once_in_the_order_of_changes(patient: Caller, clinic: Clinic) -> None:
    documents, checkpoint = [], None
    while True:
        page = pull(patient, "milestones", checkpoint, limit=7)
        documents += page["documents"]
        checkpoint = page["checkpoint"]
        if len(page["documents"]) < 7:
            break

    ids = [document["id"] for document in documents]
    whole = [document["id"] for document in pull(patient, "milestones", limit=1000)["documents"]]
    assert ids == whole
    assert len(set(ids)) == len(ids) > 14
    assert {document["patient_id"] for document in documents} == {clinic.patient.id}
    assert pull(patient, "milestones", checkpoint)["documents"] == []


def test_two_devices_of_one_patient_and_a_coordinator_lose_nothing(
    patient: Caller, desk: Phone, clinic: Clinic, look: Look
) -> None:
    first = check_in(clinic, "c-1", pain=4, steps=100)
    push(patient, "check_ins", (None, first))
    (base,) = pull(patient, "check_ins")["documents"]

    from_one = push(patient, "check_ins", (base, base | {"pain": 6}))
    from_other = push(patient, "check_ins", (base, base | {"steps": 900}))

    (row,) = look(CheckIn)
    assert (row.pain, row.steps) == (6, 900)
    assert from_one.json == []
    assert [(document["pain"], document["steps"]) for document in from_other.json] == [(6, 900)]
    assert look(SyncConflict) == []


def test_the_value_that_does_not_stand_is_kept_and_listed(patient: Caller, clinic: Clinic, look: Look) -> None:
    push(patient, "check_ins", (None, check_in(clinic, "c-1", pain=4)))
    (base,) = pull(patient, "check_ins")["documents"]
    push(patient, "check_ins", (base, base | {"pain": 6}))

    for _ in range(2):
        push(patient, "check_ins", (base, base | {"pain": 8}))

    (conflict,) = look(SyncConflict)
    assert [row.pain for row in look(CheckIn)] == [8]
    assert (conflict.kept, conflict.lost, conflict.lost_by) == ('{"pain":8}', '{"pain":6}', LostBy.patient)


def test_an_achieved_milestone_stands_over_one_that_was_skipped_meanwhile(
    patient: Caller, coordinator: Caller, milestone_id: Any, look: Look
) -> None:
    walk = milestone_id("walk30")
    coordinator.post(f"/milestones/{walk}/skip", {"reason": "not_applicable"})
    base = {"id": walk, "achieved_on": None, "skip_reason": None, "note": None, "_deleted": False}

    answer = push(patient, "milestone_progress", (base, base | {"achieved_on": "2026-03-02"}))

    (row,) = look(MilestoneProgress)
    assert (str(row.achieved_on), row.skip_reason) == ("2026-03-02", None)
    assert answer.json == []
    (conflict,) = look(SyncConflict)
    assert '"skip_reason":"not_applicable"' in str(conflict.lost)
    assert conflict.lost_by is LostBy.staff


def test_a_forbidden_delete_and_a_forbidden_column_come_back_as_they_are(
    patient: Caller, clinic: Clinic, look: Look
) -> None:
    push(patient, "check_ins", (None, check_in(clinic, "c-1")))
    (base,) = pull(patient, "check_ins")["documents"]
    (episode,) = pull(patient, "episodes")["documents"]

    deleted = push(patient, "check_ins", (base, base | {"_deleted": True}))
    closed = push(patient, "episodes", (episode, episode | {"status": "closed"}))

    assert [(document["id"], document["_deleted"]) for document in deleted.json] == [("c-1", False)]
    assert [document["status"] for document in closed.json] == ["active"]
    assert [row.deleted for row in look(CheckIn)] == [False]


def test_a_document_that_cannot_be_stored_is_answered_as_deleted(patient: Caller, clinic: Clinic) -> None:
    answer = push(patient, "check_ins", (None, check_in(clinic, "c-1", pain=42)))

    (document,) = answer.json
    assert (answer.status_code, document["id"], document["_deleted"], document["pain"]) == (200, "c-1", True, 0)


def test_a_patient_who_leaves_the_panel_goes_as_documents_without_content(
    desk: Phone, panel: Clinic, session: Session
) -> None:
    before = pull(desk.caller, "patients")
    panel.episode.coordinator_id = None
    session.commit()

    page = pull(desk.caller, "patients", before["checkpoint"])

    (document,) = page["documents"]
    assert (document["id"], document["_deleted"]) == (panel.patient.id, True)
    assert document["family_name"] == ""
    assert pull(desk.caller, "patients", page["checkpoint"])["documents"] == []


def test_a_device_that_starts_anew_after_an_epoch_is_told_who_left_the_panel(
    desk: Phone, panel: Clinic, session: Session
) -> None:
    before = pull(desk.caller, "patients")
    panel.episode.coordinator_id = None
    session.execute(update(SyncClock).values(epoch=SyncClock.epoch + 1))
    session.commit()

    page = pull(desk.caller, "patients", before["checkpoint"])

    assert [(each["id"], each["_deleted"]) for each in page["documents"]] == [(panel.patient.id, True)]


def test_pages_of_a_panel_bring_every_document_once(desk: Phone, panel: Clinic, session: Session) -> None:
    panel.other_episode.coordinator_id = panel.coordinator.id
    session.commit()
    ids: list[str] = []
    checkpoint = None
    while len(ids) % 11 == 0:
        page = pull(desk.caller, "milestones", checkpoint, limit=11)
        ids += [document["id"] for document in page["documents"]]
        checkpoint = page["checkpoint"]

    desk.pull()
    assert sorted(ids) == sorted(desk.rows["milestones"])
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("collection", ["unknown", "staff", "audit_entry"])
@pytest.mark.sqlite_only
def test_what_is_no_collection_is_not_found(patient: Caller, collection: str) -> None:
    assert patient.get(f"{PATH}/{collection}/0/pull").status_code == 404


@pytest.mark.parametrize("body", [{}, [1], [{"newDocumentState": []}], [{"newDocumentState": {"pain": 1}}]])
@pytest.mark.sqlite_only
def test_a_push_of_another_form_is_a_400(patient: Caller, body: Any) -> None:
    answer = patient.post(f"{PATH}/check_ins/0/push", body)

    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")


@pytest.mark.sqlite_only
def test_a_push_of_more_than_500_rows_is_a_413(patient: Caller, clinic: Clinic) -> None:
    rows = [(None, check_in(clinic, f"c-{place}")) for place in range(501)]

    assert push(patient, "check_ins", *rows).status_code == 413
