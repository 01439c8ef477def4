"""Who a patient is and how one reaches them: a form that writes over nobody's change; and likely doubles."""

from collections.abc import Sequence
from typing import Any, Final

from flask import Response
from marshmallow import ValidationError

from models import Patient
from models.people import StaffRole
from schedules.plan.vocabulary import Language, Units
from service.api.patients import PatientPatch
from service.api.scope import caller, now, scope, show
from service.api.settle import settled
from service.care.checks import time_zones
from service.care.doubles import find_doubles
from service.care.enrol import fields_of
from service.care.patients import change_patient
from service.care.reach import find_patient, lock_patient
from service.care.records import PatientRecord
from service.dashboard.blueprint import clinic, typed
from service.dashboard.render import go_to, page
from service.db import current_session
from service.errors import ConflictError, Fault, InvalidError, StaleError

# The fields of the form, in their order, and the longest text that each takes.
_LONGEST: Final = {
    "given_name": 200,
    "family_name": 200,
    "date_of_birth": 10,
    "mrn": 64,
    "email": 254,
    "phone": 16,
    "language": 8,
    "country": 2,
    "time_zone": 64,
    "units": 16,
}
_MAY_BE_EMPTY: Final = ("email", "phone")


@clinic.get("/patients/<id:patient_id>/edit")
@settled
def ask_patient(patient_id: str) -> Response:
    """Show what is stored of a patient, to be changed."""
    patient = find_patient(current_session(), caller(), patient_id)
    show(patient.id)
    stored = {name: str(getattr(patient, name) or "") for name in _LONGEST}
    return _form(patient, stored | {"rev": str(patient.rev)})


@clinic.post("/patients/<id:patient_id>/edit")
@settled
def edit_patient(patient_id: str) -> Response:
    """Store what was typed, unless somebody else has changed the patient since the form was shown."""
    session = current_session()
    patient = lock_patient(session, caller().practice_id, patient_id)
    show(patient.id)
    said = {name: typed(name, longest=longest) for name, longest in _LONGEST.items()} | {"rev": typed("rev")}
    try:
        body = PatientPatch().load(_body(said))
        record = PatientRecord(**fields_of(patient, PatientRecord) | body)
        change_patient(session, caller(), patient, record, now=now(), require_match=_is_at(said["rev"]))
    except ValidationError as error:
        return _form(patient, said, status=422, faults=_faults(error))
    except StaleError:
        return _form(patient, said, status=409, is_stale=True)
    except (InvalidError, ConflictError) as refused:
        return _form(patient, said, status=refused.status, faults=refused.faults)
    scope().about["fields"] = sorted(name for name in body if name in _LONGEST)
    return go_to(f"/clinic/patients/{patient.id}?done=noted")


@clinic.get("/doubles")
@settled
def show_doubles() -> Response:
    """Show pairs of records that may be of one person, side by side."""
    found = find_doubles(current_session(), caller().practice_id)
    ids = {each for double in found.pairs for each in double.patient_ids}
    show(*sorted(ids))
    people = {each: find_patient(current_session(), caller(), each) for each in ids}
    may_merge = caller().role is StaffRole.practice_admin
    return page("doubles.html", found=found, people=people, may_merge=may_merge)


def _body(said: dict[str, str]) -> dict[str, Any]:
    texts = {name: said[name] for name in _LONGEST}
    return texts | {name: texts[name] or None for name in _MAY_BE_EMPTY}


def _is_at(rev: str) -> Any:
    """Return what raises StaleError for a patient at another revision than the form was made from."""

    def require(patient: Any) -> None:
        if str(patient.rev) != rev:
            raise StaleError(Fault("/rev", "the revision that is stored", "another one"))

    return require


def _faults(error: ValidationError) -> tuple[Fault, ...]:
    """Return what the form's fields should be, by the API's own words."""
    fields = PatientPatch().fields
    told = error.messages_dict
    return tuple(Fault(f"/{name}", str(fields[name].metadata.get("expected", "")), "") for name in told)


def _form(
    patient: Patient, said: dict[str, str], *, status: int = 200, faults: Sequence[Fault] = (), is_stale: bool = False
) -> Response:
    return page(
        "edit.html",
        status=status,
        patient=patient,
        said=said,
        faults=faults,
        is_stale=is_stale,
        languages=list(Language),
        all_units=list(Units),
        zones=sorted(time_zones()),
    )
