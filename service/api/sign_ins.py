"""Sign-in of patients' devices: a one-time code, exchanged for tokens, which rotate."""

from typing import Any

from marshmallow import Schema

from service.api import examples
from service.api.fields import Id, Instant, Text
from service.api.resource import Resource
from service.api.scope import caller, now, scope, show
from service.api.settle import commit_with_entry, record_wipe_order
from service.care.reach import lock_patient
from service.db import current_session
from service.errors import RevokedDeviceError, UnauthenticatedError
from service.identity.codes import issue_code, redeem_code
from service.identity.rotation import Reused, rotate
from service.identity.tokens import DeviceTokens

sign_ins = Resource("sign-in", "How a patient's phone gets its tokens.")


class EnrolmentBody(Schema):
    """For which patient the code is."""

    patient_id = Id(required=True)


class EnrolmentView(Schema):
    """A code that works once, to be typed or scanned by the patient."""

    code = Text(14, "the code as it is typed", required=True)
    expires_at = Instant(required=True)


class DeviceBody(Schema):
    """The code as it was typed: case, spaces and hyphens do not matter."""

    code = Text(64, "an enrolment code", required=True)


class RefreshBody(Schema):
    """The refresh token, which works once, and again while nobody has used what it was exchanged for."""

    refresh_token = Text(200, "a refresh token", required=True)


class DeviceTokensView(Schema):
    """A device's tokens. Neither is shown again."""

    device_id = Id(required=True)
    patient_id = Id(required=True)
    access_token = Text(200, "the bearer token of requests", required=True)
    access_expires_at = Instant(required=True)
    refresh_token = Text(200, "what the next tokens are asked for with", required=True)
    refresh_expires_at = Instant(required=True)


@sign_ins.post("/enrolments")
@sign_ins.arguments(EnrolmentBody, example=examples.ENROLMENT)
@sign_ins.response(201, EnrolmentView, example=examples.ENROLMENT_ANSWER)
def enrol(body: dict[str, Any]) -> Any:
    """Make a one-time code with which a patient's phone enrols within 24 hours."""
    session = current_session()
    patient = lock_patient(session, caller().practice_id, body["patient_id"])
    show(patient.id)
    return issue_code(session, caller(), patient.id, now())


@sign_ins.post("/devices")
@sign_ins.arguments(DeviceBody, example=examples.DEVICE)
@sign_ins.response(201, DeviceTokensView)
def enrol_device(body: dict[str, Any]) -> Any:
    """Exchange a one-time code for a device's tokens. An unknown, used or expired code answers 401."""
    return _answer(redeem_code(current_session(), body["code"], now()))


@sign_ins.post("/tokens/refresh")
@sign_ins.arguments(RefreshBody)
@sign_ins.response(200, DeviceTokensView)
def refresh_tokens(body: dict[str, Any]) -> Any:
    """Exchange a refresh token for new tokens. If the answer is lost, send the same again within a day.

    Then what the lost answer held ends. A token whose successors were used ends the device: two hold it.
    """
    try:
        outcome = rotate(current_session(), body["refresh_token"], now())
    except RevokedDeviceError as revoked:
        record_wipe_order(revoked)
        raise
    if isinstance(outcome, Reused):
        _sign_in(outcome.principal.patient_id, outcome)
        scope().about["refused"] = "refresh_token_reused"
        # The end of the device must outlast the refusal.
        commit_with_entry(UnauthenticatedError.status)
        scope().principal = None
        raise UnauthenticatedError
    return _answer(outcome)


def _answer(tokens: DeviceTokens) -> dict[str, Any]:
    principal = tokens.principal
    _sign_in(principal.patient_id, tokens)
    return {
        "device_id": principal.actor_id,
        "patient_id": principal.patient_id,
        "access_token": tokens.access.secret,
        "access_expires_at": tokens.access.expires_at,
        "refresh_token": tokens.refresh.secret,
        "refresh_expires_at": tokens.refresh.expires_at,
    }


def _sign_in(patient_id: str | None, signed: DeviceTokens | Reused) -> None:
    """Let the audit entry name the device and its patient."""
    scope().principal = signed.principal
    if patient_id is not None:
        show(patient_id)
