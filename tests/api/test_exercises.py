"""What patients tick off: what the limits of the day ask about, in check-ins, and how the clinic sees it kept to."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import CheckIn, Delivery, Reminder
from schedules.plan.exercises import EXERCISES, exercises_asked
from schedules.plan.library import load_library
from schedules.plan.vocabulary import Grade, RestrictionKind
from service.api import examples_progress as examples
from service.api.exercises import ExercisesToday
from tests.api.conftest import Caller, Clinic, Look
from tests.api.message_reader import Reader, form_of, path_in, send_due
from tests.clock import FixedClock


def path_of(clinic: Clinic) -> str:
    return f"/episodes/{clinic.episode.id}/exercises"


def tick(who: Caller, clinic: Clinic, row_id: str, at: str, *keys: str, **more: Any) -> Any:
    body = {"episode_id": clinic.episode.id, "reported_at": at, "pain": 3, "exercises": list(keys)} | more
    return who.put(f"/check-ins/{row_id}", body)


def asked(who: Caller, clinic: Clinic) -> dict[str, int]:
    return {each["key"]: each["days_done"] for each in who.get(path_of(clinic)).json["items"]}


@pytest.mark.sqlite_only
def test_each_exercise_has_a_grade_and_sources_that_exist_and_no_dose() -> None:
    known = load_library().sources

    assert ExercisesToday().validate(examples.EXERCISES) == {}
    for each in EXERCISES:
        assert each.grade is Grade.E
        assert all(source in known for source in each.sources)
        assert (each.limit is None) is not (each.after is None)
    assert exercises_asked((), ()) == ()
    assert [each.key for each in exercises_asked((), {"pt_start"})] == ["therapy"]
    assert [each.key for each in exercises_asked({RestrictionKind.sitting}, ())] == ["sit_breaks"]


def test_what_is_ticked_counts_once_a_day_over_the_last_seven(
    patient: Caller, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    first = tick(patient, clinic, "c-1", "2026-03-02T14:00:00Z", "walk", "spine_straight", "walk")
    tick(patient, clinic, "c-2", "2026-03-02T14:30:00Z", "walk")
    tick(patient, clinic, "c-3", "2026-03-01T04:30:00Z")  # 28 February in New York: none was done
    tick(patient, clinic, "c-4", "2026-02-23T14:00:00Z", "walk")  # eight days ago
    patient.put("/check-ins/c-5", {"episode_id": clinic.episode.id, "reported_at": "2026-02-27T14:00:00Z", "pain": 3})

    seen = coordinator.get(path_of(clinic)).json
    assert (first.status_code, first.json["exercises"]) == (201, ["spine_straight", "walk"])
    assert (seen["as_of"], seen["days_told"]) == ("2026-03-02", 2)
    assert asked(coordinator, clinic) == {"spine_straight": 1, "walk": 1, "sit_breaks": 0}
    assert {each["phase"] for each in seen["items"]} == {"protect"}
    assert patient.get(path_of(clinic)).json == seen
    assert [row.exercises for row in look(CheckIn, id="c-5")] == [None]


def test_protection_ends_with_the_limit_and_therapy_begins_when_it_was_reported(
    clinician: Caller, coordinator: Caller, clinic: Clinic, milestone_id: Any
) -> None:
    clinician.post(f"/milestones/{milestone_id('pt_start')}/achieve", {"achieved_on": "2026-03-02"})
    assert "therapy" in asked(coordinator, clinic)

    cleared = clinician.post(f"/milestones/{milestone_id('blt_end')}/clear", {"override": "Seen at the visit."})
    assert cleared.status_code == 200, cleared.json
    assert list(asked(coordinator, clinic)) == ["sit_breaks", "therapy"]

    coordinator.amend(f"/episodes/{clinic.episode.id}", {"status": "closed"})
    assert asked(coordinator, clinic) == {}


@pytest.mark.sqlite_only
@pytest.mark.parametrize("keys", [["run"], "walk", [7]])
def test_what_is_no_exercise_is_refused(patient: Caller, clinic: Clinic, keys: Any) -> None:
    body = {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T14:00:00Z", "pain": 3, "exercises": keys}

    refused = patient.put("/check-ins/c-1", body)

    assert refused.status_code == 422
    assert refused.json["errors"][0]["pointer"].startswith("/exercises")


def test_another_clinics_exercises_are_not_there(foreign_staff: Caller, clinic: Clinic) -> None:
    assert foreign_staff.get(path_of(clinic)).status_code == 404


def test_the_page_of_a_message_asks_and_takes_what_was_ticked(
    app: Flask, engine: Engine, session: Session, clinic: Clinic, clock: FixedClock, look: Look
) -> None:
    (due,) = session.query(Reminder).filter_by(patient_id=clinic.patient.id, key="encourage")
    session.query(Delivery).filter(Delivery.reminder_id != due.id).delete()
    session.query(Delivery).update({"next_attempt_at": clock.now(), "due_at": clock.now()})
    session.commit()
    (sent,) = send_due(engine, session, clock)
    reader = Reader(app.test_client(), path_in(sent))
    reader.open()

    page = reader.look()
    told = {"form": form_of(page), "pain": "4", "asks_exercises": "yes", "exercise": ["walk", "spine_straight"]}
    taken = reader.client.post(reader.path + "/check-in", data=told)
    strange = reader.answer(reader.look(), pain="4", asks_exercises="yes", exercise="run")
    unasked = reader.answer(reader.look(), pain="4")

    assert [each.status_code for each in (taken, strange, unasked)] == [303, 422, 303]
    assert 'name="exercise" value="walk"' in page.get_data(as_text=True)
    assert [row.exercises for row in sorted(look(CheckIn), key=lambda row: row.id)] == [
        ["spine_straight", "walk"],
        None,
    ]
