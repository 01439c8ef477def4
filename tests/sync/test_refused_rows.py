"""Rows that could not be stored: kept with their reason, shown, done, and let go on the phone."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import (
    AuditEntry,
    CheckIn,
    RefusedRow,
)
from models.people import StaffRole
from tests import builders
from tests.api.conftest import Caller, Clinic, Look, as_staff
from tests.sync.conftest import OPEN, Find, Phone, check_in


def refused(who: Caller) -> list[dict[str, Any]]:
    return list(who.get("/refused-rows").json["items"])


def test_a_row_that_could_not_be_stored_is_shown_with_its_reason_and_words(
    phone: Phone, coordinator: Caller, clinic: Clinic
) -> None:
    row = check_in(clinic, "c-2", pain=42, note="It hurts a lot")

    phone.push(check_ins=[row])

    (told,) = refused(coordinator)
    assert (told["patient_id"], told["row_id"], told["reason"]) == (clinic.patient.id, "c-2", "invalid")
    assert told["content"] == {name: value for name, value in row.items() if name != "id"}


def test_a_refused_row_that_is_done_leaves_the_list_and_says_who_and_when(
    phone: Phone, coordinator: Caller, clinician: Caller, clinic: Clinic, look: Look
) -> None:
    phone.push(check_ins=[check_in(clinic, f"c-{number}", pain=42) for number in (1, 2)])
    (first, second) = sorted(refused(coordinator), key=lambda each: str(each["row_id"]))
    path = f"/refused-rows/{first['id']}/done"

    answers = [coordinator.post(path), clinician.post(path)]

    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].json == answers[1].json == first | {
        "state": "done", "done_at": "2026-03-02T15:00:00Z", "done_by": clinic.coordinator.id,
    }  # fmt: skip
    assert refused(coordinator) == [second]
    assert coordinator.get("/refused-rows", query_string={"state": "done"}).json["items"] == [answers[0].json]
    entry = next(row for row in look(AuditEntry) if row.route.startswith("POST") and "refused" in row.route)
    assert (entry.actor_id, entry.about["refused_id"]) == (clinic.coordinator.id, first["id"])


@pytest.mark.sqlite_only
def test_a_row_of_nobody_known_can_be_done_and_an_unknown_or_another_clinics_row_cannot(
    desk: Phone, coordinator: Caller, foreign_staff: Caller, clinic: Clinic
) -> None:
    desk.push(check_ins=[check_in(clinic, "c-9") | {"episode_id": "nobodys"}])
    (told,) = refused(coordinator)
    path = f"/refused-rows/{told['id']}/done"

    answers = [foreign_staff.post(path), coordinator.post("/refused-rows/none/done"), coordinator.post(path)]

    assert [each.status_code for each in answers] == [404, 404, 200]
    assert (answers[2].json["state"], answers[2].json["content"]) == ("done", None)


def test_a_refused_row_that_is_done_and_comes_again_stays_done(
    phone: Phone, coordinator: Caller, clinic: Clinic
) -> None:
    row = check_in(clinic, "c-2", pain=42)
    phone.push(check_ins=[row])
    (told,) = refused(coordinator)
    coordinator.post(f"/refused-rows/{told['id']}/done")
    phone.pull()

    phone.push(check_ins=[row])

    assert refused(coordinator) == []
    assert phone.pull()["changes"]["check_ins"]["deleted"] == ["c-2"]


@pytest.mark.sqlite_only
def test_of_a_row_about_an_unknown_patient_collection_and_reason_are_shown_and_no_word_is_kept(
    desk: Phone, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    desk.push(check_ins=[check_in(clinic, "c-9", note="Somebody's words") | {"episode_id": "nobodys"}])

    (told,) = refused(coordinator)
    assert (told["collection"], told["reason"]) == ("check_ins", "unknown")
    assert (told["patient_id"], told["row_id"], told["content"]) == (None, None, None)
    assert [row.content for row in look(RefusedRow)] == ["{}"]
    assert desk.pull()["changes"]["check_ins"]["deleted"] == ["c-9"]


def test_a_row_about_a_patient_of_another_panel_is_refused_and_shown_with_its_words(
    desk: Phone, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    desk.push(check_ins=[check_in(clinic, "c-9", note="Fell today") | {"episode_id": clinic.other_episode.id}])

    (told,) = refused(coordinator)
    assert (told["patient_id"], told["row_id"], told["reason"]) == (clinic.other_patient.id, "c-9", "unknown")
    assert told["content"]["note"] == "Fell today"
    assert look(CheckIn) == []
    assert desk.pull()["changes"]["check_ins"]["deleted"] == ["c-9"]


def test_where_staff_see_their_own_patients_alone_those_of_the_patient_see_what_another_wrote(
    app: Flask, desk: Phone, coordinator: Caller, clinic: Clinic, session: Session
) -> None:
    clinic.practice.own_caseload_only = True
    admin = builders.staff(session, clinic.practice, role=StaffRole.practice_admin)
    session.commit()

    desk.push(check_ins=[check_in(clinic, "c-9", note="Fell today") | {"episode_id": clinic.other_episode.id}])

    (told,) = refused(as_staff(app, session, admin))
    assert (told["patient_id"], told["content"]["note"]) == (clinic.other_patient.id, "Fell today")
    assert refused(coordinator) == []
    assert desk.pull()["changes"]["check_ins"]["deleted"] == ["c-9"]


@pytest.mark.sqlite_only
def test_rows_of_collections_that_a_phone_does_not_write_or_we_do_not_know_are_kept_too(
    phone: Phone, coordinator: Caller, clinic: Clinic
) -> None:
    phone.push(
        milestones=[{"id": "m-1", "note": "My own goal"}],
        diary=[{"id": "d-1", "text": "Dear diary"}],
        check_ins=[check_in(clinic, "no id, but a sentence", note="Good day")],
    )
    pulled = phone.pull()

    assert {(each["collection"], each["reason"]) for each in refused(coordinator)} == {
        ("milestones", "read_only"), ("diary", "unknown_collection"), ("check_ins", "bad_id"),
    }  # fmt: skip
    assert pulled["changes"]["milestones"]["deleted"] == ["m-1"]


def test_a_refused_row_that_comes_again_is_kept_once_and_let_go_again(phone: Phone, clinic: Clinic, look: Look) -> None:
    row = check_in(clinic, "c-2", pain=42)
    phone.push(check_ins=[row])
    phone.pull()

    phone.push(check_ins=[row])
    pulled = phone.pull()

    assert len(look(RefusedRow)) == 1
    assert pulled["changes"]["check_ins"]["deleted"] == ["c-2"]


def test_whatever_a_phone_puts_into_a_column_is_stored_or_kept_and_blocks_nothing(
    phone: Phone, clinic: Clinic, look: Look
) -> None:
    odd = (10**30, -(10**30), 1e300, 0.5, "a\u0000b", "\ud800", ["a", {"b": 1}], {"c": None}, True, "")
    names = ("pain", "note", "reported_at", "episode_id")
    rows = [
        check_in(clinic, f"c-{place}-{number}") | {name: value}
        for place, name in enumerate(names)
        for number, value in enumerate(odd)
    ]

    odd_name = check_in(clinic, "c-name") | {"pain": 42, "a\u0000\ud800b": "Good day"}

    pushed = phone.push(check_ins=[*rows, odd_name, {"id": "c-empty"}, check_in(clinic, "c-good")])

    assert pushed.status_code == 200
    assert "c-good" in [row.id for row in look(CheckIn)]
    assert len(look(CheckIn)) + len(look(RefusedRow)) == len(rows) + 2


@pytest.mark.sqlite_only
def test_a_refused_row_that_somebody_has_stored_meanwhile_is_not_let_go(
    phone: Phone, coordinator: Caller, milestone_id: Find
) -> None:
    drive = milestone_id("drive")
    phone.push(milestone_progress=[OPEN | {"id": drive, "achieved_on": "2026-03-02"}])
    coordinator.post(f"/milestones/{drive}/achieve", {"achieved_on": "2026-03-02"})

    changes = phone.pull()["changes"]["milestone_progress"]

    assert ([row["id"] for row in changes["updated"]], changes["deleted"]) == ([drive], [])


@pytest.mark.sqlite_only
def test_deleting_what_was_never_stored_is_nothing_to_keep(phone: Phone, look: Look) -> None:
    pushed = phone.push_body({"check_ins": {"created": [], "updated": [], "deleted": ["c-1"]}})

    assert (pushed.json["refused"], look(RefusedRow)) == (0, [])
