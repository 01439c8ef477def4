"""Edits that cannot both stand: what each becomes, that both values are listed, and how staff settle it."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from models import (
    AuditEntry,
    CheckIn,
    FormerVersion,
    Milestone,
    MilestoneProgress,
    ObservedFact,
    Patient,
    RefusedRow,
    SyncConflict,
)
from models.identity import Device
from models.reminder import Delivery, DeliveryState, Reminder
from schedules.plan.vocabulary import CancelReason
from service.identity.principal import Principal
from service.sync.apply import apply
from service.sync.edits import Applied, Edit
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import MONDAY_AFTERNOON
from tests.sync.conftest import Phone, check_in

Find = Callable[[str], str]
Push = Callable[..., Applied]
OPEN: dict[str, Any] = {"achieved_on": None, "skip_reason": None, "note": None}


@pytest.fixture
def push_with_base(session: Session, clinic: Clinic) -> Push:
    """Return a way to apply one edit of the patient's phone that tells what it started from."""

    def push(collection: str, row_id: str, *, base: dict[str, Any] | None, **values: Any) -> Applied:
        device = session.query(Device).filter_by(practice_id=clinic.id).order_by(Device.id).first()
        caller = Principal(clinic.id, "phone" if device is None else device.id, patient_id=clinic.patient.id)
        edit = Edit(collection=collection, id=row_id, values=values, base=base)
        applied = apply(session, caller, [edit], MONDAY_AFTERNOON)
        session.commit()
        return applied

    return push


def conflicts(who: Caller, **query: Any) -> list[dict[str, Any]]:
    answer = who.get("/conflicts", query_string=query)
    assert answer.status_code == 200, answer.json
    return list(answer.json["items"])


def refused(who: Caller) -> list[dict[str, Any]]:
    return list(who.get("/refused-rows").json["items"])


def made_offline_while_the_clinic_reported(phone: Phone, coordinator: Caller, walk: str) -> dict[str, Any]:
    """Let the coordinator report 1 March, then a phone that was offline 2 March; return the conflict."""
    coordinator.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-03-01"})
    phone.pull()
    phone.push(milestone_progress=[OPEN | {"id": walk, "achieved_on": "2026-03-02", "note": "No stick"}])
    (conflict,) = conflicts(coordinator)
    return conflict


# ------------------------------------------------------------------------------------------------------- what stands
def test_an_offline_report_of_a_later_day_does_not_stand_against_the_clinics_and_both_are_listed(
    phone: Phone, coordinator: Caller, clinic: Clinic, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")

    conflict = made_offline_while_the_clinic_reported(phone, coordinator, walk)
    (healed,) = phone.pull()["changes"]["milestone_progress"]["updated"]

    assert str(look(MilestoneProgress)[0].achieved_on) == "2026-03-01"
    assert (healed["id"], healed["achieved_on"], healed["note"]) == (walk, "2026-03-01", None)
    assert (conflict["collection"], conflict["row_id"]) == ("milestone_progress", walk)
    assert (conflict["patient_id"], conflict["lost_by"], conflict["state"]) == (clinic.patient.id, "patient", "open")
    assert conflict["kept"] == OPEN | {"achieved_on": "2026-03-01"}
    assert conflict["lost"] == OPEN | {"achieved_on": "2026-03-02", "note": "No stick"}


def test_an_offline_report_of_an_earlier_day_stands_and_the_clinics_is_listed(
    phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    coordinator.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-03-02", "note": "By phone"})
    phone.pull()

    phone.push(milestone_progress=[OPEN | {"id": walk, "achieved_on": "2026-03-01"}])

    (conflict,) = conflicts(coordinator)
    assert str(look(MilestoneProgress)[0].achieved_on) == "2026-03-01"
    assert conflict["lost_by"] == "staff"
    assert conflict["lost"] == OPEN | {"achieved_on": "2026-03-02", "note": "By phone"}


@pytest.mark.sqlite_only
def test_a_report_that_says_the_same_is_no_conflict(
    phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    coordinator.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-03-02"})
    phone.pull()

    phone.push(milestone_progress=[OPEN | {"id": walk, "achieved_on": "2026-03-02"}])

    assert look(SyncConflict) == []


@pytest.mark.sqlite_only
def test_a_client_that_merged_by_itself_into_two_states_keeps_the_higher_one(
    phone: Phone, second_phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    phone.push(milestone_progress=[OPEN | {"id": walk, "achieved_on": "2026-03-01"}])
    second_phone.pull()

    merged = {"id": walk, "achieved_on": "2026-03-01", "skip_reason": "patient_declined", "note": "Too tired"}
    second_phone.push(milestone_progress=[merged])

    (conflict,) = conflicts(coordinator)
    assert str(look(MilestoneProgress)[0].achieved_on) == "2026-03-01"
    assert conflict["lost"] == {"achieved_on": None, "skip_reason": "patient_declined", "note": "Too tired"}


def test_a_coordinators_device_corrects_a_patients_report_and_the_patients_words_are_listed(
    desk: Phone, phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    phone.push(milestone_progress=[OPEN | {"id": walk, "achieved_on": "2026-03-01", "note": "No stick"}])
    desk.pull()

    desk.push(milestone_progress=[OPEN | {"id": walk, "achieved_on": "2026-03-02"}])

    (conflict,) = conflicts(coordinator)
    assert str(look(MilestoneProgress)[0].achieved_on) == "2026-03-02"
    assert (conflict["lost_by"], conflict["lost"]["note"]) == ("patient", "No stick")


@pytest.mark.sqlite_only
def test_a_phone_and_the_clinic_that_change_different_fields_both_have_their_way(
    push_with_base: Push, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    base = {"language": "en", "time_zone": "America/New_York"}
    coordinator.amend(f"/patients/{clinic.patient.id}", {"language": "es"})

    push_with_base("patients", clinic.patient.id, base=base, language="en", time_zone="America/Chicago")

    (row,) = look(Patient, id=clinic.patient.id)
    assert (row.language, row.time_zone) == ("es", "America/Chicago")
    assert look(SyncConflict) == []


def test_a_phone_and_the_clinic_that_change_one_field_end_with_the_later_and_both_are_listed(
    push_with_base: Push, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    coordinator.amend(f"/patients/{clinic.patient.id}", {"time_zone": "America/Denver"})

    push_with_base("patients", clinic.patient.id, base={"time_zone": "America/New_York"}, time_zone="America/Chicago")

    (conflict,) = conflicts(coordinator)
    assert look(Patient, id=clinic.patient.id)[0].time_zone == "America/Chicago"
    assert (conflict["kept"], conflict["lost"], conflict["lost_by"]) == (
        {"time_zone": "America/Chicago"}, {"time_zone": "America/Denver"}, "staff",
    )  # fmt: skip


def test_an_offline_report_on_what_the_clinic_cancelled_is_listed_and_let_go(
    phone: Phone, coordinator: Caller, clinic: Clinic, session: Session, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    milestone = session.get_one(Milestone, (clinic.id, walk))
    milestone.cancelled_at, milestone.cancel_reason = MONDAY_AFTERNOON, CancelReason.surgery_cancelled
    session.commit()

    phone.push(milestone_progress=[OPEN | {"id": walk, "achieved_on": "2026-03-01", "note": "No stick"}])
    pulled = phone.pull()

    (conflict,) = conflicts(coordinator)
    assert look(MilestoneProgress) == []
    assert conflict["kept"] == {"cancel_reason": "surgery_cancelled"}
    assert conflict["lost"] == {"achieved_on": "2026-03-01", "note": "No stick"}
    assert pulled["changes"]["milestone_progress"]["deleted"] == [walk]
    assert coordinator.post(f"/conflicts/{conflict['id']}/resolve", {"keep": "lost"}).status_code == 409


@pytest.mark.sqlite_only
def test_a_delete_on_a_device_takes_nothing_away_that_the_clinic_changed(
    phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    coordinator.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-03-01"})

    pushed = phone.push_body({"milestone_progress": {"created": [], "updated": [], "deleted": [walk]}})
    pulled = phone.pull()

    assert pushed.json["reasserted"] == 1
    assert str(look(MilestoneProgress)[0].achieved_on) == "2026-03-01"
    assert [row["id"] for row in pulled["changes"]["milestone_progress"]["updated"]] == [walk]
    assert (look(SyncConflict), look(RefusedRow)) == ([], [])


def test_a_push_that_comes_twice_lists_its_conflict_once(
    push_with_base: Push, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    coordinator.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-03-01"})

    counted = [
        push_with_base("milestone_progress", walk, base=OPEN, **OPEN | {"achieved_on": "2026-03-02"}).conflicts
        for _ in range(2)
    ]

    assert counted == [1, 0]
    assert len(look(SyncConflict)) == 1


def test_a_collision_that_comes_again_after_it_was_settled_is_listed_anew_and_once(
    push_with_base: Push, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    coordinator.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-03-01"})

    def collide() -> int:
        wanted = OPEN | {"achieved_on": "2026-03-02"}
        return push_with_base("milestone_progress", walk, base=OPEN, **wanted).conflicts

    def settle() -> str:
        (conflict,) = conflicts(coordinator)
        assert coordinator.post(f"/conflicts/{conflict['id']}/resolve", {"keep": "kept"}).status_code == 200
        return str(conflict["id"])

    counted = [collide()]
    settled = [settle()]
    counted += [collide(), collide()]
    settled.append(settle())
    counted += [collide(), collide()]

    (still_open,) = conflicts(coordinator)
    assert counted == [1, 1, 0, 1, 0]
    assert [each["id"] for each in conflicts(coordinator, state="resolved")] == settled
    assert still_open["id"] not in settled
    assert len(look(SyncConflict)) == 3


@pytest.mark.sqlite_only
def test_a_changed_column_alone_amends_a_fact_about_a_surgery(
    push_with_base: Push, phone: Phone, clinic: Clinic, look: Look
) -> None:
    fact = {"episode_id": clinic.episode.id, "surgery_id": clinic.surgery.id, "what": "opioid_taken"}
    phone.push(observations=[fact | {"id": "o-1", "observed_at": 1_772_366_400_000}])

    applied = push_with_base("observations", "o-1", base=None, observed_at=1_772_452_800_000)

    assert applied.outcomes == ["stored"]
    assert look(ObservedFact)[0].observed_at.isoformat() == "2026-03-02T12:00:00+00:00"


@pytest.mark.sqlite_only
def test_another_time_of_seeing_a_reminder_is_no_conflict(
    phone: Phone, second_phone: Phone, clinic: Clinic, look: Look
) -> None:
    due = next(row for row in phone.rows["reminders"].values() if row["due_at"] < 1_772_460_000_000)
    seen = {"id": f"{due['id']}.ack", "reminder_id": due["id"], "acknowledged_at": 1_772_460_000_000}
    phone.push(reminder_acks=[seen])
    second_phone.pull()

    second_phone.push(reminder_acks=[seen | {"acknowledged_at": 1_772_463_600_000}])

    assert (look(SyncConflict), look(RefusedRow)) == ([], [])


def test_what_may_not_be_changed_in_a_stored_row_is_listed_as_lost(
    phone: Phone, desk: Phone, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1", note="Slept well")])
    desk.pull()

    desk.push(check_ins=[check_in(clinic, "c-1", note="Slept badly, she says")])
    phone.pull()
    phone.push(check_ins=[check_in(clinic, "c-1", pain=42, note="Slept well")])

    assert [(row.pain, row.note) for row in look(CheckIn)] == [(4, "Slept well")]
    listed = {each["lost_by"]: (each["kept"], each["lost"]) for each in conflicts(coordinator)}
    assert listed == {
        "staff": ({"note": "Slept well"}, {"note": "Slept badly, she says"}),
        "patient": ({"pain": 4}, {"pain": 42}),
    }


# -------------------------------------------------------------------------------------------------------- settling
def test_what_was_lost_is_written_again_in_the_coordinators_name(
    phone: Phone, coordinator: Caller, clinic: Clinic, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    conflict = made_offline_while_the_clinic_reported(phone, coordinator, walk)

    answer = coordinator.post(f"/conflicts/{conflict['id']}/resolve", {"keep": "lost"})
    phone.pull()

    (row,) = look(MilestoneProgress)
    assert (answer.status_code, answer.json["state"], answer.json["resolution"]) == (200, "resolved", "restored")
    assert (answer.json["resolved_by"], answer.json["resolved_at"]) == (clinic.coordinator.id, "2026-03-02T15:00:00Z")
    assert (str(row.achieved_on), row.note, row.reported_by) == ("2026-03-02", "No stick", "staff")
    assert phone.rows["milestone_progress"][walk]["note"] == "No stick"
    assert conflicts(coordinator) == []
    assert [each["id"] for each in conflicts(coordinator, state="resolved")] == [conflict["id"]]


def test_a_conflict_is_closed_where_what_stands_is_right(
    phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    conflict = made_offline_while_the_clinic_reported(phone, coordinator, milestone_id("walk30"))
    path = f"/conflicts/{conflict['id']}/resolve"

    answers = [coordinator.post(path, {"keep": word}) for word in ("kept", "kept", "lost")]

    assert [each.status_code for each in answers] == [200, 200, 409]
    assert answers[0].json == answers[1].json
    assert answers[2].json["errors"][0]["pointer"] == "/keep"
    assert str(look(MilestoneProgress)[0].achieved_on) == "2026-03-01"


def test_writing_the_lost_value_twice_writes_it_once(
    phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    conflict = made_offline_while_the_clinic_reported(phone, coordinator, milestone_id("walk30"))
    path = f"/conflicts/{conflict['id']}/resolve"

    first, second = (coordinator.post(path, {"keep": "lost"}) for _ in range(2))
    third = coordinator.post(path, {"keep": "kept"})

    assert (first.status_code, second.json, third.status_code) == (200, first.json, 409)
    assert len(look(FormerVersion)) == 1


def test_a_lost_value_that_the_record_has_overtaken_is_not_written(
    phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")
    conflict = made_offline_while_the_clinic_reported(phone, coordinator, walk)
    coordinator.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-02-28"})

    answer = coordinator.post(f"/conflicts/{conflict['id']}/resolve", {"keep": "lost"})

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (409, "/keep")
    assert str(look(MilestoneProgress)[0].achieved_on) == "2026-02-28"
    assert [each["id"] for each in conflicts(coordinator)] == [conflict["id"]]


@pytest.mark.sqlite_only
def test_messages_follow_a_value_that_is_written_again(
    phone: Phone, coordinator: Caller, milestone_id: Find, look: Look
) -> None:
    walk = milestone_id("walk30")

    def states() -> set[DeliveryState]:
        about_it = {row.id for row in look(Reminder, milestone_id=walk)}
        return {row.state for row in look(Delivery) if row.reminder_id in about_it}

    coordinator.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-03-02"})
    phone.pull()
    phone.push(milestone_progress=[OPEN | {"id": walk, "achieved_on": "2026-03-01"}])
    coordinator.post(f"/milestones/{walk}/reopen")
    planned_again = states()
    (conflict,) = conflicts(coordinator)

    coordinator.post(f"/conflicts/{conflict['id']}/resolve", {"keep": "lost"})

    assert DeliveryState.pending in planned_again
    assert DeliveryState.pending not in states()


def test_a_clinician_who_has_the_patient_on_no_panel_settles_too(
    push_with_base: Push, phone: Phone, clinician: Caller, clinic: Clinic, look: Look
) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1", pain=5)])
    push_with_base("check_ins", "c-1", base={"pain": 4}, pain=7)
    (conflict,) = conflicts(clinician)

    answer = clinician.post(f"/conflicts/{conflict['id']}/resolve", {"keep": "lost"})

    (row,) = look(CheckIn)
    assert answer.status_code == 200, answer.json
    assert (conflict["lost"], row.pain, row.reported_by) == ({"pain": 5}, 5, "patient")


@pytest.mark.sqlite_only
def test_conflicts_are_listed_by_patient_and_in_pages(
    push_with_base: Push, phone: Phone, coordinator: Caller, clinic: Clinic
) -> None:
    phone.push(check_ins=[check_in(clinic, f"c-{number}", pain=5) for number in range(3)])
    for number in range(3):
        push_with_base("check_ins", f"c-{number}", base={"pain": 4}, pain=7)

    first = coordinator.get("/conflicts", query_string={"limit": 2}).json
    second = coordinator.get("/conflicts", query_string={"limit": 2, "after": first["next"]}).json

    assert {each["row_id"] for each in first["items"] + second["items"]} == {"c-0", "c-1", "c-2"}
    assert second["next"] is None
    assert len(conflicts(coordinator, patient_id=clinic.patient.id)) == 3
    assert conflicts(coordinator, patient_id=clinic.other_patient.id) == []


# ---------------------------------------------------------------------------------------------------- refused rows
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
    desk.push(check_ins=[check_in(clinic, "c-9") | {"episode_id": clinic.other_episode.id}])
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
def test_of_a_row_about_an_unknown_patient_collection_and_reason_are_shown_alone(
    desk: Phone, coordinator: Caller, clinic: Clinic
) -> None:
    theirs = check_in(clinic, "c-9", note="Somebody's words") | {"episode_id": clinic.other_episode.id}

    desk.push(check_ins=[theirs])

    (told,) = refused(coordinator)
    assert (told["collection"], told["reason"]) == ("check_ins", "unknown")
    assert (told["patient_id"], told["row_id"], told["content"]) == (None, None, None)


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


# ------------------------------------------------------------------------------------------------- former versions
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
