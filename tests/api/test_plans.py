"""The plan on a day: states are computed for that day, figures carry grade and sources, nothing is overstated."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from schedules.plan.library import load_library
from schedules.plan.vocabulary import Approach, Procedure
from schedules.planning import plan_episode
from service.api import examples_plan as examples
from service.api.plans import PlanOnDay
from tests import builders
from tests.api.conftest import Caller, Clinic, as_staff
from tests.clock import MONDAY_AFTERNOON, FixedClock


def plan(caller: Caller, episode_id: str, as_of: str | None = None) -> dict[str, Any]:
    query = "" if as_of is None else f"?as_of={as_of}"
    answer = caller.get(f"/episodes/{episode_id}/plan{query}")
    assert answer.status_code == 200
    return dict(answer.json)


def item(shown: dict[str, Any], key: str) -> dict[str, Any]:
    (found,) = [each for each in shown["milestones"] if each["key"] == key]
    return dict(found)


def test_a_plan_tells_window_day_state_binding_grade_and_sources(patient: Caller, clinic: Clinic) -> None:
    shown = plan(patient, clinic.episode.id)

    driving = item(shown, "drive")
    assert shown["as_of"] == "2026-03-02"
    assert shown["surgeries"][0]["pod"] == 7
    assert shown["surgeries"][0]["protocol_status"] == "draft"
    assert (driving["lifts"], driving["binding_procedure"]) == ("driving", "lumbar_microdiscectomy")
    assert driving["pod"] == driving["target_days"]
    assert driving["grade"] in "ABCDE"
    assert driving["sources"]


def test_the_state_of_an_item_follows_the_day(patient: Caller, clinic: Clinic) -> None:
    walking = item(plan(patient, clinic.episode.id), "walk30")

    states = {
        day: item(plan(patient, clinic.episode.id, day), "walk30")["state"]
        for day in ("2020-01-01", walking["earliest_on"], walking["target_on"], "2029-01-01")
    }

    assert states["2020-01-01"] == "upcoming"
    assert states[walking["target_on"]] == "due"
    assert states["2029-01-01"] == "overdue"


def test_an_item_that_lifts_a_limit_becomes_eligible_and_never_allowed_by_date(patient: Caller, clinic: Clinic) -> None:
    shown = plan(patient, clinic.episode.id, "2029-01-01")

    assert item(shown, "drive")["state"] == "eligible"
    driving = [each for each in shown["restrictions"] if each["kind"] == "driving"]
    assert [each["active"] for each in driving] == [True]


def test_a_report_that_something_was_resumed_lifts_no_limit(
    clinician: Caller, clinic: Clinic, milestone_id: Callable[[str], str]
) -> None:
    clinician.post(f"/milestones/{milestone_id('drive')}/achieve", {"achieved_on": "2026-03-01"})

    shown = [plan(clinician, clinic.episode.id, day) for day in ("2026-02-28", "2026-03-01")]
    driving = [[each["active"] for each in one["restrictions"] if each["kind"] == "driving"] for one in shown]

    assert driving == [[True], [True]]


def test_only_the_limits_of_the_day_are_active(patient: Caller, clinic: Clinic) -> None:
    before, after = (plan(patient, clinic.episode.id, day)["restrictions"] for day in ("2026-02-22", "2026-02-23"))

    assert not any(each["active"] for each in before)
    assert any(each["active"] for each in after)


def test_the_next_three_items_lie_ahead(patient: Caller, clinic: Clinic) -> None:
    shown = plan(patient, clinic.episode.id)

    days = [each["eligible_on"] for each in shown["next"]]
    assert len(days) == 3
    assert days == sorted(days)


def test_texts_come_in_both_languages_with_their_figures(patient: Caller, clinic: Clinic) -> None:
    lifting = next(each for each in plan(patient, clinic.episode.id)["restrictions"] if each["kind"] == "lifting")

    assert str(lifting["limit_lb"]) in lifting["text"]["en"]
    assert str(lifting["limit_lb"]) in lifting["text"]["es"]
    assert "{" not in lifting["text"]["es"]


def test_a_plan_without_a_date_shows_offsets_only(coordinator: Caller, session: Session, clinic: Clinic) -> None:
    episode = builders.episode(session, clinic.patient)
    session.commit()
    body = {"episode_id": episode.id, "procedure": "tlif", "approach": "open", "levels": ["L4-L5"]}
    coordinator.put("/surgeries/k7Qm2pXcV9sLwRtA", body)

    shown = plan(coordinator, episode.id)

    assert {each["state"] for each in shown["milestones"]} == {"unscheduled"}
    assert all(each["target_on"] is None for each in shown["milestones"])
    assert any(each["target_days"] is not None for each in shown["milestones"])
    assert not any(each["active"] for each in shown["restrictions"])
    assert shown["surgeries"][0]["pod"] is None


def test_the_etag_is_revision_and_day_and_moves_with_either(
    patient: Caller, clinic: Clinic, milestone_id: Callable[[str], str]
) -> None:
    path = f"/episodes/{clinic.episode.id}/plan"
    first = patient.get(path)

    unchanged = patient.get(path, headers={"If-None-Match": first.headers["ETag"]})
    another_day = patient.get(f"{path}?as_of=2026-03-03", headers={"If-None-Match": first.headers["ETag"]})
    patient.post(f"/milestones/{milestone_id('walk30')}/achieve", {"achieved_on": "2026-03-02"})
    after_a_report = patient.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["ETag"].endswith('-2026-03-02"')
    assert [each.status_code for each in (unchanged, another_day, after_a_report)] == [304, 200, 200]


def test_a_clearance_shows_with_its_day_and_ends_its_limit(
    clinician: Caller, clinic: Clinic, milestone_id: Callable[[str], str]
) -> None:
    path = f"/episodes/{clinic.episode.id}/plan"
    known = {"If-None-Match": clinician.get(path).headers["ETag"]}
    clear(clinician, milestone_id("rtw_light"), attested=["wound_closed"])

    before, since = (plan(clinician, clinic.episode.id, day) for day in ("2026-03-01", "2026-03-02"))

    assert [(item(one, "rtw_light")["state"], item(one, "rtw_light")["cleared_on"]) for one in (before, since)] == [
        ("upcoming", None),
        ("cleared", "2026-03-02"),
    ]
    assert item(since, "rtw_light")["patient_text"]["en"] == "Cleared by your care team"
    assert [limits(one, "work") for one in (before, since)] == [[(True, None)], [(False, "2026-03-02")]]
    lifting = [(each["limit_lb"], each["limit_lb_on_day"]) for each in since["restrictions"] if each["active"]]
    assert (10, 20) in lifting  # work lifts the pounds with it, up to the class's occasional maximum
    assert clinician.get(path, headers=known).status_code == 200


def test_modified_duty_leaves_the_milestone_and_its_limit_as_they_are(
    clinician: Caller, clinic: Clinic, milestone_id: Callable[[str], str]
) -> None:
    clear(clinician, milestone_id("rtw_light"), attested=["wound_closed"], work_class="sedentary")

    shown = plan(clinician, clinic.episode.id, "2026-03-02")

    assert (item(shown, "rtw_light")["state"], item(shown, "rtw_light")["cleared_on"]) == ("upcoming", None)
    assert limits(shown, "work") == [(True, None)]


def test_what_a_later_stage_takes_over_says_so_and_counts_days_from_the_first(
    coordinator: Caller, session: Session, clinic: Clinic
) -> None:
    first = date(2026, 3, 1)
    episode = builders.episode(session, clinic.patient)
    intracept = load_library().protocol("INTRACEPT", 1)
    builders.surgery(
        session,
        episode,
        procedure=Procedure.intracept,
        approach=Approach.percutaneous,
        levels=["L4", "L5"],
        surgery_on=first,
        protocol_id=intracept.id,
        protocol_digest=intracept.digest,
    )
    builders.surgery(session, episode, stage=2, surgery_on=date(2026, 3, 22))
    plan_episode(session, clinic.id, episode.id, MONDAY_AFTERNOON)
    session.commit()

    before, since = (plan(coordinator, episode.id, day) for day in ("2026-03-21", "2026-03-22"))

    driving = [each for each in since["milestones"] if each["key"] == "drive"]
    assert [(each["stage"], each["superseded_on"], each["superseded_by"]) for each in driving] == [
        (1, "2026-03-22", 2),
        (2, None, None),
    ]
    assert [each["state"] for each in driving] == ["cancelled", "upcoming"]
    assert [each["state"] for each in before["milestones"] if each["key"] == "drive"] == ["eligible", "upcoming"]
    (followup,) = [each for each in since["milestones"] if each["key"] == "prom_6mo"]
    assert followup["stage"] == followup["binding_stage"] == 2
    assert followup["first_stage_days"] == followup["target_days"] + 21
    assert [each["pod"] for each in since["surgeries"]] == [21, 0]


def clear(clinician: Caller, milestone_id: str, **body: object) -> None:
    answer = clinician.post(f"/milestones/{milestone_id}/clear", {"override": "Seen at one week."} | body)
    assert answer.status_code == 200


def limits(shown: dict[str, Any], kind: str) -> list[tuple[bool, str | None]]:
    return [(each["active"], each["ended_on"]) for each in shown["restrictions"] if each["kind"] == kind]


@pytest.mark.sqlite_only
def test_today_is_the_clinics_calendar_day(app: Flask, clock: FixedClock, session: Session, clinic: Clinic) -> None:
    clinic.practice.time_zone = "Pacific/Kiritimati"  # 14 hours ahead: 15:00 UTC is the next morning
    session.add(clinic.practice)
    session.commit()

    shown = plan(as_staff(app, session, clinic.coordinator), clinic.episode.id)

    assert shown["as_of"] == "2026-03-03"
    assert shown["surgeries"][0]["pod"] == 8


@pytest.mark.parametrize("as_of", ["0001-01-01", "9999-12-31", "2024-02-29", "2011-12-30"])
@pytest.mark.sqlite_only
def test_every_day_of_the_calendar_has_an_answer(patient: Caller, clinic: Clinic, as_of: str) -> None:
    assert plan(patient, clinic.episode.id, as_of)["as_of"] == as_of


@pytest.mark.parametrize("as_of", ["2026-02-30", "today", "", "2026-3-2", "10000-01-01"])
@pytest.mark.sqlite_only
def test_a_day_off_the_calendar_is_refused(patient: Caller, clinic: Clinic, as_of: str) -> None:
    answer = patient.get(f"/episodes/{clinic.episode.id}/plan?as_of={as_of}")

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/as_of")


@pytest.mark.sqlite_only
def test_the_example_has_the_answers_form(patient: Caller, clinic: Clinic) -> None:
    shown = plan(patient, clinic.episode.id, "2026-03-10")

    assert PlanOnDay().validate(examples.PLAN) == {}
    assert shown.keys() == examples.PLAN.keys()
    for name in ("surgeries", "milestones", "restrictions", "next"):
        assert shown[name][0].keys() == examples.PLAN[name][0].keys()
