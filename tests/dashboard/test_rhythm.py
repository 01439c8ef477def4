"""The page on which a clinic sets when its patients are asked to check in."""

import re

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import CheckIn, Practice
from models.care import Reporter
from models.people import StaffRole
from tests import builders
from tests.api.conftest import Clinic, Look
from tests.clock import MONDAY_AFTERNOON
from tests.dashboard.conftest import Desk, desk_of, text_of

PAGE = "/clinic/check-ins"
pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def admin(app: Flask, session: Session, clinic: Clinic) -> Desk:
    return desk_of(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))


def tag_of(page: str) -> str:
    found = re.search(r'name="tag" value="(\w+)"', page)
    assert found is not None
    return found[1]


def test_the_default_is_stored_from_the_page_as_it_stands(
    surgeon: Desk, admin: Desk, clinic: Clinic, look: Look
) -> None:
    shown = surgeon.get(PAGE).get_data(as_text=True)
    sent = dict(re.findall(r'id="(\w+)" name="\w+" type="\w+"[^>]*value="([^"]*)"', shown))

    stored = surgeon.post(PAGE, sent | {"tag": tag_of(shown)})
    stale = admin.post(PAGE, sent | {"tag": tag_of(shown), "call_days": "2"})

    assert "set no rhythm yet" in shown
    assert (stored.status_code, stale.status_code) == (303, 409)
    assert look(Practice, id=clinic.id)[0].check_in_rhythms == [
        {
            "number": 1,
            "from_on": "2026-03-03",
            "phases": [[14, 7], [42, 2], [90, 1]],
            "red_flags_through_day": 3,
            "call_days": [1, 3],
        }
    ]
    assert "Holds from Tue 3 Mar" in text_of(surgeon.get(stored.headers["Location"]))
    assert "somebody changed it meanwhile" in text_of(stale)


def test_a_wrong_number_is_shown_again_with_what_was_expected(surgeon: Desk, clinic: Clinic, look: Look) -> None:
    sent = {"through_day_1": "10", "times_a_week_1": "9", "call_days": "one"}

    answer = surgeon.post(PAGE, sent | {"tag": "default"})

    assert answer.status_code == 422
    assert "1 to 7" in text_of(answer)
    assert 'value="9"' in answer.get_data(as_text=True)
    assert look(Practice, id=clinic.id)[0].check_in_rhythms is None


def test_who_may_not_set_it_does_not_see_the_page(desk: Desk, surgeon: Desk, admin: Desk) -> None:
    assert [each.get(PAGE).status_code for each in (desk, surgeon, admin)] == [403, 200, 200]
    linked = [PAGE in each.get("/clinic/protocols").get_data(as_text=True) for each in (desk, surgeon, admin)]
    assert linked == [False, True, True]


def test_the_patients_page_tells_what_was_ticked_off(desk: Desk, session: Session, clinic: Clinic) -> None:
    path = f"/clinic/patients/{clinic.patient.id}"
    untold = text_of(desk.get(path))
    row = CheckIn(practice_id=clinic.id, id="ticked", patient_id=clinic.patient.id, episode_id=clinic.episode.id)
    row.reported_at = row.received_at = MONDAY_AFTERNOON
    row.reported_by, row.pain, row.exercises = Reporter.patient, 3, ["walk"]
    session.add(row)
    session.commit()

    told = text_of(desk.get(path))

    assert "Nothing was told of exercises" in untold
    assert re.search(r"I walked a little, several times\.\s+protection\s+1 of 1 days", told)
    assert re.search(r"bending or twisting my spine\.\s+protection\s+0 of 1 days", told)
