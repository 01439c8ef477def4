"""Simulations by the API: a made-up patient with the clinic's settings; as data or as a picture; nothing is stored."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy.orm import Session

from models import AuditEntry, Episode, Milestone, Patient, Reminder
from models.audit import AuditAction
from service.api import examples_simulations as examples
from service.api.simulations import SimulationAnswer, SimulationBody
from tests.api.conftest import Caller, Clinic, Look

SVG = "{http://www.w3.org/2000/svg}"
ASKED = examples.SIMULATION


def asked(**changes: Any) -> dict[str, Any]:
    """The example's body with some of its parts changed; those of the stage and patient by name."""
    body = ASKED | {name: value for name, value in changes.items() if name in SimulationBody().fields}
    rest = {name: value for name, value in changes.items() if name not in body}
    return body | {"stages": [ASKED["stages"][0] | rest]} if rest else body


def messages(answer: Any) -> dict[tuple[str, str], dict[str, Any]]:
    days = answer.json["simulations"][0]["days"]
    return {(each["milestone_key"], each["reminder_key"]): each for day in days for each in day["messages"]}


@pytest.mark.sqlite_only
def test_the_examples_fit_their_schemas() -> None:
    assert SimulationBody().validate(examples.SIMULATION) == {}
    assert examples.SIMULATION_ANSWER.keys() == SimulationAnswer().fields.keys()


@pytest.mark.sqlite_only
def test_the_example_is_what_is_answered(coordinator: Caller) -> None:
    answer = coordinator.post("/simulations", ASKED)

    (told,), (example,) = answer.json["simulations"], examples.SIMULATION_ANSWER["simulations"]
    assert answer.status_code == 200
    assert told["protocols"] == example["protocols"]
    assert told["not_sent"] == example["not_sent"]
    assert {name: told["days"][0][name] for name in ("on", "pods", "is_closed", "lifting_lb", "limits")} == {
        name: example["days"][0][name] for name in ("on", "pods", "is_closed", "lifting_lb", "limits")
    }
    assert all(each in told["days"][0]["messages"] for each in example["days"][0]["messages"])
    assert all(each in answer.json["compared"] for each in examples.SIMULATION_ANSWER["compared"])


def test_a_simulation_stores_nothing_and_shows_nobody(coordinator: Caller, clinic: Clinic, look: Look) -> None:
    stored = {model: len(look(model)) for model in (Patient, Episode, Milestone, Reminder)}

    coordinator.post("/simulations", ASKED)

    assert {model: len(look(model)) for model in stored} == stored
    (entry,) = look(AuditEntry, practice_id=clinic.id, route="POST /api/v1/simulations")
    assert (entry.action, entry.status) == (AuditAction.read, 200)


def test_the_clinics_closed_days_and_holidays_count(coordinator: Caller, session: Session, clinic: Clinic) -> None:
    clinic.practice.closed_on, clinic.practice.holiday_calendar = ["2026-05-26"], "US"
    session.commit()

    told = messages(coordinator.post("/simulations", asked(from_on="2026-05-20", days=14)))["blt_end", "ask"]

    assert told["local_at"] == "2026-05-27T10:00:00-07:00"  # Memorial Day is the 25th
    assert told["shifts"] == [{"reason": "closed_day", "instead_of": "2026-05-25T17:00:00Z"}]


@pytest.mark.sqlite_only
def test_a_clock_change_moves_the_instant_and_not_the_wall_time(coordinator: Caller) -> None:
    body = asked(from_on="2026-02-16", days=60, patient={"time_zone": "America/New_York"}, surgery_on="2026-02-23")

    told = messages(coordinator.post("/simulations", body))

    before, after = told["shower", "may_ask"], told["walk30", "encourage"]
    assert (before["local_at"], before["due_at"]) == ("2026-02-26T09:00:00-05:00", "2026-02-26T14:00:00Z")
    assert (after["local_at"], after["due_at"]) == ("2026-03-09T09:00:00-04:00", "2026-03-09T13:00:00Z")


@pytest.mark.sqlite_only
def test_late_enrolment_says_what_will_not_be_sent(coordinator: Caller) -> None:
    body = asked(enrolled_at="2026-04-20T15:00:00Z", from_on=None)

    answer = coordinator.post("/simulations", body).json["simulations"][0]

    told = {(each["milestone_key"], each["reminder_key"]): each["outcome"] for each in answer["not_sent"]}
    assert told["step_baseline", "start"] == "past_skip"
    assert told["drive", "ask"] == "asked_coordinator"
    assert answer["days"][0]["on"] >= "2026-04-20"


@pytest.mark.sqlite_only
def test_classes_side_by_side_are_told_for_each_item(coordinator: Caller) -> None:
    body = asked(beside=True, stages=[{"procedure": "tlif", "surgery_on": "2026-03-02"}])

    answer = coordinator.post("/simulations", body).json

    told = {each["name"]: each for each in answer["compared"]}
    assert [each["protocols"][0]["id"] for each in answer["simulations"]] == ["TLIF-MISS", "TLIF-OPEN"]
    assert told["driving"]["words"] == ["21 (14 to 28)", "35 (28 to 42)"]
    assert told["driving"]["grades"] == ["B", "C"]
    assert told["driving"]["differs"]
    assert not told["physical therapy begins"]["differs"]
    assert told["lifting limit 2"]["words"] == ["20 lb, 43 until cleared, from 85", "15 lb, 43 to 90"]


@pytest.mark.sqlite_only
def test_stages_of_one_patient_are_simulated_together(coordinator: Caller) -> None:
    stages = [
        {"procedure": "intracept", "surgery_on": "2026-03-02"},
        {"protocol_id": "TLIF-OPEN", "protocol_version": 1, "surgery_on": "2026-04-20"},
    ]

    answer = coordinator.post("/simulations", asked(stages=stages, from_on="2026-04-20", days=2)).json

    (simulation,) = answer["simulations"]
    assert [each["id"] for each in simulation["protocols"]] == ["INTRACEPT", "TLIF-OPEN"]
    assert simulation["days"][0]["pods"] == {"1": 49, "2": 0}
    assert {"event": "superseded", "stage": 1, "key": "drive", "lifts": "driving", "grade": "E"} in simulation["days"][
        0
    ]["milestones"]


@pytest.mark.sqlite_only
def test_a_surgery_without_a_day_is_told_in_days_alone(coordinator: Caller) -> None:
    answer = coordinator.post("/simulations", asked(surgery_on=None)).json

    assert answer["simulations"][0]["days"] == []
    assert "21 (14 to 28)" in next(each for each in answer["compared"] if each["name"] == "driving")["words"]


@pytest.mark.sqlite_only
def test_a_picture_comes_to_who_accepts_one(coordinator: Caller) -> None:
    answer = coordinator.post("/simulations", ASKED, headers={"Accept": "image/svg+xml"})
    data = coordinator.post("/simulations", ASKED, headers={"Accept": "image/svg+xml;q=0.5, application/json"})

    assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
    assert ET.fromstring(answer.get_data(as_text=True)).tag == f"{SVG}svg"
    assert data.mimetype == "application/json"


@pytest.mark.sqlite_only
def test_a_patients_phone_simulates_nothing(patient: Caller, anonymous: Caller) -> None:
    assert patient.post("/simulations", ASKED).status_code == 403
    assert anonymous.post("/simulations", ASKED).status_code == 401
