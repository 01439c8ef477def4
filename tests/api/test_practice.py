"""A clinic's settings: read by staff, changed by a clinician or the clinic's admin, never impossible."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, Practice, SafetyCard
from models.people import StaffRole
from service.api import examples_practice as examples
from service.api.practice import PracticeAnswer, PracticePatch
from service.app import create_app
from service.db import db
from tests import builders
from tests.api.conftest import Caller, Clinic, Look, as_signed_in
from tests.clock import FixedClock

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WEBHOOK = {"webhook_url": "https://8.8.8.8/messages", "webhook_secret": SECRET}


@pytest.fixture
def clinician(app: Flask, session: Session, clinic: Clinic) -> Caller:
    return as_signed_in(app, session, clinic.clinician)


@pytest.fixture
def admin(app: Flask, session: Session, clinic: Clinic) -> Caller:
    return as_signed_in(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))


def refused_at(answer: Any) -> list[str]:
    return [fault["pointer"] for fault in answer.json["errors"]]


@pytest.mark.sqlite_only
def test_the_examples_fit_their_schemas() -> None:
    assert PracticePatch().validate(examples.PRACTICE_CHANGE) == {}
    assert examples.PRACTICE.keys() == PracticeAnswer().fields.keys()


def test_a_new_clinic_has_set_nothing(coordinator: Caller, clinic: Clinic) -> None:
    answer = coordinator.get("/practice")

    assert answer.status_code == 200
    assert answer.json == {
        "id": clinic.id,
        "name": "Hudson Spine Clinic",
        "country": "US",
        "time_zone": "America/New_York",
        "phone": "+12125550100",
        "closed_on": [],
        "holiday_calendar": None,
        "opioid_free_hours": None,
        "workers_comp_percent": 100,
        "work_table": None,
        "webhook_url": None,
        "has_webhook_secret": False,
        "records_kept_years": None,
        "own_caseload_only": False,
        "episodes_to_rebuild": 0,
    }


def test_what_a_clinician_sets_is_stored_and_answered(clinician: Caller, clinic: Clinic, look: Look) -> None:
    change = examples.PRACTICE_CHANGE | {"opioid_free_hours": 48, "workers_comp_percent": 150}

    answer = clinician.amend("/practice", change | {"closed_on": ["2026-12-24", "2026-11-27", "2026-12-24"]})

    (row,) = look(Practice, id=clinic.id)
    assert answer.status_code == 200
    assert answer.json["closed_on"] == row.closed_on == ["2026-11-27", "2026-12-24"]
    assert answer.json["holiday_calendar"] == row.holiday_calendar == "US-NY"
    assert (row.opioid_free_hours, row.workers_comp_percent) == (48, 150)
    assert answer.json["work_table"] == row.work_table == examples.WORK_TABLE
    assert answer.json == clinician.get("/practice").json | {"episodes_to_rebuild": 2}


def test_a_change_brings_the_card_of_the_patients_phones_up_to_date(
    clinician: Caller, clinic: Clinic, session: Session, look: Look
) -> None:
    clinic.practice.phone = "+12125550177"
    session.commit()

    clinician.amend("/practice", {"opioid_free_hours": 48})

    (card,) = look(SafetyCard, practice_id=clinic.id)
    assert (card.id, card.phone, card.monitored_until) == (clinic.id, "+12125550177", None)


def test_a_new_name_and_phone_are_stored_audited_and_on_the_card_that_phones_pull_next(
    clinician: Caller, patient: Caller, clinic: Clinic, look: Look
) -> None:
    cursor = patient.get("/sync/watermelon").json["timestamp"]

    answer = clinician.amend("/practice", {"name": "Hudson Spine and Back", "phone": "+12125550188"})
    again = clinician.amend("/practice", {"name": "Hudson Spine and Back", "phone": "+12125550188"})
    pulled = patient.get("/sync/watermelon", query_string={"last_pulled_at": cursor}).json
    unchanged = patient.get("/sync/watermelon", query_string={"last_pulled_at": pulled["timestamp"]}).json

    (card,) = pulled["changes"]["safety_cards"]["updated"]
    assert (answer.status_code, answer.json["episodes_to_rebuild"]) == (200, 0)
    assert (answer.json["name"], answer.json["phone"]) == ("Hudson Spine and Back", "+12125550188")
    assert (card["name"], card["phone"]) == ("Hudson Spine and Back", "+12125550188")
    assert again.json == answer.json
    assert unchanged["changes"]["safety_cards"]["updated"] == []
    about = [row.about for row in look(AuditEntry, practice_id=clinic.id, route="PATCH /api/v1/practice")]
    assert about == [{"changed": ["name", "phone"]}, {"changed": []}]


@pytest.mark.sqlite_only
@pytest.mark.parametrize("change", [{"phone": "+12125550188"}, {"name": "Hudson Spine and Back"}])
def test_a_new_name_or_phone_makes_older_etags_stale(clinician: Caller, change: dict[str, str]) -> None:
    etag = clinician.get("/practice").headers["ETag"]
    clinician.patch("/practice", change, match=etag)

    stale = clinician.patch("/practice", {"phone": "+12125550199"}, match=etag)

    assert stale.status_code == 412


def test_what_is_left_out_stays_and_null_unsets(clinician: Caller, clinic: Clinic, look: Look) -> None:
    clinician.amend("/practice", examples.PRACTICE_CHANGE)

    clinician.amend("/practice", {"work_table": None})

    (row,) = look(Practice, id=clinic.id)
    assert (row.work_table, row.holiday_calendar) == (None, "US-NY")


@pytest.mark.parametrize(
    ("change", "concerned"),
    [
        ({"closed_on": ["2026-12-24"]}, 2),
        ({"holiday_calendar": "US"}, 2),
        ({"work_table": examples.WORK_TABLE}, 2),
        ({"workers_comp_percent": 150}, 1),
        ({"opioid_free_hours": 24}, 0),
        ({"holiday_calendar": None, "closed_on": [], "workers_comp_percent": 100}, 0),
        ({}, 0),
    ],
)
def test_a_change_says_how_many_open_plans_it_concerns(
    clinician: Caller, session: Session, clinic: Clinic, change: dict[str, Any], concerned: int
) -> None:
    clinic.episode.workers_comp = True
    session.commit()

    answer = clinician.amend("/practice", change)

    assert (answer.status_code, answer.json["episodes_to_rebuild"]) == (200, concerned)


def test_a_change_is_made_from_the_settings_as_they_stand(clinician: Caller) -> None:
    etag = clinician.get("/practice").headers["ETag"]
    clinician.patch("/practice", {"holiday_calendar": "US"}, match=etag)

    stale = clinician.patch("/practice", {"holiday_calendar": "DE"}, match=etag)
    blind = clinician.patch("/practice", {"holiday_calendar": "DE"})

    assert (stale.status_code, blind.status_code) == (412, 428)
    assert clinician.get("/practice").json["holiday_calendar"] == "US"


def test_the_admin_may_set_and_a_coordinator_may_not(admin: Caller, coordinator: Caller) -> None:
    assert coordinator.amend("/practice", {"holiday_calendar": "US"}).status_code == 403
    assert admin.amend("/practice", {"holiday_calendar": "US"}).status_code == 200


def test_a_patient_sees_no_settings(patient: Caller) -> None:
    assert patient.get("/practice").status_code == 403


def test_a_clinic_changes_itself_alone(clinician: Caller, foreign_staff: Caller) -> None:
    clinician.amend("/practice", {"holiday_calendar": "US"})

    assert foreign_staff.get("/practice").json["holiday_calendar"] is None


def test_the_audit_trail_says_who_changed_which_settings(clinician: Caller, clinic: Clinic, look: Look) -> None:
    clinician.amend("/practice", {"holiday_calendar": "US", "workers_comp_percent": 150})

    entry = look(AuditEntry, practice_id=clinic.id, route="PATCH /api/v1/practice")[0]
    assert entry.actor_id == clinic.clinician.id
    assert entry.about == {"changed": ["holiday_calendar", "workers_comp_percent"]}


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"holiday_calendar": "US-XX"}, "/holiday_calendar"),
        ({"holiday_calendar": "ZZ"}, "/holiday_calendar"),
        ({"holiday_calendar": "us"}, "/holiday_calendar"),
        ({"holiday_calendar": ""}, "/holiday_calendar"),
        ({"closed_on": ["2026-02-30"]}, "/closed_on/0"),
        ({"closed_on": "2026-12-24"}, "/closed_on"),
        ({"closed_on": ["2026-12-24"] * 501}, "/closed_on"),
        ({"opioid_free_hours": 0}, "/opioid_free_hours"),
        ({"workers_comp_percent": 99}, "/workers_comp_percent"),
        ({"workers_comp_percent": 301}, "/workers_comp_percent"),
        ({"workers_comp_percent": None}, "/workers_comp_percent"),
        ({"work_table": {}}, "/work_table/sedentary"),
        ({"work_table": []}, "/work_table"),
        ({"work_table": examples.WORK_TABLE | {"light": 20}}, "/work_table/light"),
        ({"work_table": examples.WORK_TABLE | {"sources": ["S999"]}}, "/work_table/sources"),
        (
            {"work_table": examples.WORK_TABLE | {"heavy": examples.WORK_TABLE["heavy"] | {"occasional": {}}}},
            "/work_table/heavy/occasional",
        ),
        (
            {
                "work_table": examples.WORK_TABLE
                | {"heavy": examples.WORK_TABLE["heavy"] | {"occasional": {"to_lb": -1}}}
            },
            "/work_table/heavy/occasional/to_lb",
        ),
        ({"time_zone": "Europe/Berlin"}, "/time_zone"),
        ({"phone": "212 555 0188"}, "/phone"),
        ({"phone": "+0125550188"}, "/phone"),
        ({"phone": "+1212555018812345"}, "/phone"),
        ({"phone": None}, "/phone"),
        ({"name": ""}, "/name"),
        ({"name": "  "}, "/name"),
        ({"name": "Hudson\nSpine"}, "/name"),
        ({"name": "a" * 201}, "/name"),
        ({"name": None}, "/name"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_their_place(
    clinician: Caller, change: dict[str, Any], pointer: str
) -> None:
    answer = clinician.amend("/practice", change)

    assert answer.status_code == 422
    assert pointer in refused_at(answer)


def test_the_admin_says_where_the_clinics_own_system_is_and_its_secret_is_never_shown(
    admin: Caller, clinic: Clinic, look: Look
) -> None:
    answer = admin.amend("/practice", WEBHOOK)

    (row,) = look(Practice, id=clinic.id)
    assert (answer.json["webhook_url"], answer.json["has_webhook_secret"]) == (WEBHOOK["webhook_url"], True)
    assert (row.webhook_url, row.webhook_secret) == (WEBHOOK["webhook_url"], SECRET)
    assert "whsec" not in answer.get_data(as_text=True) + admin.get("/practice").get_data(as_text=True)
    assert look(AuditEntry, practice_id=clinic.id, route="PATCH /api/v1/practice")[0].about == {
        "changed": ["webhook_url", "webhook_secret"]
    }


def test_the_secret_may_change_alone_and_goes_with_the_url(admin: Caller, clinic: Clinic, look: Look) -> None:
    admin.amend("/practice", WEBHOOK)

    admin.amend("/practice", {"webhook_secret": "whsec_" + "A" * 32})
    (changed,) = look(Practice, id=clinic.id)
    admin.amend("/practice", {"webhook_url": None})
    (ended,) = look(Practice, id=clinic.id)

    assert changed.webhook_secret == "whsec_" + "A" * 32
    assert (ended.webhook_url, ended.webhook_secret_sealed) == (None, None)


def test_only_the_admin_says_where_messages_go(clinician: Caller, coordinator: Caller) -> None:
    assert clinician.amend("/practice", WEBHOOK).status_code == 403
    assert clinician.amend("/practice", {"webhook_url": None}).status_code == 403
    assert coordinator.amend("/practice", WEBHOOK).status_code == 403


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"webhook_url": "https://8.8.8.8/"}, "/webhook_secret"),
        (WEBHOOK | {"webhook_url": "https://10.0.0.5/"}, "/webhook_url"),
        (WEBHOOK | {"webhook_url": "https://2130706433/"}, "/webhook_url"),
        (WEBHOOK | {"webhook_url": "http://8.8.8.8/"}, "/webhook_url"),
        (WEBHOOK | {"webhook_url": "https://user@8.8.8.8/"}, "/webhook_url"),
        (WEBHOOK | {"webhook_url": ""}, "/webhook_url"),
        (WEBHOOK | {"webhook_secret": "whsec_short"}, "/webhook_secret"),
    ],
)
def test_a_system_that_may_not_be_called_is_refused(admin: Caller, change: dict[str, Any], pointer: str) -> None:
    answer = admin.amend("/practice", change)

    assert answer.status_code == 422
    assert refused_at(answer) == [pointer]


def test_the_operator_may_name_hosts_inside(settings: Settings, session: Session, clinic: Clinic) -> None:
    inside = {"webhook_url": "https://10.0.0.5:8443/", "webhook_secret": SECRET}
    app = create_app(replace(settings, webhook_hosts=("10.0.0.5:8443",)), FixedClock())
    admin = as_signed_in(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))

    assert admin.amend("/practice", inside).status_code == 200
    assert admin.amend("/practice", inside | {"webhook_url": "https://10.0.0.6:8443/"}).status_code == 422
    with app.app_context():
        db.engine.dispose()
