"""Changing who a patient is and how one reaches them, and records that may be of one person."""

import re
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import AuditEntry, AuditSubject, Milestone, Patient
from service.care.doubles import Ground, find_doubles
from tests import builders
from tests.api.conftest import Clinic, Look, as_staff
from tests.dashboard.conftest import Desk, text_of

BORN = date(1971, 2, 28)


def form_of(desk: Desk, path: str) -> dict[str, str]:
    """Return what the form shows, by its fields."""
    page = desk.get(path).get_data(as_text=True)
    shown = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', page))
    chosen = re.findall(r'<select id="(\w+)".*?<option value="([^"]*)" selected', page)
    return {name: value for name, value in (shown | dict(chosen)).items() if name not in ("q", "form")}


def test_what_is_typed_is_stored_and_nothing_else_changes(desk: Desk, clinic: Clinic, look: Look) -> None:
    path = f"/clinic/patients/{clinic.patient.id}/edit"
    form = form_of(desk, path)
    (before,) = look(Patient, id=clinic.patient.id)

    answer = desk.post(path, form | {"family_name": "Núñez", "email": "new@example.org", "phone": "", "language": "es"})

    (after,) = look(Patient, id=clinic.patient.id)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/clinic/patients/{clinic.patient.id}?done=noted")
    assert (after.family_name, after.email, after.phone, after.language) == ("Núñez", "new@example.org", None, "es")
    same = (
        "given_name",
        "date_of_birth",
        "mrn",
        "country",
        "time_zone",
        "units",
        "channels",
        "work_class",
        "quiet_from",
    )
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]
    assert after.rev > before.rev


def test_a_form_that_is_older_than_the_record_changes_nothing(
    desk: Desk, surgeon: Desk, clinic: Clinic, look: Look
) -> None:
    path = f"/clinic/patients/{clinic.patient.id}/edit"
    form = form_of(desk, path)
    surgeon.post(path, form | {"phone": "+12125550188"})

    answer = desk.post(path, form | {"phone": "+12125550199"})

    (after,) = look(Patient, id=clinic.patient.id)
    assert (answer.status_code, after.phone) == (409, "+12125550188")
    assert "Somebody has changed this patient" in text_of(answer)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("date_of_birth", "yesterday"), ("date_of_birth", "2031-01-01"), ("email", "nobody"), ("phone", "212"),
        ("time_zone", "Nowhere/Here"), ("country", "usa"), ("language", "fr"), ("given_name", ""),
    ],
)  # fmt: skip
@pytest.mark.sqlite_only
def test_what_cannot_be_is_refused_at_its_field_and_what_was_typed_stays(
    desk: Desk, clinic: Clinic, look: Look, field: str, value: str
) -> None:
    path = f"/clinic/patients/{clinic.patient.id}/edit"
    form = form_of(desk, path) | {"family_name": "Typed"}

    answer = desk.post(path, form | {field: value})

    (after,) = look(Patient, id=clinic.patient.id)
    assert answer.status_code == 422
    assert "Expected" in text_of(answer)
    assert 'value="Typed"' in answer.get_data(as_text=True)
    assert after.family_name == "Sample"


@pytest.mark.sqlite_only
def test_a_number_that_another_patient_has_is_refused(desk: Desk, clinic: Clinic) -> None:
    path = f"/clinic/patients/{clinic.patient.id}/edit"

    answer = desk.post(path, form_of(desk, path) | {"mrn": clinic.other_patient.mrn})

    assert answer.status_code == 409
    assert "an MRN that no other patient has" in text_of(answer)


@pytest.mark.sqlite_only
def test_another_zone_plans_the_days_of_messages_anew_and_the_trail_says_whose(
    desk: Desk, clinic: Clinic, look: Look
) -> None:
    path = f"/clinic/patients/{clinic.patient.id}/edit"
    before = {row.id: row.rev for row in look(Milestone, patient_id=clinic.patient.id)}

    desk.post(path, form_of(desk, path) | {"time_zone": "Pacific/Auckland"})

    route = "POST /clinic/patients/{patient_id}/edit"
    (entry,) = look(AuditEntry, practice_id=clinic.id, route=route)
    assert set(before) == {row.id for row in look(Milestone, patient_id=clinic.patient.id)}
    assert (entry.actor_id, entry.action) == (clinic.coordinator.id, "write")
    assert "Auckland" not in str(entry.about)


def alike(session: Session, clinic: Clinic) -> tuple[str, str]:
    """Store two records of one person, and people who are none: born that day, named so, of another clinic."""
    named = {"given_name": "José", "family_name": "Garcia Lopez"}
    one = builders.patient(session, clinic.practice, id="one", date_of_birth=BORN, **named)
    too = {"given_name": "Jose", "family_name": "García-López", "date_of_birth": BORN}
    builders.patient(session, clinic.practice, id="other", **too)
    builders.patient(session, clinic.practice, id="named-so", **named)
    builders.patient(
        session, clinic.practice, id="born-so", given_name="Eva", family_name="Bianchi", date_of_birth=BORN
    )
    elsewhere = builders.practice(session)
    reached = {"email": one.email, "phone": one.phone, "date_of_birth": BORN}
    builders.patient(session, elsewhere, id="elsewhere", **named, **reached)
    session.commit()
    clinic.patient.given_name, clinic.other_patient.given_name = "Ana", "Bruno"
    clinic.patient.date_of_birth = date(1950, 1, 1)
    session.commit()
    return "one", "other"


def test_two_records_of_one_person_are_found_and_others_are_not(session: Session, clinic: Clinic) -> None:
    pair = alike(session, clinic)

    found = find_doubles(session, clinic.id)

    assert [(each.patient_ids, each.grounds) for each in found.pairs] == [(pair, (Ground.born_and_named_alike,))]


def test_who_shares_an_address_or_a_number_is_found_and_the_likeliest_comes_first(
    session: Session, clinic: Clinic
) -> None:
    pair = alike(session, clinic)
    one, other = (session.get_one(Patient, (clinic.id, each)) for each in pair)
    named, born = (session.get_one(Patient, (clinic.id, each)) for each in ("named-so", "born-so"))
    other.phone, named.email = one.phone, born.email
    session.commit()

    found = find_doubles(session, clinic.id)

    assert [(each.patient_ids, each.grounds) for each in found.pairs] == [
        (pair, (Ground.born_and_named_alike, Ground.same_phone)),
        (("born-so", "named-so"), (Ground.same_email,)),
    ]


@pytest.mark.sqlite_only
def test_the_list_shows_both_and_the_api_tells_ids_alone(
    app: Flask, session: Session, desk: Desk, clinic: Clinic, look: Look
) -> None:
    pair = alike(session, clinic)

    page = desk.get("/clinic/doubles")
    told = as_staff(app, session, clinic.coordinator).get("/likely-doubles")

    assert "García-López, Jose" in text_of(page)
    assert "Date of birth and name" in text_of(page)
    assert told.json == {
        "items": [{"patient_ids": list(pair), "grounds": ["born_and_named_alike"]}], "has_more": False,
    }  # fmt: skip
    (entry,) = look(AuditEntry, practice_id=clinic.id, route="GET /api/v1/likely-doubles")
    assert set(session.scalars(select(AuditSubject.patient_id).filter_by(entry_id=entry.id))) == set(pair)


@pytest.mark.sqlite_only
def test_a_zone_that_is_not_in_the_list_stays_chosen(desk: Desk, session: Session, clinic: Clinic) -> None:
    clinic.patient.time_zone = "US/Pacific-New"
    session.commit()

    assert form_of(desk, f"/clinic/patients/{clinic.patient.id}/edit")["time_zone"] == "US/Pacific-New"


@pytest.mark.sqlite_only
def test_who_sees_their_own_caseload_alone_finds_and_changes_nobody_elses(
    app: Flask, session: Session, desk: Desk, clinic: Clinic, look: Look
) -> None:
    alike(session, clinic)
    patient_id = clinic.patient.id
    path = f"/clinic/patients/{patient_id}/edit"
    form = form_of(desk, path)
    clinic.practice.own_caseload_only = True
    session.commit()

    page = desk.get("/clinic/doubles")
    told = as_staff(app, session, clinic.coordinator).get("/likely-doubles")
    shown, sent = desk.get(path), desk.post(path, form | {"family_name": "Other"})

    assert (page.status_code, told.json) == (200, {"items": [], "has_more": False})
    assert "García" not in page.get_data(as_text=True)
    assert (shown.status_code, sent.status_code) == (404, 404)
    assert look(Patient, id=patient_id)[0].family_name == "Sample"
