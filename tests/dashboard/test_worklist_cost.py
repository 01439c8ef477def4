"""What the worklist reads: by indexes of what is open alone, of the caller's patients alone, a page at a time."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from models import Alert, AlertEntry, Clearance, Milestone
from models.caseload import limit_to
from models.ids import new_id
from models.prepared import Prepared
from models.report import TaskKind
from schedules.plan.vocabulary import AlertKind, AlertLine, AlertState, AlertUrgency, MilestoneState, WorkClass
from service.dashboard.queries import worklist_statements as statements
from service.dashboard.queries.worklist import OpenAlert, load_caseload
from service.dashboard.worklist import Page, Sort, Wanted, make_worklist
from service.dashboard.worklist_day import make_day
from tests.api.conftest import Clinic
from tests.clock import MONDAY_AFTERNOON
from tests.dashboard.conftest import Desk
from tests.dashboard.test_worklist import NEW_YORK, a_task, caseload, of

TODAY = date(2026, 3, 2)
OPEN = "INDEX ix_episode_open"
BY = {
    "people": ("patient USING INDEX sqlite_autoindex_patient_1", "check_in USING COVERING INDEX ix_check_in_heard"),
    "alerts": ("alert USING INDEX ix_alert_open", "episode USING INDEX sqlite_autoindex_episode_1"),
    "tasks": ("task USING INDEX ix_task_open", "episode USING INDEX sqlite_autoindex_episode_1"),
    "late": ("milestone USING INDEX ix_milestone_may_wait", f"episode USING {OPEN}"),
    "quiet": (f"episode USING {OPEN}", "surgery USING INDEX ix_surgery_practice_id_surgery_on"),
    "count": (f"episode USING {OPEN}", "patient USING INDEX ix_patient_gone"),
}
LEADERS = ("ix_episode_open", "ix_alert_open", "ix_task_open", "ix_patient_gone")


@pytest.mark.sqlite_only
@pytest.mark.parametrize("name", BY)
def test_what_is_finished_is_not_read(session: Session, name: str) -> None:
    of_kind: Any = getattr(statements, name, None)
    prepared: Prepared = getattr(statements, name.upper()) if of_kind is None else of_kind("sqlite")
    heard: list[tuple[str, Any]] = []
    connection = session.connection()
    event.listen(connection.engine, "before_cursor_execute", lambda *told: heard.append(told[2:4]))
    since = {"lately": MONDAY_AFTERNOON, "operated_since": TODAY}
    prepared.rows(connection, {"practice": "practice", "today": TODAY, "episodes": "[]", **since})
    [(asked, given)] = heard

    steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", given)]

    assert all(any(f"SEARCH {by}" in step for step in steps) for by in BY[name]), steps
    of_all = [step for step in steps if step.endswith("(practice_id=?)")]
    assert all(any(leader in step for leader in LEADERS) for step in of_all), steps
    assert not [step for step in steps if step.startswith("SCAN") and "VIRTUAL TABLE" not in step], steps


def test_who_sees_some_patients_alone_has_these_alone_on_the_list(session: Session, clinic: Clinic) -> None:
    for patient, episode in ((clinic.patient, clinic.episode), (clinic.other_patient, clinic.other_episode)):
        alert = Alert(practice_id=clinic.id, id=f"alert-{patient.id}", patient_id=patient.id, episode_id=episode.id)
        alert.raised_at, alert.about = MONDAY_AFTERNOON, {"red_flag": "calf"}
        alert.kind, alert.urgency, alert.state = AlertKind.red_flag, AlertUrgency.same_day, AlertState.open
        session.add(alert)
    session.commit()
    whole = load_caseload(session, clinic.id, make_day(date(2027, 3, 2), NEW_YORK))

    limit_to(session, [clinic.patient.id])
    limited = load_caseload(session, clinic.id, make_day(date(2027, 3, 2), NEW_YORK))

    both, own = {clinic.episode.id, clinic.other_episode.id}, {clinic.episode.id}
    assert [{each.episode_id for each in seen.people} for seen in (whole, limited)] == [both, own]
    assert [set(seen.alerts) for seen in (whole, limited)] == [both, own]
    assert [set(seen.late) for seen in (whole, limited)] == [both, own]
    assert limited.people[0] in whole.people
    assert (whole.open_count, limited.open_count) == (2, 1)


@pytest.mark.sqlite_only
def test_what_marks_a_change_looks_at_two_days_of_alerts_alone(desk: Desk, session: Session, clinic: Clinic) -> None:
    def mark() -> str:
        page: str = desk.get("/clinic/").get_data(as_text=True)
        return page.split("/clinic/worklist?mark=")[1].split("&", maxsplit=1)[0]

    alert = Alert(practice_id=clinic.id, id="a", patient_id=clinic.patient.id, episode_id=clinic.episode.id)
    alert.kind, alert.urgency, alert.raised_at = AlertKind.red_flag, AlertUrgency.same_day, MONDAY_AFTERNOON
    session.add(alert)
    session.commit()

    def log(at: datetime) -> str:
        entry = AlertEntry(practice_id=clinic.id, id=new_id(at), alert_id="a", patient_id=clinic.patient.id)
        entry.line, entry.made_at = AlertLine.raised, at
        session.add(entry)
        session.commit()
        return mark()

    without = mark()
    of_years_ago, of_yesterday = log(datetime(2024, 3, 2, tzinfo=UTC)), log(MONDAY_AFTERNOON - timedelta(days=1))
    of_now = log(MONDAY_AFTERNOON)

    assert without == of_years_ago
    assert len({without, of_yesterday, of_now}) == 3


def test_a_clearance_that_ended_or_is_for_lesser_work_does_not_lift_what_waits(
    session: Session, clinic: Clinic, milestone_id: Callable[[str], str]
) -> None:
    drive, work = (session.get_one(Milestone, (clinic.id, milestone_id(key))) for key in ("drive", "rtw_light"))

    def waits() -> set[str]:
        late = load_caseload(session, clinic.id, make_day(date(2027, 3, 2), NEW_YORK)).late.get(clinic.episode.id, ())
        return {each.kind for each in late if each.state is MilestoneState.eligible}

    before = waits()
    clear(session, clinic, drive, "ended", revoked_on=date(2026, 5, 1))
    clear(session, clinic, work, "lesser", work_class=WorkClass.sedentary)
    after_parts = waits()
    clear(session, clinic, drive, "whole")
    clear(session, clinic, work, "enough", work_class=WorkClass.light)

    assert {drive.kind, work.kind} <= before == after_parts
    assert waits() == before - {drive.kind, work.kind}


def clear(session: Session, clinic: Clinic, milestone: Milestone, name: str, **changes: object) -> None:
    row = Clearance(practice_id=clinic.id, id=f"{milestone.key}-{name}", patient_id=clinic.patient.id)
    row.episode_id, row.milestone_id, row.grounds = milestone.episode_id, milestone.id, {}
    row.cleared_on, row.cleared_at, row.cleared_by = date(2026, 4, 1), MONDAY_AFTERNOON, clinic.clinician.id
    if "revoked_on" in changes:
        row.revoked_at, row.revoked_by = MONDAY_AFTERNOON, clinic.clinician.id
    for column, value in changes.items():
        setattr(row, column, value)
    session.add(row)
    session.commit()


def test_alerts_stand_by_urgency_then_by_their_minute_and_those_in_hand_after_the_others() -> None:
    def alert(patient_id: str, minute: int, urgency: AlertUrgency, state: AlertState = AlertState.open) -> OpenAlert:
        at = datetime(2026, 3, 2, 12, minute, tzinfo=UTC)
        return OpenAlert(f"{patient_id}-a", f"{patient_id}-e", AlertKind.red_flag, urgency, state, at)

    alerts = {
        "a-e": [alert("a", 5, AlertUrgency.same_day)],
        "b-e": [alert("b", 4, AlertUrgency.same_day)],
        "c-e": [alert("c", 9, AlertUrgency.emergency_department)],
        "d-e": [alert("d", 1, AlertUrgency.emergency_department, AlertState.acknowledged)],
    }
    tasks = {"e-e": [a_task("e", TaskKind.call_patient, date(2026, 2, 1))]}

    found = make_worklist(caseload(*map(of, "abcde"), alerts=alerts, tasks=tasks), Wanted(), TODAY, NEW_YORK)

    assert [entry.person.patient_id for entry in found.entries] == ["c", "b", "a", "d", "e"]


@pytest.mark.parametrize("sort", Sort)
def test_pages_follow_each_other_without_a_gap_and_the_last_stands_for_those_behind_it(sort: Sort) -> None:
    names = [f"p{number:02}" for number in range(7)]
    tasks = {f"{name}-e": [a_task(name, TaskKind.past_items, date(2026, 2, 20))] for name in names}
    people = caseload(*(of(name, name) for name in names), tasks=tasks)

    def page(number: int) -> list[str]:
        found = make_worklist(people, Wanted(sort=sort), TODAY, NEW_YORK, Page(number, 3))
        assert (found.count, found.pages, found.needing) == (7, 3, 7)
        return [entry.person.patient_id for entry in found.entries]

    assert [page(1), page(2), page(3), page(4)] == [names[:3], names[3:6], names[6:], names[6:]]
