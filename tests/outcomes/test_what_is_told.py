"""What is told of groups over the API, on the page and in the file: to staff alone, never of few, and in the trail."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from models import AuditEntry, Surgery
from schedules.plan.vocabulary import ApproachClass
from tests.api.conftest import Caller, Clinic, Look
from tests.dashboard.conftest import Desk, text_of
from tests.outcomes.courses import DAY_0, SMALLEST, at_noon, course, group, hear

DRIVE = "/outcomes/milestones?procedure=tlif&kind=drive"
PAGE = "/clinic/outcomes?procedure=tlif&kind=drive"
FILE = "/clinic/outcomes.csv?procedure=tlif&kind=drive"
MISS, OPEN = ApproachClass.miss, ApproachClass.open


def fill(session: Session, clinic: Clinic, *, miss: int = SMALLEST, open_: int = SMALLEST) -> None:
    """Let patients drive from day 10 on after MISS, and from day 20 on after open surgery, one more each day."""
    group(session, clinic.practice, [10 + index for index in range(miss)], approach_class=MISS)
    group(session, clinic.practice, [20 + index for index in range(open_)], approach_class=OPEN)
    session.commit()


def test_each_class_has_its_curve_its_median_and_its_numbers_at_risk(
    session: Session, coordinator: Caller, clinic: Clinic
) -> None:
    fill(session, clinic)
    hear(session, course(session, clinic.practice), 15)
    session.commit()

    told = coordinator.get(DRIVE).json

    miss, open_ = told["groups"]
    assert [each["approach_class"] for each in told["groups"]] == ["miss", "open"]
    assert (miss["count"], miss["reached"], open_["count"], open_["reached"]) == (21, 20, 20, 20)
    assert (miss["median_days"]["day"], open_["median_days"]["day"]) == (20, 29)
    assert {each["day"]: each["at_risk"] for each in miss["table"]} == {
        0: 21, 7: 21, 14: 17, 28: None, 42: 0, 90: 0, 180: 0, 365: 0,
    }  # fmt: skip
    assert told["test"]["p_value"] < 0.01
    assert (told["grade"], told["as_of"]) == ("D", "2026-03-02")
    assert told["note"]["en"].startswith("Not adjusted, not proof")


@pytest.mark.sqlite_only
def test_of_a_group_that_is_too_small_nothing_is_told(session: Session, coordinator: Caller, clinic: Clinic) -> None:
    fill(session, clinic, open_=SMALLEST - 1)

    told = coordinator.get(DRIVE).json

    open_ = told["groups"][1]
    assert open_ == {
        "approach_class": "open",
        "count": None,
        "reached": None,
        "median_days": {"day": None, "low": None, "high": None},
        "points": [],
        "table": [],
    }
    assert told["groups"][0]["count"] == SMALLEST
    assert told["test"] is None


@pytest.mark.sqlite_only
def test_a_curve_ends_where_few_are_left_and_small_counts_are_not_told(
    session: Session, coordinator: Caller, clinic: Clinic
) -> None:
    group(session, clinic.practice, [3, 5, 5, 6, 6])
    for day in range(SMALLEST):
        hear(session, course(session, clinic.practice), 20 + day)
    session.commit()

    (miss,) = coordinator.get(DRIVE).json["groups"]

    assert (miss["count"], miss["reached"]) == (25, 5)
    assert min(each["at_risk"] for each in miss["points"]) == 5
    assert miss["points"][-1]["day"] == 35
    assert [each["at_risk"] for each in miss["table"]] == [25, 20, 20, 12, 0, 0, 0, 0]
    assert [each["share"] is None for each in miss["table"]] == [False] * 4 + [True] * 4


@pytest.mark.sqlite_only
def test_a_small_count_cannot_be_worked_out_from_the_curve_beside_it(
    session: Session, coordinator: Caller, desk: Desk, clinic: Clinic
) -> None:
    fill(session, clinic, miss=0)
    group(session, clinic.practice, [3, 5, 5, 6])
    for day in range(SMALLEST):
        hear(session, course(session, clinic.practice), 20 + day)
    session.commit()

    told, said = coordinator.get(DRIVE).json, text_of(desk.get(PAGE))

    (miss,) = [each for each in told["groups"] if each["approach_class"] == "miss"]
    assert (miss["count"], miss["reached"], miss["points"], miss["table"]) == (24, None, [], [])
    assert miss["median_days"] == {"day": None, "low": None, "high": None}
    assert told["test"] is None
    assert "MISS: 24 surgeries, of whom fewer than 5 have reached it, so no curve is shown" in said


@pytest.mark.parametrize(("was_past", "told"), [(3, (None, None)), (0, (0, 0)), (6, (0, 6))])
@pytest.mark.sqlite_only
def test_of_two_counts_that_leave_the_sizes_of_groups_one_does_not_tell_the_other(
    session: Session, coordinator: Caller, clinic: Clinic, was_past: int, told: tuple[int | None, int | None]
) -> None:
    fill(session, clinic)
    for _ in range(was_past):
        row = course(session, clinic.practice)
        session.commit()
        session.get_one(Surgery, (clinic.id, row.surgery_id)).dated_at = at_noon(DAY_0 + timedelta(days=60))
    session.commit()

    left_out = coordinator.get(DRIVE).json["left_out"]

    assert (left_out["not_theirs"], left_out["was_past"]) == told


@pytest.mark.sqlite_only
def test_events_and_bands_are_handed_out_as_files_with_what_is_too_small_left_out(
    session: Session, desk: Desk, clinic: Clinic, look: Look
) -> None:
    fill(session, clinic, open_=3)
    for number in range(SMALLEST):
        hear(session, course(session, clinic.practice), 8, walking_minutes=10 + number)
    session.commit()

    safety, bands = (rows_of(desk.get(f"{FILE}&part={part}")) for part in ("safety", "bands"))

    events = {(row["what"], row["within_days"]): row for row in safety if row["approach_class"] == "miss"}
    assert [events["readmission", "90"][name] for name in ("group_size", "of", "count", "share")] == [
        "40", "40", "0", "0.0",
    ]  # fmt: skip
    assert [row["group_size"] for row in safety if row["approach_class"] == "open"] == ["fewer than 20"]
    (walked,) = [row for row in bands if row["what"] == "walking"]
    assert (walked["first_day_of_week"], walked["courses_of_week"], walked["median"]) == ("7", "20", "19.5")
    assert (walked["unit"], walked["grade"], walked["as_of"]) == ("minutes a day", "D", "2026-03-02")
    assert {row["approach_class"] for row in bands} == {"miss"}
    told = [row.about for row in look(AuditEntry, practice_id=clinic.id) if row.route == "GET /clinic/outcomes.csv"]
    assert [each["kind"] for each in told] == ["safety", "bands"]


def rows_of(answer: TestResponse) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("procedure=tlif", "/kind"),
        ("kind=drive", "/procedure"),
        ("procedure=tlif&kind=shower", "/kind"),
        ("procedure=knee&kind=drive", "/procedure"),
    ],
)
@pytest.mark.sqlite_only
def test_what_is_not_measured_is_refused_with_what_was_expected(coordinator: Caller, query: str, pointer: str) -> None:
    answer = coordinator.get(f"/outcomes/milestones?{query}")

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]


@pytest.mark.sqlite_only
def test_another_clinics_patients_are_in_nobody_elses_curve(
    session: Session, foreign_staff: Caller, clinic: Clinic
) -> None:
    fill(session, clinic)

    assert foreign_staff.get(DRIVE).json["groups"] == []


@pytest.mark.sqlite_only
def test_a_patient_does_not_see_groups(patient: Caller) -> None:
    assert patient.get(DRIVE).status_code == 403


def test_a_look_and_a_download_stand_in_the_trail_and_name_no_patient(
    session: Session, coordinator: Caller, desk: Desk, clinic: Clinic, look: Look
) -> None:
    fill(session, clinic)

    coordinator.get(DRIVE)
    desk.get(PAGE)
    desk.get(FILE)

    entries = [row for row in look(AuditEntry, practice_id=clinic.id) if "outcomes" in (row.route or "")]
    assert [(row.route, row.actor_id, row.status) for row in entries] == [
        ("GET /api/v1/outcomes/milestones", clinic.coordinator.id, 200),
        ("GET /clinic/outcomes", clinic.coordinator.id, 200),
        ("GET /clinic/outcomes.csv", clinic.coordinator.id, 200),
    ]
    assert entries[2].about == {"file": "csv", "procedure": "tlif", "kind": "drive"}


@pytest.mark.sqlite_only
def test_the_page_has_a_curve_for_each_class_with_unit_day_and_grade(
    session: Session, desk: Desk, clinic: Clinic
) -> None:
    fill(session, clinic)

    answer = desk.get(PAGE)

    html, text = answer.get_data(as_text=True), text_of(answer)
    assert len(re.findall(r'<path class="line"', html)) == len(re.findall(r'<path class="band"', html)) == 2
    assert "days since surgery, Mon 2 Mar 2026" in text
    assert "Not adjusted, not proof" in text
    assert "Half by day 19" in text
    assert "p < 0.001" in text.replace("&lt;", "<")
    assert 'title="one institution">D<' in html


@pytest.mark.sqlite_only
def test_the_page_says_so_where_few_or_none_were_operated_on(session: Session, desk: Desk, clinic: Clinic) -> None:
    fill(session, clinic, miss=3, open_=0)

    few, none = (text_of(desk.get(f"/clinic/outcomes?procedure={name}&kind=drive")) for name in ("tlif", "acdf"))

    assert "MISS: fewer than 20 surgeries, so nothing is shown" in few
    assert "Nobody here has had this procedure yet" in none
    assert "<svg" not in few


@pytest.mark.sqlite_only
def test_what_a_page_cannot_ask_for_counts_as_the_first(desk: Desk) -> None:
    assert "Off strong pain medicine" in text_of(desk.get("/clinic/outcomes?procedure=knee&kind=%3Cb%3E"))


@pytest.mark.sqlite_only
def test_the_page_speaks_spanish(desk: Desk) -> None:
    assert "Cuánto tardan los pacientes" in text_of(desk.get(f"{PAGE}&language=es"))


@pytest.mark.sqlite_only
def test_the_file_has_the_same_figures_each_with_its_unit_day_and_grade(
    session: Session, desk: Desk, coordinator: Caller, clinic: Clinic
) -> None:
    fill(session, clinic, open_=3)

    answer = desk.get(FILE)

    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    points = coordinator.get(DRIVE).json["groups"][0]["points"]
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert [(int(row["days_since_surgery"]), int(row["at_risk"])) for row in rows[:-1]] == [
        (each["day"], each["at_risk"]) for each in points
    ]
    assert float(rows[3]["share_reached"]) == pytest.approx(points[3]["share"], abs=1e-6)
    assert {(row["as_of"], row["grade"]) for row in rows} == {("2026-03-02", "D")}
    assert (rows[-1]["approach_class"], rows[-1]["group_size"], rows[-1]["share_reached"]) == (
        "open", "fewer than 20", "",
    )  # fmt: skip
