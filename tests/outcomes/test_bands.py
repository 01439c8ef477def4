"""The band of pain and walking: of others after the same surgery, never of few, and behind the patient's own charts."""

import re
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from schedules.plan.vocabulary import ApproachClass, Procedure
from service.care import recovery_band
from tests import builders
from tests.api.conftest import Caller, Clinic
from tests.dashboard.conftest import Desk, text_of
from tests.outcomes.courses import DAY_0, SMALLEST, course, hear, stage

MISS, MICRO = ApproachClass.miss, Procedure.lumbar_microdiscectomy
BAND = "/outcomes/recovery-bands?procedure=lumbar_microdiscectomy&approach_class=miss"


def others(session: Session, clinic: Clinic, count: int = SMALLEST) -> None:
    """Let others tell of pain 0 to 9 in turn and of 10 minutes more each, on day 3."""
    for index in range(count):
        milestone = course(session, clinic.practice, procedure=MICRO)
        hear(session, milestone, 3, pain=index % 10, walking_minutes=10 * index)
    session.commit()


def test_the_middle_half_of_each_week_is_told(session: Session, coordinator: Caller, clinic: Clinic) -> None:
    others(session, clinic)

    told = coordinator.get(BAND).json

    assert told["courses"] == SMALLEST + 2  # and the clinic's own two, who told nothing
    assert told["pain"] == [{"first_day": 0, "count": 20, "low": 2.0, "median": 4.5, "high": 7.0}]
    assert told["walking"] == [{"first_day": 0, "count": 20, "low": 47.5, "median": 95.0, "high": 142.5}]
    assert (told["grade"], told["as_of"]) == ("D", "2026-03-02")


@pytest.mark.sqlite_only
def test_the_page_of_outcomes_has_the_weeks_as_a_table_or_says_that_few_told_of_them(
    session: Session, desk: Desk, clinic: Clinic
) -> None:
    others(session, clinic)

    said, none = (
        text_of(desk.get(f"/clinic/outcomes?procedure={each}")) for each in ("lumbar_microdiscectomy", "tlif")
    )

    assert "MISS: worst pain, 0 to 10 0 – 6 4.5 2 – 7, 20 patients" in said
    assert "MISS: walking, minutes a day 0 – 6 95 47.5 – 142.5, 20 patients" in said
    assert "In no week have 20 patients of a class told of it" in none


@pytest.mark.sqlite_only
def test_a_week_in_which_few_told_something_is_left_out(session: Session, coordinator: Caller, clinic: Clinic) -> None:
    others(session, clinic, SMALLEST - 1)

    told = coordinator.get(BAND).json

    assert (told["courses"], told["pain"], told["walking"]) == (SMALLEST + 1, [], [])


@pytest.mark.sqlite_only
def test_a_cohort_of_few_is_not_told(session: Session, coordinator: Caller, clinic: Clinic) -> None:
    others(session, clinic, SMALLEST - 3)

    assert coordinator.get(BAND).json["courses"] is None


@pytest.mark.sqlite_only
def test_another_class_another_procedure_and_what_follows_a_later_surgery_are_not_in_it(
    session: Session, coordinator: Caller, clinic: Clinic
) -> None:
    others(session, clinic)
    for of in ({"approach_class": ApproachClass.open, "procedure": MICRO}, {"procedure": Procedure.tlif}):
        hear(session, course(session, clinic.practice, **of), 3, pain=10)
    twice = course(session, clinic.practice, procedure=MICRO)
    episode = session.get_one(type(clinic.episode), (clinic.id, twice.episode_id))
    stage(session, episode, stage=2, procedure=MICRO, surgery_on=DAY_0 + timedelta(days=2))
    hear(session, twice, 3, pain=10)
    hear(session, course(session, clinic.practice, procedure=MICRO), -1, pain=10)
    session.commit()

    assert coordinator.get(BAND).json["pain"][0]["count"] == SMALLEST


@pytest.mark.sqlite_only
def test_only_the_latest_courses_count(
    session: Session, coordinator: Caller, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    others(session, clinic)
    monkeypatch.setattr(recovery_band, "MOST_COURSES", 21)

    told = coordinator.get(BAND).json

    assert told["courses"] == 21  # the clinic's own two had surgery last
    assert told["pain"] == []


@pytest.mark.sqlite_only
def test_a_patients_charts_have_the_band_of_the_others_behind_them(
    session: Session, desk: Desk, clinic: Clinic
) -> None:
    others(session, clinic)
    walking = builders.milestone(session, clinic.surgery, key="walk-own", kind="walk30", occurrence=9)
    hear(session, walking, 2, day0=builders.DAY_0, pain=10, walking_minutes=5)
    session.commit()

    answer = desk.get(f"/clinic/patients/{clinic.patient.id}")

    html = answer.get_data(as_text=True)
    assert len(re.findall(r'<path class="band" d="M36\.0 ', html)) == 2
    assert f"the middle half of the {SMALLEST + 1} latest courses here" in text_of(answer)
    assert "Not adjusted, not proof" in text_of(answer)


@pytest.mark.sqlite_only
def test_without_enough_others_a_chart_has_no_band(session: Session, desk: Desk, clinic: Clinic) -> None:
    walking = builders.milestone(session, clinic.surgery, key="walk-own", kind="walk30", occurrence=9)
    hear(session, walking, 2, day0=builders.DAY_0)
    session.commit()

    assert 'class="band"' not in desk.get(f"/clinic/patients/{clinic.patient.id}").get_data(as_text=True)
