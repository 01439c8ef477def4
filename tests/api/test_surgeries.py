"""Surgeries: each pins its protocol and plans its episode; a dated one changes through a move."""

from datetime import date

import pytest
from sqlalchemy.orm import Session

from models import Episode, Milestone, Reminder, Surgery, Task
from models.report import TaskKind, TaskState
from schedules.plan.vocabulary import CancelReason, ReminderState
from tests import builders
from tests.api.conftest import Caller, Clinic, Look

PATH = "/surgeries/k7Qm2pXcV9sLwRtA"


@pytest.fixture
def episode(session: Session, clinic: Clinic) -> Episode:
    """Return an episode without a surgery."""
    row = builders.episode(session, clinic.patient)
    session.commit()
    return row


def body(episode: Episode, **changes: object) -> dict[str, object]:
    return {
        "episode_id": episode.id,
        "procedure": "tlif",
        "approach": "tubular",
        "levels": ["L4-L5"],
        "surgery_on": "2026-03-20",
        "setting": "inpatient",
    } | changes


def milestones_of(look: Look, episode: Episode) -> dict[str, Milestone]:
    return {row.key: row for row in look(Milestone, practice_id=episode.practice_id, episode_id=episode.id)}


def test_a_surgery_sent_twice_is_stored_and_planned_once(coordinator: Caller, episode: Episode, look: Look) -> None:
    first = coordinator.put(PATH, body(episode))
    planned = milestones_of(look, episode)
    second = coordinator.put(PATH, body(episode))

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json == second.json
    assert (first.json["protocol_id"], first.json["approach_class"]) == ("TLIF-MISS", "miss")
    assert planned["walk30"].target_on is not None
    assert milestones_of(look, episode).keys() == planned.keys()
    assert any(row.state is ReminderState.planned for row in look(Reminder, episode_id=episode.id))


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"procedure": "intracept", "approach": "open", "levels": ["L4"]}, "/approach"),
        (
            {"procedure": "acdf", "approach": "anterior", "levels": ["C5-C6"], "approach_class": "open"},
            "/approach_class",
        ),
        ({"procedure": "acdf", "approach": "anterior"}, "/levels"),
        ({"procedure": "kyphoplasty", "approach": "percutaneous", "levels": ["L4-L5"]}, "/levels"),
        ({"levels": ["L4-L5", "L4-L5"]}, "/levels"),
        ({"levels": []}, "/levels"),
        ({"levels": ["lumbar"]}, "/levels/0"),
        ({"approach": "laser"}, "/approach"),
        ({"procedure": "hip_replacement"}, "/procedure"),
        ({"surgery_on": "0026-10-05"}, "/surgery_on"),
        ({"surgery_on": "2126-03-20"}, "/surgery_on"),
        ({"status": "performed"}, "/status"),
        ({"discharged_on": "2026-03-19"}, "/discharged_on"),
        ({"surgery_on": "2026-02-20", "discharged_on": "2026-02-19"}, "/discharged_on"),
        ({"surgery_on": "2026-02-20", "discharged_on": "2026-03-03"}, "/discharged_on"),
        ({"surgery_on": None, "status": "performed"}, "/surgery_on"),
        ({"blood_loss_ml": -1}, "/blood_loss_ml"),
        ({"stage": 0}, "/stage"),
        ({"arrival_at": "6:30"}, "/arrival_at"),
    ],
)
@pytest.mark.sqlite_only
def test_what_a_procedure_does_not_have_is_refused(
    coordinator: Caller, episode: Episode, changes: dict[str, object], pointer: str
) -> None:
    answer = coordinator.put(PATH, body(episode, **changes))

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]


def test_a_surgeon_may_override_the_class_of_an_approach(coordinator: Caller, episode: Episode) -> None:
    midline = body(episode, procedure="lumbar_microdiscectomy", approach="microscopic_midline")

    by_approach = coordinator.put(PATH, midline)
    by_surgeon = coordinator.put("/surgeries/second", midline | {"approach_class": "miss", "stage": 2})

    assert (by_approach.json["protocol_id"], by_surgeon.json["protocol_id"]) == ("MD-OPEN", "MD-MISS")


def test_a_plan_without_a_date_has_offsets_and_gets_its_days_with_the_date(
    coordinator: Caller, episode: Episode, look: Look
) -> None:
    coordinator.put(PATH, body(episode, surgery_on=None))
    undated = milestones_of(look, episode)["walk30"]
    without_reminders = look(Reminder, episode_id=episode.id)

    answer = coordinator.amend(PATH, {"surgery_on": "2026-03-20"})

    dated = milestones_of(look, episode)["walk30"]
    assert answer.status_code == 200
    assert (undated.target_on, without_reminders) == (None, [])
    assert undated.target_days is not None
    assert dated.target_on is not None
    assert (dated.target_on - date(2026, 3, 20)).days == dated.target_days


def test_an_undated_surgery_changes_freely_and_pins_another_protocol(
    coordinator: Caller, episode: Episode, look: Look
) -> None:
    coordinator.put(PATH, body(episode, surgery_on=None))

    answer = coordinator.amend(PATH, {"approach": "open"})

    assert (answer.status_code, answer.json["protocol_id"], answer.json["approach_class"]) == (200, "TLIF-OPEN", "open")
    (row,) = look(Surgery, practice_id=episode.practice_id, episode_id=episode.id)
    assert row.protocol_id == "TLIF-OPEN"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("surgery_on", "2026-03-27"),
        ("surgery_on", None),
        ("approach", "open"),
        ("approach_class", "open"),
        ("levels", ["L3-L4"]),
        ("procedure", "alif"),
        ("stage", 2),
    ],
)
@pytest.mark.sqlite_only
def test_a_dated_surgery_changes_through_a_move(
    coordinator: Caller, episode: Episode, look: Look, field: str, value: object
) -> None:
    coordinator.put(PATH, body(episode))
    before = milestones_of(look, episode)["walk30"].target_on

    answer = coordinator.amend(PATH, {field: value})

    assert (answer.status_code, answer.json["code"]) == (409, "needs_move")
    assert f"/{field}" in [fault["pointer"] for fault in answer.json["errors"]]
    assert milestones_of(look, episode)["walk30"].target_on == before


def test_what_no_plan_day_follows_from_may_change_after_the_date(coordinator: Caller, clinic: Clinic) -> None:
    change = {
        "discharged_on": "2026-02-24",
        "blood_loss_ml": 40,
        "brace_ordered": True,
        "site": "North wing",
        "indication": "Radiculopathy",
        "surgeon_id": clinic.clinician.id,
        "setting": "inpatient",
    }

    answer = coordinator.amend(f"/surgeries/{clinic.surgery.id}", change)

    assert answer.status_code == 200
    assert {name: answer.json[name] for name in change} == change


def test_the_indication_is_sealed_where_it_is_stored(coordinator: Caller, clinic: Clinic, look: Look) -> None:
    coordinator.amend(f"/surgeries/{clinic.surgery.id}", {"indication": "Radiculopathy"})

    (row,) = look(Surgery, practice_id=clinic.id, id=clinic.surgery.id)
    assert row.indication == "Radiculopathy"
    assert b"Radiculopathy" not in (row.indication_sealed or b"")


def ask_whether_it_happened(session: Session, clinic: Clinic) -> Surgery:
    """Return a planned surgery whose day has passed, with the question about it."""
    episode = builders.episode(session, clinic.patient)
    surgery = builders.surgery(session, episode, status="planned", surgery_on=date(2026, 2, 27))
    session.commit()
    return surgery


@pytest.mark.parametrize("status", ["performed", "cancelled"])
def test_saying_whether_it_happened_closes_the_question(
    coordinator: Caller, session: Session, clinic: Clinic, look: Look, status: str
) -> None:
    surgery = ask_whether_it_happened(session, clinic)
    coordinator.amend(f"/surgeries/{surgery.id}", {"setting": "inpatient"})
    (asked,) = look(Task, practice_id=clinic.id, surgery_id=surgery.id, kind=TaskKind.confirm_surgery)

    answer = coordinator.amend(f"/surgeries/{surgery.id}", {"status": status})

    (task,) = look(Task, practice_id=clinic.id, id=asked.id)
    assert answer.status_code == 200
    assert asked.state is TaskState.open
    assert (task.state, task.done_by) == (TaskState.done, clinic.coordinator.id)


def test_a_cancelled_surgery_takes_its_plan_and_messages_back(
    coordinator: Caller, episode: Episode, look: Look
) -> None:
    coordinator.put(PATH, body(episode))

    answer = coordinator.amend(PATH, {"status": "cancelled"})

    rows = look(Reminder, practice_id=episode.practice_id, episode_id=episode.id)
    assert answer.status_code == 200
    assert {row.cancel_reason for row in milestones_of(look, episode).values()} == {CancelReason.surgery_cancelled}
    assert all(row.state is not ReminderState.planned for row in rows)
    assert {row.reason for row in rows if row.state is ReminderState.cancelled} == {"surgery_cancelled"}


@pytest.mark.parametrize("status", ["planned", "cancelled"])
@pytest.mark.sqlite_only
def test_what_was_performed_stays_performed(coordinator: Caller, clinic: Clinic, status: str) -> None:
    answer = coordinator.amend(f"/surgeries/{clinic.surgery.id}", {"status": status})

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (409, "/status")


def test_a_stage_is_used_once_in_an_episode(coordinator: Caller, clinic: Clinic) -> None:
    answer = coordinator.put(PATH, body(clinic.episode, stage=1))

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (409, "/stage")
