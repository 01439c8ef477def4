"""What leaves the clinic from its pages: the plan as PDF, the address of a calendar, and the tables of the practice."""

import csv
import io
import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session

from models import AuditEntry, CalendarFeed, Patient, Token
from models.people import StaffRole
from tests import builders
from tests.api.conftest import Clinic, Look
from tests.api.letters import text_of as text_of_pdf
from tests.clock import MONDAY_AFTERNOON
from tests.dashboard.conftest import Desk, desk_of, text_of

LONG_AGO = MONDAY_AFTERNOON - timedelta(minutes=11)


@pytest.fixture
def admin(app: Flask, session: Session, clinic: Clinic) -> Desk:
    """Return the clinic's admin at a browser."""
    return desk_of(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))


def test_an_address_is_shown_once_made_anew_and_ended(desk: Desk, clinic: Clinic, look: Look) -> None:
    path = f"/clinic/patients/{clinic.patient.id}/calendar-feed"

    def made() -> str:
        page = desk.post(path).get_data(as_text=True)
        return str(re.findall(r"<code>http[^<]+(/calendar/[^<]+\.ics)</code>", page)[0])

    first, second = made(), made()
    later = desk.get(path)
    old, new = desk.get(first), desk.get(second)
    ended = desk.post(f"{path}/end")
    gone = desk.get(second)

    assert [each.status_code for each in (old, new, ended, gone)] == [404, 200, 303, 404]
    assert "There is an address since" in text_of(later)
    assert "/calendar/" not in later.get_data(as_text=True).replace("calendar-feed", "")
    assert "There is no address" in text_of(desk.get(path))
    assert len(look(CalendarFeed)) == 1
    trail = [each.action for each in look(AuditEntry, practice_id=clinic.id) if each.route.startswith("POST")]
    assert trail == ["token"] * 3


@pytest.mark.sqlite_only
def test_titles_name_the_steps_only_while_the_patient_agrees(desk: Desk, clinic: Clinic, look: Look) -> None:
    path = f"/clinic/patients/{clinic.patient.id}"
    address = re.findall(r"(/calendar/[^<]+\.ics)<", desk.post(f"{path}/calendar-feed").get_data(as_text=True))[0]

    def told() -> tuple[bool, bool]:
        return "Walking" in desk.get(address).get_data(as_text=True), "not what" in text_of(
            desk.get(f"{path}/calendar-feed")
        )

    generic = told()
    agreed = desk.post(f"{path}/details-consent", {"agrees": "yes"})
    since = look(Patient, id=clinic.patient.id)[0].details_consent_at
    detailed = told()
    desk.post(f"{path}/details-consent", {"agrees": "no"})

    assert agreed.status_code == 303
    assert (generic, detailed, told()) == ((False, True), (True, False), (False, True))
    assert (since, look(Patient, id=clinic.patient.id)[0].details_consent_at) == (MONDAY_AFTERNOON, None)


@pytest.mark.sqlite_only
def test_the_plan_is_printed_in_either_language_from_links_of_the_page(desk: Desk, clinic: Clinic) -> None:
    page = desk.get(f"/clinic/patients/{clinic.patient.id}").get_data(as_text=True)
    paths = re.findall(r'href="(/clinic/episodes/[^"]+/plan\.pdf[^"]*)"', page)

    english, spanish = (desk.get(path) for path in paths)

    assert english.content_type == "application/pdf"
    assert "Walking 30 minutes" in text_of_pdf(english.data)
    assert "Caminar 30 minutos" in text_of_pdf(spanish.data)


def test_the_admin_takes_a_table_along_with_a_fresh_second_factor(
    admin: Desk, desk: Desk, session: Session, clinic: Clinic, look: Look
) -> None:
    page = admin.get("/clinic/practice/tables").get_data(as_text=True)
    plain, private = re.findall(r'href="(/clinic/practice/tables/patient(?:\?private=true)?)"', page)

    def columns(path: str) -> set[str]:
        answer = admin.get(path)
        assert (answer.status_code, answer.content_type) == (200, "text/csv; charset=utf-8")
        rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
        assert {row["id"] for row in rows} == {clinic.patient.id, clinic.other_patient.id}
        return set(rows[0])

    assert columns(private) - columns(plain) >= {"email", "phone"}
    assert desk.get(plain).status_code == 403
    assert admin.get("/clinic/practice/tables/staff").status_code == 404
    entries = [each.about for each in look(AuditEntry, practice_id=clinic.id) if "{table}" in each.route]
    assert {"table": "patient", "private": "true", "format": "csv"} in entries
    with admin.get(f"{plain}?format=parquet") as parquet:
        assert parquet.get_data()[:4] == b"PAR1"

    session.execute(update(Token).where(Token.practice_id == clinic.id).values(reauthenticated_at=LONG_AGO))
    session.commit()
    assert admin.get(plain).status_code == 403
