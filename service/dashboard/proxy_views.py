"""Whom a patient lets look after them: the consents, a form that records one, and the end of one."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, request
from marshmallow import ValidationError

from models import ProxyConsent
from models.proxy import ConsentMeans, ProxyScope, Relationship
from service.api.proxies import ProxyBody
from service.api.scope import caller, now, scope, show
from service.api.settle import settled
from service.care.enrol import clinic_today
from service.care.proxies import RecordConsent, end_proxy, issue_proxy_code, list_consents, record_consent
from service.care.reach import find_patient, practice_of
from service.dashboard.blueprint import clinic, typed
from service.dashboard.pictures import qr_picture
from service.dashboard.render import go_to, page
from service.db import begin, current_session
from service.errors import ConflictError, Fault, InvalidError
from service.identity.codes import IssuedCode

_TYPED = ("name", "relationship", "given_how", "given_on", "through_on")


@clinic.get("/patients/<id:patient_id>/proxies")
@settled
def show_proxies(patient_id: str) -> Response:
    """Show a patient's consents, and a form for another."""
    return _proxies(patient_id)


@clinic.post("/patients/<id:patient_id>/proxies")
@settled
def add_proxy(patient_id: str) -> Response:
    """Record a consent, and show the code with which the proxy's phone enrols."""
    find_patient(current_session(), caller(), patient_id)
    said = {name: typed(name) for name in _TYPED} | {"scopes": request.form.getlist("scopes")[: len(ProxyScope)]}
    try:
        loaded: dict[str, Any] = ProxyBody().load(said)
        made = record_consent(current_session(), caller(), patient_id, RecordConsent(**loaded), now())
    except ValidationError as wrong:
        faults = [Fault(f"/{name}", "", "") for name in wrong.messages_dict]
        return _proxies(patient_id, status=422, faults=faults)
    except InvalidError as refused:
        current_session().rollback()
        begin(reads=False)
        return _proxies(patient_id, status=422, faults=refused.faults)
    scope().about.update(scopes=made[0].scopes, given_how=made[0].given_how.value)
    return _code(*made)


@clinic.post("/proxies/<id:proxy_id>/enrolment")
@settled
def enrol_proxy(proxy_id: str) -> Response:
    """Show another code for a proxy's phone; the list again where the consent holds no more."""
    try:
        return _code(*issue_proxy_code(current_session(), caller(), proxy_id, now()))
    except ConflictError:
        consent = current_session().get_one(ProxyConsent, (caller().practice_id, proxy_id))
        return _proxies(consent.patient_id, status=ConflictError.status)


@clinic.post("/proxies/<id:proxy_id>/end")
@settled
def stop_proxy(proxy_id: str) -> Response:
    """End a consent: the proxy's phone is told to delete what it stores."""
    consent = end_proxy(current_session(), caller(), proxy_id, now())
    show(consent.patient_id)
    scope().about["proxy_consent_id"] = consent.id
    return go_to(f"/clinic/patients/{consent.patient_id}/proxies")


def _proxies(patient_id: str, *, status: int = 200, faults: Sequence[Fault] = ()) -> Response:
    session, practice = current_session(), practice_of(current_session(), caller())
    patient = find_patient(session, caller(), patient_id)
    show(patient.id)
    return page(
        "proxies.html",
        status=status,
        faults={fault.pointer.strip("/") for fault in faults},
        patient=patient,
        consents=list_consents(session, caller(), patient.id),
        today=clinic_today(practice, now()),
        zone=ZoneInfo(practice.time_zone),
        relationships=list(Relationship),
        means=list(ConsentMeans),
        scopes=list(ProxyScope),
    )


def _code(consent: ProxyConsent, issued: IssuedCode) -> Response:
    show(consent.patient_id)
    scope().about["proxy_consent_id"] = consent.id
    patient = find_patient(current_session(), caller(), consent.patient_id)
    zone = ZoneInfo(practice_of(current_session(), caller()).time_zone)
    picture = qr_picture(issued.code)
    return page("enrolment.html", patient=patient, issued=issued, picture=picture, zone=zone, proxy=consent.name)
