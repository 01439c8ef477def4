"""What went otherwise than planned: entered by staff, counted with its denominator and limits, never of few."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from models import AuditEntry, ClinicalEvent, Surgery
from models.report import ClinicalEventKind
from schedules.plan.vocabulary import SurgeryStatus
from tests import builders
from tests.api.conftest import Caller, Clinic, Look
from tests.dashboard.conftest import Desk, text_of
from tests.outcomes.courses import DAY_0, SMALLEST, at_noon, course

SAFETY = "/outcomes/safety?procedure=tlif"


def body(clinic: Clinic, **changes: Any) -> dict[str, Any]:
    return {"episode_id": clinic.episode.id, "kind": "readmission", "occurred_on": "2026-02-27"} | changes


def test_an_event_sent_twice_is_stored_once_and_its_text_is_sealed(
    coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    sent = [coordinator.put("/clinical-events/e-1", body(clinic, detail="Fever")) for _ in range(2)]

    (row,) = look(ClinicalEvent, practice_id=clinic.id)
    assert [answer.status_code for answer in sent] == [201, 200]
    assert (row.kind, row.patient_id, row.detail) == (ClinicalEventKind.readmission, clinic.patient.id, "Fever")
    assert b"Fever" not in (row.detail_sealed or b"")
    listed = coordinator.get(f"/episodes/{clinic.episode.id}/clinical-events").json["items"]
    assert [(each["id"], each["detail"]) for each in listed] == [("e-1", "Fever")]


@pytest.mark.sqlite_only
def test_an_event_never_changes_and_is_withdrawn_instead(coordinator: Caller, clinic: Clinic, look: Look) -> None:
    coordinator.put("/clinical-events/e-1", body(clinic))

    changed = coordinator.put("/clinical-events/e-1", body(clinic, kind="reoperation"))
    withdrawn = coordinator.post("/clinical-events/e-1/withdraw")
    again = coordinator.post("/clinical-events/e-1/withdraw")
    anew = coordinator.put("/clinical-events/e-1", body(clinic))

    assert [each.status_code for each in (changed, withdrawn, again, anew)] == [409, 200, 404, 409]
    assert coordinator.get(f"/episodes/{clinic.episode.id}/clinical-events").json["items"] == []
    assert [row.deleted for row in look(ClinicalEvent, practice_id=clinic.id)] == [True]


@pytest.mark.parametrize(
    ("changes", "status", "pointer"),
    [
        ({"occurred_on": "2026-02-22"}, 422, "/occurred_on"),  # the day before surgery
        ({"occurred_on": "2026-03-03"}, 422, "/occurred_on"),  # tomorrow
        ({"kind": "unhappy"}, 422, "/kind"),
        ({"episode_id": "nothing"}, 404, "/episode_id"),
        ({"surgery_id": "nothing"}, 404, "/surgery_id"),
    ],
)
@pytest.mark.sqlite_only
def test_what_cannot_be_is_refused(
    coordinator: Caller, clinic: Clinic, look: Look, changes: dict[str, Any], status: int, pointer: str
) -> None:
    answer = coordinator.put("/clinical-events/e-1", body(clinic, **changes))

    assert (answer.status_code, [each["pointer"] for each in answer.json["errors"]]) == (status, [pointer])
    assert look(ClinicalEvent) == []


@pytest.mark.sqlite_only
def test_before_any_surgery_was_performed_nothing_can_follow_it(
    session: Session, coordinator: Caller, clinic: Clinic
) -> None:
    clinic.surgery.status = SurgeryStatus.planned
    session.commit()

    assert coordinator.put("/clinical-events/e-1", body(clinic)).status_code == 409


@pytest.mark.sqlite_only
def test_patients_enter_none_and_another_clinic_finds_none(
    patient: Caller, coordinator: Caller, foreign_staff: Caller, clinic: Clinic
) -> None:
    coordinator.put("/clinical-events/e-1", body(clinic))

    assert patient.put("/clinical-events/e-2", body(clinic)).status_code == 403
    assert foreign_staff.post("/clinical-events/e-1/withdraw").status_code == 404
    assert foreign_staff.get(f"/episodes/{clinic.episode.id}/clinical-events").status_code == 404


def with_event(session: Session, clinic: Clinic, day: int, *, kind: str = "readmission", **changes: Any) -> None:
    """Add a course with an event on a day after surgery."""
    milestone = course(session, clinic.practice)
    row = ClinicalEvent(practice_id=clinic.id, id=f"of-{milestone.id}", patient_id=milestone.patient_id)
    row.episode_id, row.kind = milestone.episode_id, ClinicalEventKind(kind)
    row.occurred_on = DAY_0 + timedelta(days=day)
    row.recorded_at = at_noon(row.occurred_on)
    for name, value in changes.items():
        setattr(row, name, value)
    session.add(row)


def rates(told: Any) -> dict[tuple[str, int], tuple[int | None, int]]:
    """Return count and denominator of the first group by kind and days."""
    return {(each["kind"], each["days"]): (each["count"], each["of"]) for each in told["groups"][0]["rates"]}


def test_events_are_counted_by_window_with_denominator_and_limits(
    session: Session, coordinator: Caller, clinic: Clinic
) -> None:
    for day in (0, 10, 30, 30, 30, 31, 40, 50, 60, 90, 91):
        with_event(session, clinic, day)
    for _ in range(SMALLEST):
        course(session, clinic.practice)
    session.commit()

    told = coordinator.get(SAFETY).json

    assert told["groups"][0]["count"] == 31
    counted = rates(told)
    assert counted["readmission", 30] == (5, 31)
    assert counted["readmission", 90] == (10, 31)
    assert counted["reoperation", 90] == (0, 31)
    first = told["groups"][0]["rates"][2]
    assert (first["kind"], round(first["share"], 4)) == ("readmission", 0.1613)
    assert (round(first["low"], 4), round(first["high"], 4)) == (0.0709, 0.3263)


@pytest.mark.sqlite_only
def test_a_course_counts_once_and_what_was_withdrawn_or_is_few_is_not_told(
    session: Session, coordinator: Caller, clinic: Clinic
) -> None:
    for _ in range(SMALLEST):
        with_event(session, clinic, 5)
    twice = session.query(ClinicalEvent).first()
    assert twice is not None
    again = ClinicalEvent(practice_id=clinic.id, id="again", patient_id=twice.patient_id)
    again.episode_id, again.kind, again.occurred_on = twice.episode_id, twice.kind, twice.occurred_on
    again.recorded_at = twice.recorded_at
    session.add(again)
    with_event(session, clinic, 5, deleted=True)
    for kind in ("complication", *["reoperation"] * 3):
        with_event(session, clinic, 5, kind=kind)
    session.commit()

    counted = rates(coordinator.get(SAFETY).json)

    assert counted["readmission", 30] == (20, 25)
    assert counted["complication", 30] == (None, 25)


@pytest.mark.sqlite_only
def test_a_surgery_counts_once_its_whole_window_has_passed(
    session: Session, coordinator: Caller, clinic: Clinic
) -> None:
    for _ in range(SMALLEST):
        course(session, clinic.practice, day0=builders.DAY_0 - timedelta(days=60))
    course(session, clinic.practice)
    session.commit()

    counted = rates(coordinator.get(SAFETY).json)

    assert {days for _, days in counted} == {30}
    assert counted["readmission", 30] == (0, 21)


@pytest.mark.sqlite_only
def test_no_window_beside_another_and_no_rest_tells_of_few_on_the_page_in_the_file_or_to_programs(
    session: Session, coordinator: Caller, desk: Desk, clinic: Clinic
) -> None:
    for day in (*range(1, 7), 40, 50):  # two readmissions in between the ends of the windows
        with_event(session, clinic, day)
    for _ in range(SMALLEST):  # of all but eight
        with_event(session, clinic, 5, kind="emergency_visit")
    for _ in range(SMALLEST + 4):
        with_event(session, clinic, 5, kind="complication")
    for row in session.query(ClinicalEvent).filter(ClinicalEvent.kind != ClinicalEventKind.complication):
        also = ClinicalEvent(practice_id=clinic.id, id=f"also-{row.id}", patient_id=row.patient_id)
        also.episode_id, also.kind, also.occurred_on = row.episode_id, ClinicalEventKind.complication, row.occurred_on
        also.recorded_at = row.recorded_at
        session.add(also)
    for _ in range(2):  # of all but these had a complication
        course(session, clinic.practice)
    session.commit()

    counted = rates(coordinator.get(SAFETY).json)
    file = csv.DictReader(io.StringIO(desk.get("/clinic/outcomes.csv?procedure=tlif&part=safety").text))
    said = text_of(desk.get("/clinic/outcomes?procedure=tlif"))

    told = {
        ("readmission", 30): 6,
        ("readmission", 90): None,
        ("emergency_visit", 30): 20,
        ("emergency_visit", 90): 20,
        ("complication", 30): None,
        ("complication", 90): None,
        ("reoperation", 30): 0,
        ("reoperation", 90): 0,
    }
    assert counted == {which: (count, 54) for which, count in told.items()}
    in_file = {(row["what"], int(row["within_days"])): row for row in file if row["within_days"]}
    assert {which: row["count"] for which, row in in_file.items()} == {
        which: "not told" if count is None else str(count) for which, count in told.items()
    }
    assert [in_file["readmission", 90][each] for each in ("share", "low_95", "high_95")] == ["", "", ""]
    assert "Readmission, within 30 days 6 of 54, 11 %" in said
    assert "Readmission, within 90 days a number that is not told of 54 " in said


@pytest.mark.sqlite_only
def test_who_are_a_few_more_in_the_shorter_window_are_in_neither(
    session: Session, coordinator: Caller, clinic: Clinic
) -> None:
    def sizes() -> set[tuple[int, int]]:
        session.commit()
        told = coordinator.get(SAFETY).json["groups"][0]["rates"]
        return {(each["days"], each["of"]) for each in told}

    for _ in range(SMALLEST):
        course(session, clinic.practice)
    for _ in range(4):
        course(session, clinic.practice, day0=builders.DAY_0 - timedelta(days=60))
    with_few_more = sizes()
    course(session, clinic.practice, day0=builders.DAY_0 - timedelta(days=60))

    assert with_few_more == {(30, 20), (90, 20)}
    assert sizes() == {(30, 25), (90, 20)}


@pytest.mark.sqlite_only
def test_stay_and_blood_loss_are_told_where_they_are_known_of_enough(
    session: Session, coordinator: Caller, clinic: Clinic
) -> None:
    rows = [course(session, clinic.practice) for _ in range(SMALLEST)]
    session.commit()
    for index, row in enumerate(rows):
        surgery = session.get_one(Surgery, (clinic.id, row.surgery_id))
        surgery.discharged_on = DAY_0 + timedelta(days=index % 4)
        surgery.blood_loss_ml = 100 if index else None
    session.commit()

    (group,) = coordinator.get(SAFETY).json["groups"]

    assert group["nights"] == {"count": 20, "low": 0.75, "median": 1.5, "high": 2.25}
    assert group["blood_loss_ml"] is None


@pytest.mark.sqlite_only
def test_of_how_few_a_stay_is_not_known_is_not_told(
    session: Session, coordinator: Caller, desk: Desk, clinic: Clinic
) -> None:
    rows = [course(session, clinic.practice) for _ in range(SMALLEST + 5)]
    session.commit()
    for index, row in enumerate(rows):
        surgery = session.get_one(Surgery, (clinic.id, row.surgery_id))
        surgery.discharged_on = DAY_0 + timedelta(days=2) if index else None
        surgery.blood_loss_ml = 100 if index >= 5 else None
    session.commit()

    (group,) = coordinator.get(SAFETY).json["groups"]
    page = text_of(desk.get("/clinic/outcomes?procedure=tlif&kind=drive"))
    file = desk.get("/clinic/outcomes.csv?procedure=tlif&kind=drive&part=safety").get_data(as_text=True)

    assert group["nights"] == {"count": None, "low": 2.0, "median": 2.0, "high": 2.0}
    assert group["blood_loss_ml"]["count"] == 20
    assert "middle half 2.0 to 2.0, known of a number that is not told" in page
    (nights,) = [line for line in file.splitlines() if ",nights," in line]
    assert "not told" in nights


@pytest.mark.sqlite_only
def test_an_event_is_entered_and_withdrawn_on_its_page(desk: Desk, clinic: Clinic, look: Look) -> None:
    path = f"/clinic/episodes/{clinic.episode.id}/clinical-events"

    entered = desk.post(path, {"kind": "complication", "occurred_on": "2026-02-25", "detail": "Tear of the dura"})
    shown = text_of(desk.get(path))
    (row,) = look(ClinicalEvent, practice_id=clinic.id)
    withdrawn = desk.post(f"/clinic/clinical-events/{row.id}/withdraw")

    assert (entered.status_code, withdrawn.status_code) == (303, 303)
    assert "Wed 25 Feb 2026" in shown
    assert "Tear of the dura" in shown
    assert "Nothing has been entered" in text_of(desk.get(path))
    entries = [each for each in look(AuditEntry, practice_id=clinic.id) if "clinical-events" in (each.route or "")]
    assert [each.status for each in entries] == [303, 200, 303, 200]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"kind": "complication", "occurred_on": "2026-02-20"}, "a date from 2026-02-23 to 2026-03-02"),
        ({"kind": "complication", "occurred_on": "soon"}, "a date such as"),
        ({"kind": "unhappy", "occurred_on": "2026-02-25"}, "what happened"),
    ],
)
@pytest.mark.sqlite_only
def test_a_form_that_cannot_be_stays_as_it_was_typed(
    desk: Desk, clinic: Clinic, look: Look, sent: dict[str, str], said: str
) -> None:
    path = f"/clinic/episodes/{clinic.episode.id}/clinical-events"
    answer = desk.post(path, sent | {"detail": "As typed"})

    assert answer.status_code == 422
    assert said in text_of(answer)
    assert 'value="As typed"' in answer.get_data(as_text=True)
    assert look(ClinicalEvent) == []


@pytest.mark.sqlite_only
def test_the_page_of_outcomes_has_the_counts(session: Session, desk: Desk, clinic: Clinic) -> None:
    for _ in range(SMALLEST):
        with_event(session, clinic, 5)
    session.commit()

    text = text_of(desk.get("/clinic/outcomes?procedure=tlif"))

    assert "Readmission, within 30 days 20 of 20, 100 %" in text
    assert "Reoperation, within 90 days 0 of 20, 0 %" in text
