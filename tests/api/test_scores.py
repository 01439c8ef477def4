"""Scores over time: computed here, compared with the last before surgery, and their questionnaires achieved."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import MilestoneProgress, Reminder
from schedules.plan.vocabulary import ReminderState
from service.identity.tokens import enrol_device
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import FixedClock

Find = Callable[[str], str]
TWO_WEEKS = datetime(2026, 3, 9, 15, 0, tzinfo=UTC)  # two weeks after surgery: the window of two weeks is open
ODI: dict[str, Any] = {"instrument": "odi", "answers": {"percent": 50}}


@pytest.fixture
def patient(app: Flask, session: Session, clinic: Clinic, clock: FixedClock) -> Caller:
    """Return the patient's phone two weeks after surgery."""
    clock.set_wall_clock(TWO_WEEKS)
    tokens = enrol_device(session, clinic.id, clinic.patient.id, TWO_WEEKS)
    session.commit()
    return Caller(app.test_client(), tokens.access.secret)


def answer(who: Caller, clinic: Clinic, answer_id: str, at: str, **more: Any) -> Any:
    """Let somebody answer a questionnaire: pain in back and leg unless told otherwise."""
    body = {"episode_id": clinic.episode.id, "instrument": "nrs", "answered_at": at, "answers": {"back": 6, "leg": 8}}
    return who.put(f"/questionnaire-answers/{answer_id}", body | more)


def scores(who: Caller, clinic: Clinic, query: str = "") -> dict[str, Any]:
    """Return what is answered about the scores of the clinic's patient."""
    told = who.get(f"/episodes/{clinic.episode.id}/scores{query}")
    assert told.status_code == 200, told.json
    body: dict[str, Any] = told.json
    return body


def measure(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the scores of one measure."""
    (found,) = (each for each in body["measures"] if each["measure"] == name)
    return dict(found)


def test_a_score_is_compared_with_the_last_one_before_surgery_by_every_figure_that_applies(
    patient: Caller, clinic: Clinic
) -> None:
    for day, percent in (("02-01", 60), ("02-20", 50), ("03-09", 36)):
        answer(patient, clinic, f"odi-{day}", f"2026-{day}T14:00:00Z", **ODI | {"answers": {"percent": percent}})

    odi = measure(scores(patient, clinic), "odi")

    assert odi["baseline_id"] == "odi-02-20"
    assert [(each["pod"], each["value"], each["improved_by"]) for each in odi["points"]] == [
        (-22, 60, None),
        (-3, 50, None),
        (14, 36, 14),
    ]
    last = odi["points"][-1]
    assert last["improved_percent"] == 28
    assert [
        (each["amount"], each["is_percent"], each["sources"][0]["id"], each["grade"], each["is_reached"])
        for each in last["important_changes"]
    ] == [
        (10, False, "S114", "C", True),
        (30, True, "S114", "C", False),
        (12.8, False, "S113", "B", True),
        (15, False, "S120", "B", False),
        (18, False, "S115", "B", False),
    ]


@pytest.mark.sqlite_only
def test_a_score_of_the_day_of_surgery_is_a_baseline_only_as_the_answer_to_one(
    patient: Caller, clinic: Clinic, milestone_id: Find
) -> None:
    answer(patient, clinic, "beside", "2026-02-23T20:00:00Z")
    assert measure(scores(patient, clinic), "nrs_leg")["baseline_id"] is None

    answer(patient, clinic, "before", "2026-02-23T11:00:00Z", milestone_id=milestone_id("prom_baseline"))

    assert measure(scores(patient, clinic), "nrs_leg")["baseline_id"] == "before"


@pytest.mark.sqlite_only
def test_a_score_that_is_months_older_than_the_surgery_is_no_baseline(patient: Caller, clinic: Clinic) -> None:
    answer(patient, clinic, "old", "2025-12-24T14:00:00Z")
    assert measure(scores(patient, clinic), "nrs_leg")["baseline_id"] is None

    answer(patient, clinic, "in-time", "2025-12-25T14:00:00Z")

    assert measure(scores(patient, clinic), "nrs_leg")["baseline_id"] == "in-time"


def test_an_index_with_too_few_sections_is_kept_without_a_score(patient: Caller, clinic: Clinic) -> None:
    body = {"instrument": "odi", "answers": {"points": 14, "answered": 7}}

    told = answer(patient, clinic, "few", "2026-03-02T14:00:00Z", **body)

    unscored = [{"measure": "odi", "value": None, "not_scored": "too_few_answered"}]
    assert (told.status_code, told.json["scores"]) == (201, unscored)
    assert measure(scores(patient, clinic), "odi")["points"][0]["not_scored"] == "too_few_answered"


def test_answered_questionnaires_are_achieved_on_their_day_and_asked_for_no_more(
    patient: Caller, clinic: Clinic, milestone_id: Find, look: Look
) -> None:
    asked = milestone_id("prom_2wk")

    answer(patient, clinic, "nrs", "2026-03-08T14:00:00Z", milestone_id=asked)

    (progress,) = look(MilestoneProgress, practice_id=clinic.id, id=asked)
    assert (progress.achieved_on, progress.reported_by) == (date(2026, 3, 8), "patient")
    states = {row.state for row in look(Reminder, practice_id=clinic.id, milestone_id=asked)}
    assert states == {ReminderState.cancelled}
    plan = patient.get(f"/episodes/{clinic.episode.id}/plan").json
    assert [each["state"] for each in plan["milestones"] if each["key"] == "prom_2wk"] == ["achieved"]


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("key", "at", "more"),
    [
        ("prom_2wk", "2026-03-04T14:00:00Z", {}),  # the day before its window
        ("prom_baseline", "2026-02-24T14:00:00Z", {}),  # the day after surgery
        ("prom_2wk", "2026-03-09T14:00:00Z", {"instrument": "ndi", "answers": {"points": 9, "answered": 3}}),
    ],
)
def test_an_answer_that_does_not_count_achieves_nothing(
    patient: Caller,
    clinic: Clinic,
    milestone_id: Find,
    look: Look,
    key: str,
    at: str,
    more: dict[str, Any],
) -> None:
    told = answer(patient, clinic, "early", at, milestone_id=milestone_id(key), **more)

    assert told.status_code == 201
    assert look(MilestoneProgress, practice_id=clinic.id, id=milestone_id(key)) == []


@pytest.mark.sqlite_only
def test_what_was_reported_of_a_questionnaire_before_stays(
    patient: Caller, clinic: Clinic, milestone_id: Find, look: Look
) -> None:
    asked = milestone_id("prom_2wk")
    patient.post(f"/milestones/{asked}/skip", {"reason": "patient_declined"})

    answer(patient, clinic, "nrs", "2026-03-09T14:00:00Z", milestone_id=asked)

    (progress,) = look(MilestoneProgress, practice_id=clinic.id, id=asked)
    assert (progress.achieved_on, progress.skip_reason) == (None, "patient_declined")


@pytest.mark.sqlite_only
def test_what_is_due_says_which_questionnaires_are_answered(
    patient: Caller, clinic: Clinic, milestone_id: Find
) -> None:
    answer(patient, clinic, "nrs", "2026-03-09T14:00:00Z", milestone_id=milestone_id("prom_2wk"))

    (due,) = scores(patient, clinic)["due"]

    assert (due["key"], due["due_on"]) == ("prom_2wk", "2026-03-09")
    assert (due["opens_on"], due["closes_on"]) == ("2026-03-05", "2026-03-16")
    assert (due["answered"], due["unanswered"]) == (["nrs"], ["rmdq"])
    assert scores(patient, clinic, "?as_of=2026-03-04")["due"] == []


@pytest.mark.sqlite_only
def test_the_scores_of_a_day_know_nothing_later(patient: Caller, clinic: Clinic) -> None:
    answer(patient, clinic, "later", "2026-03-09T14:00:00Z")

    assert scores(patient, clinic, "?as_of=2026-03-08")["measures"] == []


def test_anothers_scores_are_as_missing_as_none(other_patient: Caller, clinic: Clinic) -> None:
    theirs = other_patient.get(f"/episodes/{clinic.episode.id}/scores")
    none = other_patient.get("/episodes/nothing/scores")

    assert (theirs.status_code, theirs.data) == (404, none.data)


def test_items_are_shown_only_where_their_licence_lets_them(patient: Caller) -> None:
    items = {each["instrument"]: each for each in patient.get("/questionnaires").json["items"]}

    assert {name: len(each["items"]) for name, each in items.items() if each["items"]} == {"rmdq": 24}
    (odi,) = items["odi"]["measures"]
    assert (odi["measure"], odi["highest"], odi["unit"]) == ("odi", 100, "percent")
    assert odi["important_changes"][0]["sources"][0]["citation"].startswith("Ostelo")
    assert all(each["measures"] and each["licence"] for each in items.values())
