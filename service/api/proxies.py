"""Proxies: whom a patient lets look after them, the code for the proxy's phone, and the end of it."""

from typing import Any

from marshmallow import Schema, fields, validate

from models import ProxyConsent
from models.proxy import ConsentEnd, ConsentMeans, ProxyScope, Relationship
from service.api import examples_proxies as examples
from service.api.fields import CivilDate, Id, Instant, Text, Word
from service.api.resource import Resource
from service.api.scope import caller, now, scope, show
from service.care.proxies import (
    LONGEST_NAME,
    RecordConsent,
    end_proxy,
    issue_proxy_code,
    list_consents,
    record_consent,
)
from service.db import current_session
from service.identity.codes import IssuedCode

proxies = Resource("proxies", "Whom a patient lets look after them: by which consent, and until when.")


class ProxyBody(Schema):
    """What the patient consented to. `through_on` is the last day on which it holds, by the clinic's clock."""

    name = Text(LONGEST_NAME, "the name of the proxy", required=True)
    relationship = Word(Relationship, required=True)
    scopes = fields.List(Word(ProxyScope), required=True, validate=validate.Length(min=1, max=len(ProxyScope)))
    given_how = Word(ConsentMeans, required=True)
    given_on = CivilDate(required=True)
    through_on = CivilDate(required=True)


class ProxyView(Schema):
    """A consent. It holds until `ends_at`, unless it ended before: `ended_how`."""

    id = Id(required=True)
    patient_id = Id(required=True)
    name = Text(LONGEST_NAME, "the name of the proxy", required=True)
    relationship = Word(Relationship, required=True)
    scopes = fields.List(Word(ProxyScope), required=True)
    given_how = Word(ConsentMeans, required=True)
    given_on = CivilDate(required=True)
    recorded_by = Id(required=True)
    recorded_at = Instant(required=True)
    ends_at = Instant(required=True)
    ended_at = Instant(required=True, allow_none=True)
    ended_how = Word(ConsentEnd, required=True, allow_none=True)


class ProxyCodeView(Schema):
    """A code that works once, to be typed or scanned by the proxy on a phone of their own."""

    proxy = fields.Nested(ProxyView, required=True)
    code = Text(14, "the code as it is typed", required=True)
    code_expires_at = Instant(required=True)


class ProxiesView(Schema):
    """All consents of a patient, also those that ended, the latest first."""

    items = fields.List(fields.Nested(ProxyView), required=True)


@proxies.get("/patients/<id:patient_id>/proxies")
@proxies.response(200, ProxiesView, example=examples.PROXIES)
def get_proxies(patient_id: str) -> Any:
    """List whom a patient lets, or let, look after them."""
    rows = list_consents(current_session(), caller(), patient_id)
    show(patient_id)
    return {"items": [_told(each) for each in rows]}


@proxies.post("/patients/<id:patient_id>/proxies")
@proxies.arguments(ProxyBody, example=examples.PROXY_BODY)
@proxies.response(201, ProxyCodeView, example=examples.PROXY_CODE)
def add_proxy(body: dict[str, Any], patient_id: str) -> Any:
    """Record a patient's consent, and make a code with which the proxy's phone enrols by `POST /devices`.

    A consent is never changed. For more, or for longer, record another, and end this one.
    """
    command = RecordConsent(**body)
    consent, code = record_consent(current_session(), caller(), patient_id, command, now())
    show(patient_id)
    scope().about.update(proxy_consent_id=consent.id, scopes=consent.scopes, given_how=consent.given_how.value)
    return _code(consent, code)


@proxies.post("/proxies/<id:proxy_id>/enrolment")
@proxies.response(201, ProxyCodeView, example=examples.PROXY_CODE)
def enrol_proxy(proxy_id: str) -> Any:
    """Make another code for a proxy's phone. 409: the consent holds no more."""
    consent, code = issue_proxy_code(current_session(), caller(), proxy_id, now())
    show(consent.patient_id)
    scope().about["proxy_consent_id"] = consent.id
    return _code(consent, code)


@proxies.post("/proxies/<id:proxy_id>/end")
@proxies.response(200, ProxyView, example=examples.ENDED_PROXY)
def stop_proxy(proxy_id: str) -> Any:
    """End a consent, for the patient and for staff: the proxy's tokens end, and their phone is told to delete its data.

    Doing it again changes nothing.
    """
    consent = end_proxy(current_session(), caller(), proxy_id, now())
    show(consent.patient_id)
    scope().about["proxy_consent_id"] = consent.id
    return _told(consent)


def _code(consent: ProxyConsent, code: IssuedCode) -> dict[str, Any]:
    return {"proxy": _told(consent), "code": code.code, "code_expires_at": code.expires_at}


def _told(consent: ProxyConsent) -> dict[str, Any]:
    told = {name: getattr(consent, name) for name in ProxyView().fields if name != "scopes"}
    return told | {"scopes": [ProxyScope(each) for each in consent.scopes]}
