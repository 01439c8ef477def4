"""The course on a day: what counts, what is behind only after its latest day, and what is the clinic's to do."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from service.api import examples_progress as examples
from service.api.progress import ProgressOnDay
from tests import builders
from tests.api.conftest import Caller, Clinic

FindId = Callable[[str], str]


def progress(caller: Caller, episode_id: str, as_of: str) -> dict[str, Any]:
    answer = caller.get(f"/episodes/{episode_id}/progress?as_of={as_of}")
    assert answer.status_code == 200
    return dict(answer.json)


def keys(items: list[dict[str, Any]]) -> list[str]:
    return [each["key"] for each in items]


def test_nothing_counts_before_a_window_of_the_patients_own_has_closed(patient: Caller, clinic: Clinic) -> None:
    shown = progress(patient, clinic.episode.id, "2026-02-23")

    assert shown["adherence"] == {
        "counted": 0,
        "done_in_time": 0,
        "done_late": 0,
        "not_done": 0,
        "done_percent": None,
        "in_time_percent": None,
    }
    assert shown["stages"] == [{"stage": 1, "surgery_on": "2026-02-23", "pod": 0}]


def test_an_item_is_behind_from_the_day_after_its_latest_day(patient: Caller, clinic: Clinic) -> None:
    last, after = (progress(patient, clinic.episode.id, day) for day in ("2026-03-16", "2026-03-17"))

    assert "walk30" not in keys(last["behind"])
    (walking,) = [each for each in after["behind"] if each["key"] == "walk30"]
    assert (walking["closed_on"], walking["since_on"], walking["days"]) == ("2026-03-16", "2026-03-17", 1)
    assert walking["rule"] == "after_latest_day"
    assert walking["patient_text"] == {"en": "Talk to us", "es": "Hable con nosotros"}


def test_what_was_done_counts_in_time_or_late_by_its_own_day(
    patient: Caller, clinician: Caller, clinic: Clinic, milestone_id: FindId
) -> None:
    patient.post(f"/milestones/{milestone_id('walk30')}/achieve", {"achieved_on": "2026-03-02"})

    shown = progress(clinician, clinic.episode.id, "2026-03-17")

    counts = shown["adherence"]
    assert counts["done_in_time"] == 1
    assert counts["counted"] == counts["done_in_time"] + counts["done_late"] + counts["not_done"]
    assert "walk30" not in keys(shown["behind"])


def test_what_waits_for_a_clearance_is_the_clinics_and_never_the_patients_lateness(
    patient: Caller, clinic: Clinic
) -> None:
    shown = progress(patient, clinic.episode.id, "2027-06-01")

    (driving,) = [each for each in shown["waiting_for_clinic"] if each["key"] == "drive"]
    assert (driving["reason"], driving["lifts"]) == ("to_clear", "driving")
    assert driving["since_on"] == "2026-03-09"
    assert "drive" not in keys(shown["behind"])


def test_the_next_three_fall_due_in_order(patient: Caller, clinic: Clinic) -> None:
    days = [each["due_on"] for each in progress(patient, clinic.episode.id, "2026-03-02")["next"]]

    assert len(days) == 3
    assert days == sorted(days)


@pytest.mark.parametrize("status", ["closed", "withdrawn", "transferred", "died"])
def test_of_an_episode_that_has_ended_nothing_is_asked(status: str, coordinator: Caller, clinic: Clinic) -> None:
    coordinator.amend(f"/episodes/{clinic.episode.id}", {"status": status})

    shown = progress(coordinator, clinic.episode.id, "2027-06-01")

    assert shown["goes_on"] is False
    assert (shown["behind"], shown["waiting_for_clinic"], shown["next"]) == ([], [], [])


def test_the_etag_moves_with_the_day_and_with_a_report(patient: Caller, clinic: Clinic, milestone_id: FindId) -> None:
    path = f"/episodes/{clinic.episode.id}/progress"
    known = {"If-None-Match": patient.get(path).headers["ETag"]}

    unchanged, another_day = patient.get(path, headers=known), patient.get(f"{path}?as_of=2026-03-03", headers=known)
    patient.post(f"/milestones/{milestone_id('walk30')}/achieve", {"achieved_on": "2026-03-02"})
    after_a_report = patient.get(path, headers=known)

    assert [each.status_code for each in (unchanged, another_day, after_a_report)] == [304, 200, 200]


def test_a_foreign_episode_answers_as_a_missing_one_does(
    other_patient: Caller, foreign_staff: Caller, clinic: Clinic
) -> None:
    answers = [
        caller.get(f"/episodes/{episode}/progress")
        for caller in (other_patient, foreign_staff)
        for episode in (clinic.episode.id, "no-such-episode")
    ]

    assert [each.status_code for each in answers] == [404] * 4


def test_an_episode_without_a_surgery_has_an_answer(coordinator: Caller, session: Session, clinic: Clinic) -> None:
    episode = builders.episode(session, clinic.patient)
    session.commit()

    shown = progress(coordinator, episode.id, "2026-03-02")

    assert (shown["stages"], shown["next"], shown["adherence"]["done_percent"]) == ([], [], None)


@pytest.mark.sqlite_only
def test_a_day_off_the_calendar_is_refused(patient: Caller, clinic: Clinic) -> None:
    answer = patient.get(f"/episodes/{clinic.episode.id}/progress?as_of=2026-02-30")

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/as_of")


@pytest.mark.parametrize("as_of", ["0001-01-01", "9999-12-31", "2024-02-29"])
@pytest.mark.sqlite_only
def test_every_day_of_the_calendar_has_an_answer(patient: Caller, clinic: Clinic, as_of: str) -> None:
    assert progress(patient, clinic.episode.id, as_of)["as_of"] == as_of


@pytest.mark.sqlite_only
def test_the_example_has_the_answers_form(patient: Caller, clinic: Clinic) -> None:
    shown = progress(patient, clinic.episode.id, "2026-05-11")

    assert ProgressOnDay().validate(examples.PROGRESS) == {}
    assert shown.keys() == examples.PROGRESS.keys()
    for name in ("behind", "waiting_for_clinic", "next"):
        assert shown[name][0].keys() == examples.PROGRESS[name][0].keys()
