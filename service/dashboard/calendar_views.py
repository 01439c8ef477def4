"""A patient's plan on paper and in a calendar: the PDF, and the secret address, made, made anew and ended."""

from dataclasses import replace
from hashlib import sha256
from zoneinfo import ZoneInfo

from flask import Response, request

from models import Patient
from schedules.plan.vocabulary import Language
from service.api.calendar_feeds import address_of
from service.api.letters import pdf_answer
from service.api.scope import caller, now, scope, show
from service.api.settle import settled
from service.care.calendar_feeds import find_feed, renew_feed, revoke_feed
from service.care.enrol import fields_of
from service.care.patients import change_patient
from service.care.plan_sheet import plan_pdf
from service.care.reach import find_patient, lock_patient, practice_of
from service.care.records import PatientRecord
from service.dashboard.blueprint import clinic, typed
from service.dashboard.pictures import qr_picture
from service.dashboard.render import go_to, page
from service.db import current_session


@clinic.get("/episodes/<id:episode_id>/plan.pdf")
@settled
def open_plan(episode_id: str) -> Response:
    """Return the plan of today as PDF, in the language that was asked for or else the patient's."""
    wanted = request.args.get("of", "")
    language = Language(wanted) if wanted in list(Language) else None
    plan, pdf = plan_pdf(current_session(), caller(), episode_id, language, now=now())
    show(plan.episode.patient_id)
    return pdf_answer(pdf, "plan.pdf", sha256(pdf).hexdigest())


@clinic.get("/patients/<id:patient_id>/calendar-feed")
@settled
def show_calendar(patient_id: str) -> Response:
    """Show whether a patient's calendar has an address, and what its titles say."""
    patient = find_patient(current_session(), caller(), patient_id)
    return _calendar(patient, None)


@clinic.post("/patients/<id:patient_id>/calendar-feed")
@settled
def renew_calendar(patient_id: str) -> Response:
    """Make a new address and show it, once; the former one ends."""
    _, secret = renew_feed(current_session(), caller(), patient_id, now())
    current_session().flush()
    return _calendar(find_patient(current_session(), caller(), patient_id), address_of(secret))


@clinic.post("/patients/<id:patient_id>/calendar-feed/end")
@settled
def end_calendar(patient_id: str) -> Response:
    """End the address of a patient's calendar."""
    revoke_feed(current_session(), caller(), patient_id, now())
    show(patient_id)
    return go_to(f"/clinic/patients/{patient_id}/calendar-feed")


@clinic.post("/patients/<id:patient_id>/details-consent")
@settled
def note_consent(patient_id: str) -> Response:
    """Note that the patient agreed to details in titles and subjects, or does not any more."""
    session = current_session()
    find_patient(session, caller(), patient_id)
    patient = lock_patient(session, caller().practice_id, patient_id)
    show(patient.id)
    since = (patient.details_consent_at or now()) if typed("agrees") == "yes" else None
    record = replace(PatientRecord(**fields_of(patient, PatientRecord)), details_consent_at=since)
    change_patient(session, caller(), patient, record, now=now(), require_match=lambda _row: None)
    scope().about["fields"] = ["details_consent_at"]
    return go_to(f"/clinic/patients/{patient.id}/calendar-feed")


def _calendar(patient: Patient, address: str | None) -> Response:
    show(patient.id)
    return page(
        "calendar.html",
        patient=patient,
        feed=find_feed(current_session(), caller(), patient.id),
        address=address,
        picture=None if address is None else qr_picture(address),
        zone=ZoneInfo(practice_of(current_session(), caller()).time_zone),
    )
