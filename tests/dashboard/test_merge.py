"""Making one record of two at a browser: side by side, then what would happen, then one button; for the admin alone."""

import re
from datetime import date

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import AuditEntry, Patient, RecordMerge
from models.people import StaffRole
from schedules.planning import plan_episode
from tests import builders
from tests.api.conftest import Clinic, Look
from tests.clock import MONDAY_AFTERNOON
from tests.dashboard.conftest import Answer, Desk, desk_of, text_of


@pytest.fixture
def boss(app: Flask, session: Session, clinic: Clinic) -> Desk:
    """Return the practice's admin; the two patients look like one, and had their surgeries on different days."""
    clinic.other_surgery.surgery_on = date(2026, 2, 25)
    clinic.other_patient.low_bone_density = True
    session.flush()
    plan_episode(session, clinic.id, clinic.other_episode.id, MONDAY_AFTERNOON)
    return desk_of(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))


def _ids(clinic: Clinic) -> dict[str, str]:
    return {"survivor": clinic.patient.id, "absorbed": clinic.other_patient.id}


def _query(clinic: Clinic) -> str:
    return f"/clinic/merge?survivor={clinic.patient.id}&absorbed={clinic.other_patient.id}"


def _token(page: Answer) -> str:
    (token,) = re.findall(r'name="token" value="([^"]+)"', page.get_data(as_text=True))
    return str(token)


def test_likely_doubles_lead_to_a_merge_that_is_seen_before_it_is_done(boss: Desk, clinic: Clinic, look: Look) -> None:
    listed = boss.get("/clinic/doubles").get_data(as_text=True)
    (link,) = re.findall(r'href="([^"]*/clinic/merge\?[^"]+)"', listed)
    asked = boss.get(link.replace("&amp;", "&").removeprefix("http://localhost"))
    before = look(Patient, id=clinic.other_patient.id)[0].phone

    shown = boss.post("/clinic/merge", _ids(clinic) | {"fact_phone": "absorbed", "fact_low_bone_density": "survivor"})
    done = boss.post("/clinic/merge/apply", {"survivor": clinic.patient.id, "token": _token(shown)})

    assert asked.status_code == shown.status_code == 200
    assert "The record that stays" in text_of(asked)
    checked = re.findall(r'name="fact_(\w+)" value="(\w+)" checked', asked.get_data(as_text=True))
    assert {"phone": "survivor", "low_bone_density": "absorbed"}.items() <= dict(checked).items()
    words = text_of(shown)
    assert "Episodes of care: 1" in words
    assert "stay as planned" in words
    assert (done.status_code, done.headers["Location"]) == (303, f"/clinic/patients/{clinic.patient.id}?done=noted")
    (after,) = look(Patient, id=clinic.patient.id)
    assert (after.phone, after.low_bone_density) == (before, None)
    assert boss.get(f"/clinic/patients/{clinic.other_patient.id}").status_code == 404
    assert boss.get(done.headers["Location"]).status_code == 200
    (entry,) = look(AuditEntry, practice_id=clinic.id, route="POST /clinic/merge/apply")
    assert entry.about["merged"] == clinic.other_patient.id


@pytest.mark.sqlite_only
def test_what_stands_against_it_is_said_and_what_was_chosen_stays(
    boss: Desk, session: Session, clinic: Clinic, look: Look
) -> None:
    session.get_one(Patient, (clinic.id, clinic.other_patient.id)).date_of_birth = date(1980, 5, 18)
    session.commit()

    refused = boss.post("/clinic/merge", _ids(clinic) | {"fact_phone": "absorbed"})
    taken = boss.post("/clinic/merge", _ids(clinic) | {"confirm_birth_dates": "yes"})

    assert refused.status_code == 409
    assert "the dates of birth differ" in text_of(refused)
    assert 'name="fact_phone" value="absorbed" checked' in refused.get_data(as_text=True)
    assert taken.status_code == 200
    assert look(RecordMerge) == []


@pytest.mark.sqlite_only
def test_what_was_shown_and_holds_no_more_is_not_done(boss: Desk, session: Session, clinic: Clinic, look: Look) -> None:
    shown = boss.post("/clinic/merge", _ids(clinic))
    session.get_one(Patient, (clinic.id, clinic.other_patient.id)).family_name = "Else"
    session.commit()

    stale = boss.post("/clinic/merge/apply", {"survivor": clinic.patient.id, "token": _token(shown)})

    assert stale.status_code == 409
    assert "Nothing was merged" in text_of(stale)
    assert look(RecordMerge) == []


@pytest.mark.sqlite_only
def test_it_is_for_the_admin_and_two_records_are_asked_for_by_id(boss: Desk, desk: Desk, clinic: Clinic) -> None:
    page = boss.get("/clinic/merge")
    unknown = [boss.get("/clinic/merge?survivor=nobody&absorbed=nothing")]
    unknown.append(boss.get(f"/clinic/merge?survivor={clinic.patient.id}&absorbed={clinic.patient.id}"))

    assert page.status_code == 200
    assert [label in text_of(page) for label in ("The record that stays", "Compare the two")] == [True, True]
    assert [each.status_code for each in unknown] == [404, 404]
    assert [each.status_code for each in (desk.get(_query(clinic)), desk.post("/clinic/merge", _ids(clinic)))] == [
        403
    ] * 2
    assert "/clinic/merge" not in desk.get("/clinic/doubles").get_data(as_text=True)


@pytest.mark.sqlite_only
def test_the_pages_are_said_in_spanish_with_every_fact_in_words(boss: Desk, session: Session, clinic: Clinic) -> None:
    other = session.get_one(Patient, (clinic.id, clinic.other_patient.id))
    other.language, other.units, other.work_class, other.channels = "es", "metric", "heavy", ["push", "sms"]  # type: ignore[assignment]
    session.commit()

    asked = boss.get(f"{_query(clinic)}&language=es")

    words = text_of(asked)
    assert asked.status_code == 200
    for word in ("El expediente que queda", "pesado", "aplicación, mensaje de texto", "Español", "Kilogramos"):
        assert word.lower() in words.lower(), word
