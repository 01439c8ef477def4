"""The audit trail as auditors read it: whole, page by page, and their looking stands in it."""

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import AuditEntry
from models.people import StaffRole
from service.api import examples_access as examples
from service.api.audit_trail import AuditEntryPage, AuditEntryView
from service.care import audit_trail
from tests import builders
from tests.api.conftest import Caller, Clinic, Look, as_signed_in

PATIENT = "GET /api/v1/patients/{patient_id}"
LIST = "GET /api/v1/audit-entries"


@pytest.fixture
def auditor(app: Flask, session: Session, clinic: Clinic) -> Caller:
    return as_signed_in(app, session, builders.staff(session, clinic.practice, role=StaffRole.auditor))


def routes(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [item["route"] for item in answer["items"]]


@pytest.mark.sqlite_only
def test_the_example_fits_its_schema() -> None:
    assert examples.AUDIT_ENTRIES.keys() == AuditEntryPage().fields.keys()
    assert examples.AUDIT_ENTRIES["items"][0].keys() == AuditEntryView().fields.keys()


def test_an_auditor_reads_who_did_what_to_whom_and_that_stands_in_the_trail_too(
    auditor: Caller, coordinator: Caller, clinic: Clinic
) -> None:
    coordinator.get(f"/patients/{clinic.patient.id}")
    coordinator.get("/patients/nobody")

    first, second = auditor.get("/audit-entries").json, auditor.get("/audit-entries").json

    told = [(each["actor_kind"], each["route"], each["status"], each["patient_ids"]) for each in first["items"]]
    assert told == [("staff", PATIENT, 404, []), ("staff", PATIENT, 200, [clinic.patient.id])]
    assert first["items"][0]["actor_id"] == clinic.coordinator.id
    assert (second["items"][0]["route"], second["items"][0]["patient_ids"]) == (LIST, [clinic.patient.id])


def test_entries_are_found_by_who_did_it_and_by_whom_it_is_about(
    auditor: Caller, coordinator: Caller, clinician: Caller, clinic: Clinic
) -> None:
    coordinator.get(f"/patients/{clinic.patient.id}")
    coordinator.get(f"/patients/{clinic.other_patient.id}")
    clinician.get("/protocols")

    by_actor = auditor.get(f"/audit-entries?actor_id={clinic.clinician.id}").json
    by_patient = auditor.get(f"/audit-entries?patient_id={clinic.other_patient.id}").json
    both = auditor.get(f"/audit-entries?patient_id={clinic.patient.id}&actor_id={clinic.clinician.id}").json

    assert routes(by_actor) == ["GET /api/v1/protocols"]
    assert routes(by_patient) == [PATIENT]
    assert both == {"items": [], "next": None}


def test_pages_tell_every_entry_once_however_little_each_looks_at(
    auditor: Caller, coordinator: Caller, clinic: Clinic, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_trail, "LOOKED_AT", 3)
    for _ in range(4):
        coordinator.get("/patients/nobody")
        auditor.get("/me")
    wanted = [row.id for row in look(AuditEntry, practice_id=clinic.id, actor_id=clinic.coordinator.id)]

    came, path = [], f"/audit-entries?actor_id={clinic.coordinator.id}&limit=2"
    answer = auditor.get(path).json
    came += [each["id"] for each in answer["items"]]
    while answer["next"] is not None:
        answer = auditor.get(f"{path}&after={answer['next']}").json
        came += [each["id"] for each in answer["items"]]

    assert came == sorted(wanted, reverse=True)


@pytest.mark.sqlite_only
def test_another_clinics_trail_is_not_shown(
    auditor: Caller, foreign_staff: Caller, foreign_clinic: Clinic, clinic: Clinic
) -> None:
    foreign_staff.get(f"/patients/{foreign_clinic.patient.id}")

    whole = auditor.get("/audit-entries").json
    by_patient = auditor.get(f"/audit-entries?patient_id={foreign_clinic.patient.id}").json

    assert (routes(whole), routes(by_patient)) == ([], [])
