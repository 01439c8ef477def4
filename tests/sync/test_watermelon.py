"""A phone with WatermelonDB: what it pulls, what its pushes become, and what it is told to let go."""

import json
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from models import CheckIn, FormerVersion, MilestoneProgress, Patient, RefusedRow, Reminder, SyncClock, SyncConflict
from models.reminder import Delivery, DeliveryState
from tests.api.conftest import Caller, Clinic, Look
from tests.sync.conftest import PATH, Phone, check_in


def test_a_first_pull_brings_the_patients_own_rows_and_nobody_elses(patient: Caller, clinic: Clinic) -> None:
    phone = Phone(patient)

    pulled = phone.pull()

    assert pulled["timestamp"] > 0
    assert list(phone.rows["patients"]) == [clinic.patient.id]
    assert list(phone.rows["episodes"]) == [clinic.episode.id]
    for name in ("milestones", "restrictions", "reminders"):
        assert {row["patient_id"] for row in phone.rows[name].values()} == {clinic.patient.id}
    assert all(changes["created"] == [] and changes["deleted"] == [] for changes in pulled["changes"].values())


def test_values_on_the_wire_are_text_numbers_booleans_and_null(phone: Phone, clinic: Clinic) -> None:
    episode = phone.rows["episodes"][clinic.episode.id]
    surgery = phone.rows["surgeries"][clinic.surgery.id]

    assert episode["enrolled_at"] == 1_771_596_000_000
    assert (surgery["surgery_on"], surgery["levels"], surgery["brace_ordered"]) == ("2026-02-23", '["L4-L5"]', False)
    assert surgery["arrival_at"] is None


def test_a_second_pull_brings_only_what_changed_since(phone: Phone, coordinator: Caller, clinic: Clinic) -> None:
    coordinator.put("/observations/o-1", {
        "episode_id": clinic.episode.id, "what": "wound_closed", "observed_at": "2026-03-02T12:00:00Z",
    })  # fmt: skip

    pulled = phone.pull()

    assert {name for name, changes in pulled["changes"].items() if changes["updated"]} == {"observations"}
    assert [row["id"] for row in pulled["changes"]["observations"]["updated"]] == ["o-1"]


def test_a_check_in_made_offline_is_stored_once_however_often_it_comes(
    phone: Phone, clinic: Clinic, look: Look
) -> None:
    row = check_in(clinic, "Zq3MdIATlIFVMwSK", note="Slept well", _status="created", _changed="")

    answers = [phone.push(check_ins=[row]).json for _ in range(3)]

    (stored,) = look(CheckIn)
    assert (stored.id, stored.pain, stored.note, stored.patient_id) == (
        "Zq3MdIATlIFVMwSK", 4, "Slept well", clinic.patient.id,
    )  # fmt: skip
    assert [(each["stored"], each["unchanged"]) for each in answers] == [(1, 0), (0, 1), (0, 1)]


def test_walked_30_minutes_survives_a_conversion_to_open(
    phone: Phone, clinic: Clinic, coordinator: Caller, milestone_id: Any, look: Look
) -> None:
    walk = milestone_id("walk30")
    path = f"/episodes/{clinic.episode.id}/moves"
    changes = [{"change": "approach_changed", "surgery_id": clinic.surgery.id, "approach": "open"}]
    shown = coordinator.post(path, {"changes": changes, "reason": "converted_in_theatre", "dry_run": True})
    assert shown.status_code == 200, shown.json
    moved = coordinator.post(path, {"token": shown.json["token"]})

    pushed = phone.push(
        milestone_progress=[{"id": walk, "achieved_on": "2026-03-02", "skip_reason": None, "note": None}]
    )
    phone.pull()

    assert (moved.status_code, pushed.json["stored"]) == (200, 1)
    assert look(MilestoneProgress)[0].achieved_on.isoformat() == "2026-03-02"  # type: ignore[union-attr]
    assert phone.rows["milestone_progress"][walk]["achieved_on"] == "2026-03-02"
    assert phone.rows["surgeries"][clinic.surgery.id]["approach"] == "open"


def test_progress_made_offline_withdraws_the_messages_about_it(
    phone: Phone, milestone_id: Any, look: Look, clinic: Clinic
) -> None:
    walk = milestone_id("walk30")

    phone.push(milestone_progress=[{"id": walk, "achieved_on": "2026-03-02"}])

    states = {
        delivery.state
        for reminder in look(Reminder, milestone_id=walk)
        for delivery in look(Delivery, reminder_id=reminder.id)
    }
    assert states == {DeliveryState.cancelled}


def test_what_lifts_a_restriction_is_not_the_patients_word_and_the_phone_lets_it_go(
    phone: Phone, milestone_id: Any, look: Look
) -> None:
    drive = milestone_id("drive")

    pushed = phone.push(milestone_progress=[{"id": drive, "achieved_on": "2026-03-02"}])
    pulled = phone.pull()

    assert (pushed.status_code, pushed.json["refused"]) == (200, 1)
    assert look(MilestoneProgress) == []
    assert pulled["changes"]["milestone_progress"]["deleted"] == [drive]
    assert look(RefusedRow)[0].reason == "lifts_a_restriction"


def test_a_column_that_is_not_the_patients_is_sent_again_as_it_is(phone: Phone, clinic: Clinic, look: Look) -> None:
    episode = dict(phone.rows["episodes"][clinic.episode.id], status="closed")

    pushed = phone.push(episodes=[episode])
    pulled = phone.pull()

    assert (pushed.status_code, pushed.json["reasserted"]) == (200, 1)
    assert [row["status"] for row in pulled["changes"]["episodes"]["updated"]] == ["active"]


def test_rows_that_changed_meanwhile_are_a_409_and_nothing_is_applied(
    phone: Phone, second_phone: Phone, clinic: Clinic, look: Look
) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1", pain=4)])
    second_phone.pull()
    phone.pull()
    second_phone.push(check_ins=[check_in(clinic, "c-1", pain=5)])

    answer = phone.push(check_ins=[check_in(clinic, "c-1", pain=6), check_in(clinic, "c-2")])

    assert (answer.status_code, answer.json["code"]) == (409, "conflict")
    assert [(row.id, row.pain) for row in look(CheckIn)] == [("c-1", 5)]


def test_an_amended_check_in_keeps_what_it_said_before(phone: Phone, clinic: Clinic, look: Look) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1", pain=4, note="Bad night")])
    phone.pull()

    phone.push(check_ins=[check_in(clinic, "c-1", pain=7, note="Bad night")])

    assert [row.pain for row in look(CheckIn)] == [7]
    assert [row.content for row in look(FormerVersion)] == ['{"pain":4}']


def test_a_device_clock_ten_years_ahead_is_data_and_our_time_stands(phone: Phone, clinic: Clinic, look: Look) -> None:
    pushed = phone.push(check_ins=[check_in(clinic, "c-1", reported_at=2_087_820_000_000, rev=99, practice_id="other")])

    (row,) = look(CheckIn)
    assert pushed.status_code == 200
    assert (row.reported_at, row.received_at) == (row.received_at, row.received_at)
    assert look(FormerVersion)[0].content == '{"reported_at":2087820000000}'


def test_a_row_that_cannot_be_is_kept_aside_and_does_not_block_the_others(
    phone: Phone, clinic: Clinic, look: Look
) -> None:
    rows = [check_in(clinic, "c-1"), check_in(clinic, "c-2", pain=42), check_in(clinic, "c-3")]

    pushed = phone.push(check_ins=rows)
    pulled = phone.pull()

    assert (pushed.json["stored"], pushed.json["refused"]) == (2, 1)
    assert [row.id for row in look(CheckIn)] == ["c-1", "c-3"]
    assert pulled["changes"]["check_ins"]["deleted"] == ["c-2"]
    assert '"pain":42' in str(look(RefusedRow)[0].content)


def test_nobody_writes_rows_of_another_patient(phone: Phone, clinic: Clinic, other_patient: Caller, look: Look) -> None:
    theirs = {"id": "c-1", "episode_id": clinic.other_episode.id, "reported_at": 1_772_460_000_000, "pain": 1}
    Phone(other_patient, cursor=0).push(check_ins=[theirs])

    pushed = phone.push(check_ins=[check_in(clinic, "c-1", pain=9), dict(theirs, id="c-2")])

    assert pushed.json["refused"] == 2
    assert [(row.id, row.pain, row.patient_id) for row in look(CheckIn)] == [("c-1", 1, clinic.other_patient.id)]


def test_nothing_is_removed_by_a_phone(phone: Phone, clinic: Clinic, look: Look) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1")])
    phone.pull()

    phone.push_body({"check_ins": {"created": [], "updated": [], "deleted": ["c-1"]}})
    pulled = phone.pull()

    assert [row.deleted for row in look(CheckIn)] == [False]
    assert [row["id"] for row in pulled["changes"]["check_ins"]["updated"]] == ["c-1"]


def test_an_acknowledgement_made_offline_marks_the_reminder_as_seen(phone: Phone, look: Look, session: Session) -> None:
    due = next(row for row in phone.rows["reminders"].values() if row["due_at"] < 1_772_460_000_000)
    row = {"id": f"{due['id']}.ack", "reminder_id": due["id"], "acknowledged_at": 1_772_460_000_000}

    phone.push(reminder_acks=[row])
    phone.pull()

    assert phone.rows["reminders"][due["id"]]["acknowledged_at"] is not None


def test_a_phone_that_travels_tells_its_zone_and_its_reminders_follow(phone: Phone, clinic: Clinic, look: Look) -> None:
    before = {row["id"]: row["due_at"] for row in phone.rows["reminders"].values()}
    me = dict(phone.rows["patients"][clinic.patient.id], time_zone="America/Los_Angeles")

    pushed = phone.push(patients=[me])
    phone.pull()

    assert pushed.json["stored"] == 1
    assert look(Patient, id=clinic.patient.id)[0].time_zone == "America/Los_Angeles"
    assert any(row["due_at"] != before.get(row["id"]) for row in phone.rows["reminders"].values())


def test_a_patient_who_joins_a_panel_comes_whole_and_goes_whole(desk: Phone, panel: Clinic, session: Session) -> None:
    own = set(desk.rows["milestones"])
    panel.other_episode.coordinator_id = panel.coordinator.id
    session.commit()
    desk.pull()
    both = {row["patient_id"] for row in desk.rows["milestones"].values()}
    panel.other_episode.coordinator_id = None
    session.commit()

    desk.pull()

    assert both == {panel.patient.id, panel.other_patient.id}
    assert set(desk.rows["milestones"]) == own
    assert set(desk.rows["patients"]) == {panel.patient.id}


def test_after_an_epoch_the_phone_replaces_what_it_has(phone: Phone, session: Session, clinic: Clinic) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1")])
    stale = phone.cursor or 0
    session.execute(update(SyncClock).values(epoch=SyncClock.epoch + 1))
    session.commit()

    pushed = phone.push(check_ins=[check_in(clinic, "c-2")])
    pulled = phone.pull()

    assert pushed.status_code == 409
    assert pulled["experimentalStrategy"] == "replacement"
    assert list(phone.rows["check_ins"]) == ["c-1"]
    assert (phone.cursor or 0) > stale


def test_a_cursor_ahead_of_the_clock_waits_for_the_database_to_catch_up(phone: Phone, patient: Caller) -> None:
    ahead = Phone(patient, cursor=(phone.cursor or 0) + 1)

    answer = patient.get(f"/sync/watermelon?last_pulled_at={ahead.cursor}")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_no_conflict_is_told_where_nothing_was_lost(phone: Phone, clinic: Clinic, look: Look) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1")])

    assert look(SyncConflict) == []


@pytest.mark.parametrize("also", [{"reported_by": "staff"}, {"reported_at": 4_102_444_800_000}])
def test_an_amendment_that_also_says_what_is_not_the_devices_to_say_is_stored_and_the_row_comes_again(
    phone: Phone, clinic: Clinic, look: Look, also: dict[str, Any]
) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1")])
    phone.pull()
    stored = phone.rows["check_ins"]["c-1"]

    phone.push(check_ins=[stored | {"pain": 6} | also])
    pulled = phone.pull()

    assert [row.pain for row in look(CheckIn)] == [6]
    assert pulled["changes"]["check_ins"]["updated"] == [stored | {"pain": 6, "rev": stored["rev"] + 1}]


def test_an_app_that_grows_gets_the_zeros_of_its_new_columns(phone: Phone, second_phone: Phone, clinic: Clinic) -> None:
    phone.push(check_ins=[check_in(clinic, "c-1", sleep=0), check_in(clinic, "c-2")])
    second_phone.pull(schema_version=3)

    grown = {"from": 3, "tables": [], "columns": [{"table": "check_ins", "columns": ["sleep"]}]}
    pulled = second_phone.pull(schema_version=4, migration=json.dumps(grown))

    assert [(row["id"], row["sleep"]) for row in pulled["changes"]["check_ins"]["updated"]] == [("c-1", 0)]


def test_a_refused_row_of_a_collection_that_an_older_app_lacks_is_no_fault(phone: Phone) -> None:
    phone.push(questionnaire_answers=[{"id": "q-1", "episode_id": "nobodys"}])

    assert "questionnaire_answers" not in phone.pull(schema_version=1)["changes"]


@pytest.mark.parametrize("columns", [[["sleep"]], [{"name": "sleep"}], 4, None])
def test_columns_of_a_migration_that_are_no_names_are_no_fault(patient: Caller, columns: Any) -> None:
    grown = {"from": 3, "tables": [], "columns": [{"table": "milestones", "columns": columns}]}

    answer = patient.get(PATH, query_string={"last_pulled_at": 0, "migration": json.dumps(grown)})

    assert answer.status_code in (200, 400)
