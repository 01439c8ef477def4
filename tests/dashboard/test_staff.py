"""The pages on which the clinic's admin runs its staff and its settings."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import Practice, Staff
from models.people import StaffRole
from tests import builders
from tests.api.conftest import Clinic, Look
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.dashboard.conftest import Desk, desk_of, text_of


@pytest.fixture
def chief(session: Session, clinic: Clinic) -> Staff:
    return builders.staff(session, clinic.practice, role=StaffRole.practice_admin, display_name="Morgan Vale")


@pytest.fixture
def admin(app: Flask, session: Session, chief: Staff) -> Desk:
    return desk_of(app, session, chief)


def test_an_admin_adds_somebody_and_gets_the_code_once(admin: Desk, look: Look) -> None:
    sent = {"name": "Dana Okafor", "email": "dana@example.org", "role": "operator"}

    answer = admin.post("/clinic/staff", sent)

    assert answer.status_code == 200, text_of(answer)
    (row,) = look(Staff, display_name="Dana Okafor")
    assert re.search(r"\b[0-9A-Z]{4}(-[0-9A-Z]{4}){3}\b", text_of(answer))
    page = text_of(admin.get("/clinic/staff"))
    assert "Dana Okafor dana@example.org operator nothing yet; invited" in page
    assert not re.search(r"\b[0-9A-Z]{4}(-[0-9A-Z]{4}){3}\b", page)
    assert row.role is StaffRole.operator


def test_an_admin_sees_whose_address_no_mail_reaches(admin: Desk, session: Session, clinic: Clinic) -> None:
    session.get_one(Staff, (clinic.id, clinic.clinician.id)).email_dead_at = MONDAY_AFTERNOON
    session.commit()

    listed, one = admin.get("/clinic/staff"), text_of(admin.get(f"/clinic/staff/{clinic.clinician.id}"))

    assert text_of(listed).count("E-mail refused since Mon 2 Mar 10:00") == 1
    assert "E-mail refused since Mon 2 Mar 10:00. It still signs in, but no alert" in one


def test_what_cannot_be_stands_beside_its_field_and_what_was_typed_is_kept(admin: Desk, clinic: Clinic) -> None:
    wrong = admin.post("/clinic/staff", {"name": "Dana", "email": "no address", "role": "clinician"})
    taken = admin.post("/clinic/staff", {"name": "Dana", "email": str(clinic.coordinator.email), "role": "clinician"})

    assert (wrong.status_code, taken.status_code) == (422, 409)
    for answer, typed in ((wrong, "no address"), (taken, str(clinic.coordinator.email))):
        assert f'value="{typed}"' in answer.get_data(as_text=True)
        assert "Expected: an" in text_of(answer)


def test_each_step_about_one_person_is_taken_and_shown(admin: Desk, clinic: Clinic, look: Look) -> None:
    path = f"/clinic/staff/{clinic.clinician.id}"

    steps = [
        admin.post(f"{path}/role", {"role": "coordinator"}),
        admin.post(f"{path}/end-sessions"),
        admin.post(f"{path}/code", {"lost": "second_factor"}),
        admin.post(f"{path}/deactivate"),
    ]
    out = text_of(admin.get(path))
    again = admin.post(f"{path}/reactivate")

    assert [each.status_code for each in steps] == [303, 303, 200, 303]
    assert "Deactivated since" in out
    assert (again.status_code, "One-time code" in text_of(again)) == (200, True)
    (row,) = look(Staff, id=clinic.clinician.id)
    assert (row.role, row.disabled_at) == (StaffRole.coordinator, None)


def test_oneself_and_a_wrong_role_are_refused_on_the_page(admin: Desk, chief: Staff, clinic: Clinic) -> None:
    own = admin.post(f"/clinic/staff/{chief.id}/deactivate")
    wrong = admin.post(f"/clinic/staff/{clinic.clinician.id}/role", {"role": "king"})

    assert (own.status_code, "another member of staff (yourself)" in text_of(own)) == (409, True)
    assert (wrong.status_code, "Expected" in text_of(wrong)) == (422, True)


def test_without_a_fresh_second_factor_a_change_asks_for_one(admin: Desk, clinic: Clinic, clock: FixedClock) -> None:
    clock.advance(timedelta(minutes=10))

    answer = admin.post(f"/clinic/staff/{clinic.clinician.id}/deactivate")

    assert (answer.status_code, "/clinic/step-up" in answer.get_data(as_text=True)) == (403, True)


def test_only_an_admin_is_shown_the_way_there_and_gets_in(desk: Desk, surgeon: Desk, admin: Desk) -> None:
    codes = [[who.get(path).status_code for who in (desk, surgeon, admin)] for path in PAGES]

    assert codes == [[403, 403, 200]] * len(PAGES)
    assert [path in admin.get("/clinic/").get_data(as_text=True) for path in PAGES] == [True, True]
    assert [path in desk.get("/clinic/").get_data(as_text=True) for path in PAGES] == [False, False]


PAGES = ("/clinic/staff", "/clinic/practice")


def shown_tag(desk: Desk) -> str:
    found = re.search(r'name="tag" value="(\w+)"', desk.get("/clinic/practice").get_data(as_text=True))
    assert found is not None
    return found[1]


def test_the_settings_are_changed_from_what_was_shown(admin: Desk, clinic: Clinic, look: Look) -> None:
    sent = {
        "tag": shown_tag(admin),
        "name": "Hudson Spine",
        "phone": "+12125550199",
        "holiday_calendar": "US-NY",
        "closed_on": "2026-12-24\r\n2026-12-31",
        "opioid_free_hours": "",
        "workers_comp_percent": "150",
        "records_kept_years": "7",
    }

    stored = admin.post("/clinic/practice", sent)
    stale = admin.post("/clinic/practice", sent | {"name": "Another"})

    (row,) = look(Practice, id=clinic.id)
    assert (stored.status_code, stale.status_code) == (303, 409)
    assert (row.name, row.phone, row.holiday_calendar) == ("Hudson Spine", "+12125550199", "US-NY")
    assert (row.closed_on, row.opioid_free_hours) == (["2026-12-24", "2026-12-31"], None)
    assert (row.workers_comp_percent, row.records_kept_years) == (150, 7)
    assert "2 open plans still stand" in text_of(admin.get(stored.headers["Location"]))
    assert "somebody changed them meanwhile" in text_of(stale)


def test_a_wrong_setting_stands_beside_its_field(admin: Desk, clinic: Clinic, look: Look) -> None:
    sent = {"tag": shown_tag(admin), "name": "Hudson", "phone": "5550199", "workers_comp_percent": "99.5"}

    answer = admin.post("/clinic/practice", sent)

    assert answer.status_code == 422
    assert answer.get_data(as_text=True).count('aria-invalid="true"') >= 1
    assert 'value="99.5"' in answer.get_data(as_text=True)
    assert look(Practice, id=clinic.id)[0].phone == "+12125550100"
