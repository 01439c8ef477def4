"""Patients: the caseload, and one patient's facts."""

from typing import Any

from marshmallow import Schema, fields

from models import Patient
from schedules.plan.vocabulary import (
    Channel,
    EpisodeStatus,
    Language,
    OpioidUse,
    ReminderCategory,
    Units,
    WorkClass,
)
from service.api import examples
from service.api.etags import etag_of, refuse_match_of_nothing, require_match
from service.api.fields import CivilDate, Flag, Id, Instant, Text, WallTime, WholeText, Word
from service.api.pages import PageQuery, page, row_after
from service.api.resource import Resource, listing, patch_of
from service.api.scope import caller, now, show
from service.care.enrol import fields_of
from service.care.patients import PatientFilter, change_patient, list_patients, put_patient
from service.care.reach import find_patient, lock_patient
from service.care.records import PatientRecord
from service.db import current_session

patients = Resource("patients", "Patients and what plans and reminders need to know of them.")
_UNKNOWN = "true, false, or null where it is not known"


class CountryCode(fields.String):
    """A country, ISO 3166-1 alpha-2."""

    def __init__(self, **options: Any) -> None:
        expected = "a country code of two capital letters such as US"
        told = {"description": f"{expected}.", "expected": expected}
        super().__init__(validate=WholeText("^[A-Z]{2}$"), metadata=told, **options)


class PatientBody(Schema):
    """A patient's facts. Where the patient is now gives the zone of messages and the emergency number.

    `details_consent_at`: since when subjects and lock screens may say more than that something waits; null: they may
    not.
    """

    mrn = Text(64, "the medical record number", required=True)
    given_name = Text(200, "the given name", required=True)
    family_name = Text(200, "the family name", required=True)
    date_of_birth = CivilDate(required=True)
    language = Word(Language, required=True)
    country = CountryCode(required=True)
    time_zone = Text(64, "an IANA zone such as America/New_York", required=True)
    units = Word(Units, required=True)
    channels = fields.List(Word(Channel), load_default=[])
    opted_out = fields.List(Word(Channel), load_default=[])
    opted_out_categories = fields.List(
        Word(ReminderCategory),
        load_default=[],
        metadata={"description": "Categories of reminders that the patient does not want, on any channel."},
    )
    quiet_from = WallTime(load_default=None, allow_none=True)
    quiet_until = WallTime(load_default=None, allow_none=True)
    reminders_paused_at = Instant(load_default=None, allow_none=True)
    details_consent_at = Instant(load_default=None, allow_none=True)
    died_on = CivilDate(load_default=None, allow_none=True)
    email = Text(254, "an e-mail address", load_default=None, allow_none=True)
    phone = Text(16, "a phone number in E.164", load_default=None, allow_none=True)
    work_class = Word(WorkClass, load_default=None, allow_none=True)
    opioid_use = Word(OpioidUse, load_default=OpioidUse.unknown)
    takes_blood_thinner = Flag(_UNKNOWN, load_default=None, allow_none=True)
    has_diabetes_or_glp1 = Flag(_UNKNOWN, load_default=None, allow_none=True)
    uses_nicotine = Flag(_UNKNOWN, load_default=None, allow_none=True)
    has_implanted_device = Flag(_UNKNOWN, load_default=None, allow_none=True)
    low_bone_density = Flag(_UNKNOWN, load_default=None, allow_none=True)
    wants_contact_sport = Flag(load_default=False)


PatientPatch = patch_of(PatientBody, "PatientPatch")


class PatientView(PatientBody):
    """A stored patient."""

    id = Id(required=True)
    rev = fields.Integer(required=True)


PatientPage = listing(PatientView, "PatientPage")


class PatientQuery(PageQuery):
    """Which patients, and which page of them."""

    status = Word(EpisodeStatus)
    coordinator_id = Id()
    mrn = Text(64, "a medical record number")


@patients.get("/patients")
@patients.arguments(PatientQuery, location="query")
@patients.response(200, PatientPage)
def list_caseload(query: dict[str, Any]) -> Any:
    """List the practice's patients by name.

    `status` and `coordinator_id` are of an episode; a patient with several is listed if one of them fits.
    """
    wanted = PatientFilter(**{name: query.get(name) for name in ("status", "coordinator_id", "mrn")})
    after, limit = row_after(query.get("after")), query["limit"]
    rows = list_patients(current_session(), caller().practice_id, wanted, after=after, limit=limit + 1)
    answer = page(rows, limit, lambda row: row.id)
    show(*(row.id for row in answer["items"]))
    return answer


@patients.get("/patients/<id:patient_id>")
@patients.tagged(200)
@patients.response(200, PatientView)
def get_patient(patient_id: str) -> Any:
    """Return one patient."""
    return _answer(find_patient(current_session(), caller(), patient_id))


@patients.put("/patients/<id:patient_id>")
@patients.tagged(200, 201, needs_match=True)
@patients.arguments(PatientBody, example=examples.PATIENT)
@patients.response(200, PatientView)
@patients.alt_response(201, schema=PatientView, success=True)
def store_patient(body: dict[str, Any], patient_id: str) -> Any:
    """Store a patient under your own id. Sending the same body again changes nothing."""
    session, record = current_session(), PatientRecord(**_tuples(body))
    patient, is_new = put_patient(session, caller(), patient_id, record, now=now(), require_match=require_match)
    if is_new:
        refuse_match_of_nothing()
    return _answer(patient, 201 if is_new else 200)


@patients.patch("/patients/<id:patient_id>")
@patients.tagged(200, needs_match=True)
@patients.arguments(PatientPatch, example=examples.PATIENT_CHANGE)
@patients.response(200, PatientView)
def amend_patient(body: dict[str, Any], patient_id: str) -> Any:
    """Change some of a patient's facts.

    A patient may change language, place, units, channels, opt-outs, quiet hours and the pause of reminders.
    """
    session = current_session()
    patient = find_patient(session, caller(), patient_id)
    lock_patient(session, patient.practice_id, patient.id)
    require_match(patient)
    record = PatientRecord(**fields_of(patient, PatientRecord) | _tuples(body))
    change_patient(session, caller(), patient, record, now=now(), require_match=require_match)
    return _answer(patient)


def _answer(patient: Patient, status: int = 200) -> tuple[Patient, int, dict[str, str]]:
    show(patient.id)
    current_session().flush()
    return patient, status, {"ETag": etag_of(patient)}


def _tuples(body: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in body.items()}
