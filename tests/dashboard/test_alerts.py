"""Alerts in the browser: first on the worklist, a page that a message leads to, taken in hand, followed and closed."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import Alert, AlertEntry
from schedules.plan.red_flags import RED_FLAGS
from schedules.plan.vocabulary import AlertOutcome, AlertState
from tests.api.conftest import Clinic, Look, as_patient
from tests.clock import FixedClock
from tests.dashboard.conftest import Desk, text_of

FLAG = RED_FLAGS[0]


@pytest.fixture
def alert(app: Flask, session: Session, clinic: Clinic, look: Look) -> Alert:
    """Return the alert of a red flag that the patient's phone has just reported."""
    said = {"reported_at": "2026-03-02T14:00:00Z", "pain": 4, "red_flags": [FLAG.key]}
    answer = as_patient(app, session, clinic.patient).put("/check-ins/c-1", said | {"episode_id": clinic.episode.id})
    assert answer.status_code == 201, answer.json
    (alert,) = look(Alert, practice_id=clinic.id)
    return alert


def test_a_red_flag_leads_the_worklist_until_it_is_closed(
    desk: Desk, alert: Alert, clinic: Clinic, look: Look, clock: FixedClock
) -> None:
    path = f"/clinic/alerts/{alert.id}"
    listed = desk.get("/clinic/").get_data(as_text=True)

    shown = text_of(desk.get(path))
    taken = desk.post(f"{path}/acknowledge")
    clock.advance(timedelta(minutes=2))
    noted = desk.post(f"{path}/contacts", {"method": "phone", "reached": "yes", "note": "Goes to hospital"})
    ended = desk.post(f"{path}/close", {"outcome": "sent_to_emergency"})

    assert "Red flag" in listed
    assert listed.index(path) < listed.index("Review") if "Review" in listed else path in listed
    assert FLAG.text.en in shown
    assert "nobody has it in hand" in shown
    assert [each.status_code for each in (taken, noted, ended)] == [303, 303, 303]
    (row,) = look(Alert, id=alert.id)
    assert (row.state, row.outcome, row.owner_id) == (
        AlertState.closed,
        AlertOutcome.sent_to_emergency,
        clinic.coordinator.id,
    )
    told = text_of(desk.get(path))
    assert "by phone, reached, " in told
    assert "Goes to hospital" in told
    assert path not in desk.get("/clinic/").get_data(as_text=True)


@pytest.mark.sqlite_only
def test_an_open_page_learns_of_an_alert_that_was_taken_in_hand(desk: Desk, alert: Alert) -> None:
    page = desk.get("/clinic/").get_data(as_text=True)
    mark = page.split("mark=")[1].split("&")[0].split('"')[0]

    before = desk.get(f"/clinic/worklist?mark={mark}")
    desk.post(f"/clinic/alerts/{alert.id}/acknowledge")
    after = desk.get(f"/clinic/worklist?mark={mark}")

    assert (before.status_code, after.status_code) == (204, 200)


@pytest.mark.sqlite_only
def test_what_cannot_be_done_is_said_and_changes_nothing(desk: Desk, alert: Alert, look: Look) -> None:
    path = f"/clinic/alerts/{alert.id}"

    answers = [
        desk.post(f"{path}/contacts", {"method": "pigeon", "reached": "yes"}),
        desk.post(f"{path}/contacts", {"method": "phone"}),
        desk.post(f"{path}/close", {"outcome": "gone"}),
        desk.post(f"{path}/close", {"outcome": "other"}),
    ]

    assert [each.status_code for each in answers] == [422, 422, 422, 409]
    assert look(Alert, id=alert.id)[0].state is AlertState.open
    assert {entry.line.value for entry in look(AlertEntry, alert_id=alert.id)} <= {"raised", "called", "nobody_to_call"}


def test_another_clinics_alert_is_nobodys(
    desk: Desk, app: Flask, session: Session, alert: Alert, foreign_clinic: Clinic
) -> None:
    from tests.dashboard.conftest import desk_of

    stranger = desk_of(app, session, foreign_clinic.coordinator)
    paths = (f"/clinic/alerts/{alert.id}", "/clinic/alerts/nothing")

    assert [stranger.get(path).status_code for path in paths] == [404, 404]
    assert stranger.post(f"{paths[0]}/acknowledge").status_code == 404
