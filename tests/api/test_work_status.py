"""The work status as employers and insurers ask for it: three values, dates for ends, restrictions in pounds."""

from collections.abc import Callable
from datetime import date
from itertools import groupby
from typing import Any

import pytest
from sqlalchemy.orm import Session

from models.care import Surgery
from schedules.plan.vocabulary import WorkClass
from schedules.planning import plan_episode
from service.api import examples_work_status as examples
from service.api.work_status import WorkStatusOnDay
from tests import builders
from tests.api.conftest import Caller, Clinic
from tests.clock import MONDAY_AFTERNOON

FindId = Callable[[str], str]


def work_status(caller: Caller, episode_id: str, on: str) -> dict[str, Any]:
    answer = caller.get(f"/episodes/{episode_id}/work-status?on={on}")
    assert answer.status_code == 200
    return dict(answer.json)


def clear_work(clinician: Caller, milestone_id: FindId, **body: Any) -> None:
    answer = clinician.post(
        f"/milestones/{milestone_id('rtw_light')}/clear",
        {"cleared_on": "2026-03-02", "attested": ["wound_closed"], "override": "Seen at one week."} | body,
    )
    assert answer.status_code == 200


def lifting_ends(caller: Caller, clinic: Clinic) -> list[int | None]:
    """Return the pounds of the periods ahead, without repetition; None: no limit."""
    periods = work_status(caller, clinic.episode.id, "2026-03-02")["periods"]
    pounds = [
        next((each["limit_lb"] for each in period["restrictions"] if each["kind"] == "lifting"), None)
        for period in periods
    ]
    return [each for each, _ in groupby(pounds)]


def test_nobody_works_before_a_clinician_has_cleared_it_and_ends_are_dates(patient: Caller, clinic: Clinic) -> None:
    shown = work_status(patient, clinic.episode.id, "2026-03-02")

    assert (shown["no_status"], shown["status"], shown["own_class"]) == (None, "prevented", "light")
    assert (shown["effective_on"], shown["expected_end_on"], shown["open_end"]) == ("2026-02-23", "2026-03-22", None)
    assert [(each["kind"], each["limit_lb"], each["expected_end_on"]) for each in shown["restrictions"]] == [
        ("lifting", 10, "2026-03-09"),
        ("bending_twisting", None, "2026-03-22"),
        ("driving", None, "2026-03-08"),
        ("sitting", None, "2026-03-09"),
    ]


def test_the_day_alone_clears_nothing(patient: Caller, clinic: Clinic) -> None:
    shown = work_status(patient, clinic.episode.id, "2027-01-01")

    assert (shown["status"], shown["expected_end_on"]) == ("prevented", None)
    assert shown["open_end"] == "waits_for_clearance"


def test_cleared_work_under_limits_is_with_restrictions_in_pounds(
    clinician: Caller, clinic: Clinic, milestone_id: FindId
) -> None:
    clear_work(clinician, milestone_id)

    shown = work_status(clinician, clinic.episode.id, "2026-03-03")

    assert (shown["status"], shown["work_class"]) == ("with_restrictions", "light")
    assert shown["effective_on"] == "2026-03-02"
    assert shown["handling"]["occasional"] == {"over_lb": None, "to_lb": 20}
    assert shown["handling"]["frequent"] == {"over_lb": None, "to_lb": 10}
    assert shown["restrictions"][0] == {
        "kind": "lifting",
        "limit_lb": 20,
        "limit_minutes": None,
        "expected_end_on": "2026-03-23",
        "open_end": None,
    }


def test_modified_duty_is_with_restrictions_and_the_lesser_class(
    clinician: Caller, clinic: Clinic, milestone_id: FindId
) -> None:
    clear_work(clinician, milestone_id, work_class="sedentary")

    shown = work_status(clinician, clinic.episode.id, "2026-03-03")

    assert (shown["status"], shown["work_class"], shown["own_class"]) == ("with_restrictions", "sedentary", "light")
    assert shown["handling"]["occasional"] == {"over_lb": None, "to_lb": 10}


def test_a_revoked_clearance_prevents_again(clinician: Caller, clinic: Clinic, milestone_id: FindId) -> None:
    clear_work(clinician, milestone_id)
    clinician.post(f"/milestones/{milestone_id('rtw_light')}/revoke-clearance", {"reason": "New weakness."})

    assert work_status(clinician, clinic.episode.id, "2026-03-03")["status"] == "prevented"


def test_an_open_wound_leaves_the_end_of_the_status_without_a_day_until_it_is_closed(
    coordinator: Caller, clinic: Clinic
) -> None:
    def find(what: str, at: str) -> tuple[str | None, str | None]:
        body = {"episode_id": clinic.episode.id, "surgery_id": clinic.surgery.id, "what": what, "observed_at": at}
        assert coordinator.put(f"/observations/{what}", body).status_code == 201
        shown = work_status(coordinator, clinic.episode.id, "2026-03-02")
        return shown["expected_end_on"], shown["open_end"]

    assert find("wound_open", "2026-03-02T12:00:00Z") == (None, "waits_for_clearance")
    assert find("wound_closed", "2026-03-02T13:00:00Z") == ("2026-03-22", None)


def test_an_unsatisfactory_x_ray_leaves_no_limit_that_waits_for_it_with_an_expected_end(
    clinician: Caller, session: Session, clinic: Clinic
) -> None:
    surgery = session.get_one(Surgery, (clinic.id, clinic.surgery.id))
    surgery.protocol_id = "TLIF-MISS"
    plan_episode(session, clinic.id, clinic.episode.id, MONDAY_AFTERNOON)
    session.commit()
    before = lifting_ends(clinician, clinic)

    finding = {"what": "xray_unsatisfactory", "observed_at": "2026-03-02T12:00:00Z", "surgery_id": surgery.id}
    told = clinician.put("/observations/x-ray", finding | {"episode_id": clinic.episode.id})

    assert told.status_code == 201
    assert before == [10, 20, 50, None]
    assert lifting_ends(clinician, clinic) == [10, 20]


def test_periods_follow_each_other_without_a_gap_and_the_last_is_open(patient: Caller, clinic: Clinic) -> None:
    periods = work_status(patient, clinic.episode.id, "2026-03-02")["periods"]

    ends = [date.fromisoformat(each["expected_end_on"]) for each in periods[:-1]]
    begins = [date.fromisoformat(each["effective_on"]) for each in periods]
    assert begins[0] == date(2026, 3, 2)
    assert [begin.toordinal() for begin in begins[1:]] == [end.toordinal() + 1 for end in ends]
    assert (periods[-1]["status"], periods[-1]["open_end"]) == ("without_restrictions", "no_end")
    assert periods[-1]["effective_on"] == "2026-05-19"


def test_every_class_shows_its_range_and_what_binds_it(patient: Caller, clinic: Clinic) -> None:
    classes = {each["work_class"]: each for each in work_status(patient, clinic.episode.id, "2026-03-02")["classes"]}

    light, medium, very_heavy = classes["light"], classes["medium"], classes["very_heavy"]
    assert (light["range_from_on"], light["range_until_on"], light["binds"]) == ("2026-03-09", "2026-04-06", "target")
    assert (medium["range_from_on"], medium["range_until_on"], medium["binds"]) == ("2026-04-21", None, "lifting")
    assert (very_heavy["range_from_on"], very_heavy["eligible_on"], very_heavy["binds"]) == (None, None, "surgeon")


@pytest.mark.parametrize(
    ("work_class", "on", "expected"),
    [
        (WorkClass.not_working, "2026-03-02", "not_working"),
        (WorkClass.light, "2026-02-22", "before_surgery"),
    ],
)
def test_where_there_is_no_status_the_answer_says_why(
    work_class: WorkClass, on: str, expected: str, coordinator: Caller, clinic: Clinic
) -> None:
    coordinator.amend(f"/patients/{clinic.patient.id}", {"work_class": work_class.value})

    shown = work_status(coordinator, clinic.episode.id, on)

    assert (shown["no_status"], shown["status"], shown["periods"], shown["classes"]) == (expected, None, [], [])


def test_without_a_date_of_surgery_there_is_no_status(coordinator: Caller, session: Session, clinic: Clinic) -> None:
    episode = builders.episode(session, clinic.patient)
    session.commit()

    assert work_status(coordinator, episode.id, "2026-03-02")["no_status"] == "no_date"


def test_after_a_transfer_there_is_no_status(coordinator: Caller, clinic: Clinic) -> None:
    coordinator.amend(f"/episodes/{clinic.episode.id}", {"status": "transferred"})

    assert work_status(coordinator, clinic.episode.id, "2026-03-02")["no_status"] == "ended"


def test_workers_compensation_shows_the_clinics_own_percentage(
    coordinator: Caller, session: Session, clinic: Clinic
) -> None:
    practice = clinic.practice
    practice.workers_comp_percent = 150
    session.add(practice)
    episode = builders.episode(session, clinic.patient, workers_comp=True)
    builders.surgery(session, episode)
    plan_episode(session, clinic.id, episode.id, MONDAY_AFTERNOON)
    session.commit()

    usual, lengthened = (work_status(coordinator, each, "2026-03-02") for each in (clinic.episode.id, episode.id))

    assert usual["workers_comp"] == {"applies": False, "percent": 100}
    assert lengthened["workers_comp"] == {"applies": True, "percent": 150}
    assert (usual["expected_end_on"], lengthened["expected_end_on"]) == ("2026-03-22", "2026-04-05")


def test_the_etag_moves_with_a_clearance(clinician: Caller, clinic: Clinic, milestone_id: FindId) -> None:
    path = f"/episodes/{clinic.episode.id}/work-status"
    known = {"If-None-Match": clinician.get(path).headers["ETag"]}

    unchanged = clinician.get(path, headers=known)
    clear_work(clinician, milestone_id)
    after_a_clearance = clinician.get(path, headers=known)

    assert [each.status_code for each in (unchanged, after_a_clearance)] == [304, 200]


def test_a_foreign_episode_answers_as_a_missing_one_does(
    other_patient: Caller, foreign_staff: Caller, clinic: Clinic
) -> None:
    answers = [
        caller.get(f"/episodes/{episode}/work-status")
        for caller in (other_patient, foreign_staff)
        for episode in (clinic.episode.id, "no-such-episode")
    ]

    assert [each.status_code for each in answers] == [404] * 4


@pytest.mark.parametrize("on", ["0001-01-01", "9999-12-31", "2024-02-29", "2011-12-30"])
@pytest.mark.sqlite_only
def test_every_day_of_the_calendar_has_an_answer(patient: Caller, clinic: Clinic, on: str) -> None:
    assert work_status(patient, clinic.episode.id, on)["on"] == on


@pytest.mark.sqlite_only
def test_the_example_has_the_answers_form(patient: Caller, clinic: Clinic) -> None:
    shown = work_status(patient, clinic.episode.id, "2026-03-24")

    assert WorkStatusOnDay().validate(examples.WORK_STATUS) == {}
    assert shown.keys() == examples.WORK_STATUS.keys()
    assert shown["classes"][0].keys() == examples.WORK_STATUS["classes"][0].keys()
