"""A patient's devices: which there are, one that was lost, and its word that it has deleted what it stored."""

from typing import Any

from marshmallow import Schema, fields

from models import Device
from service.api import examples_devices as examples
from service.api.fields import Id, Instant, Text, Word
from service.api.resource import Resource
from service.api.scope import caller, now, scope, show
from service.care.devices import DeviceState, list_devices, mark_lost, state_of
from service.db import current_session
from service.identity.wiping import confirm_wiped

devices = Resource("devices", "The phones that hold a patient's data, and how one that is lost is emptied.")


class DeviceView(Schema):
    """One device. `is_calling`: the one that asks. `state` tells how far a revoked one is with deleting its data.

    `proxy_consent_id`: it is the phone of somebody whom the patient lets look after them.
    """

    id = Id(required=True)
    patient_id = Id(required=True)
    proxy_consent_id = Id(required=True, allow_none=True)
    is_calling = fields.Boolean(required=True)
    state = Word(DeviceState, required=True)
    enrolled_at = Instant(required=True)
    revoked_at = Instant(required=True, allow_none=True)
    lost_at = Instant(required=True, allow_none=True)
    wipe_told_at = Instant(required=True, allow_none=True)
    wiped_at = Instant(required=True, allow_none=True)


class DevicesView(Schema):
    """All devices that were ever enrolled for a patient, the latest first."""

    items = fields.List(fields.Nested(DeviceView), required=True)


class WipedBody(Schema):
    """Any token that the device had: it opens nothing any more, and still tells whose it was."""

    token = Text(200, "an access or refresh token of the device", required=True)


@devices.get("/patients/<id:patient_id>/devices")
@devices.response(200, DevicesView, example=examples.DEVICES)
def get_devices(patient_id: str) -> Any:
    """List the devices of a patient, and how those stand that were revoked."""
    rows = list_devices(current_session(), caller(), patient_id)
    show(patient_id)
    return {"items": [_told(each) for each in rows]}


@devices.post("/devices/<id:device_id>/lost")
@devices.response(200, DeviceView, example=examples.LOST_DEVICE)
def lose_device(device_id: str) -> Any:
    """Say that a device is lost: its tokens end, and at its next contact it is told to delete what it stores.

    For staff, and for the patient from another device. Doing it again changes nothing.
    """
    device = mark_lost(current_session(), caller(), device_id, now())
    show(device.patient_id)
    scope().about["device_id"] = device.id
    return _told(device)


@devices.post("/devices/wiped")
@devices.arguments(WipedBody)
@devices.response(204)
def confirm(body: dict[str, Any]) -> Any:
    """Say that this device has deleted what it stored, after the answer `device_revoked`.

    401: no device had this token. 409: its device was not revoked.
    """
    device = confirm_wiped(current_session(), body["token"], now())
    scope().principal = device
    show(str(device.patient_id))
    return ""


def _told(device: Device) -> dict[str, Any]:
    names = ("id", "patient_id", "proxy_consent_id", "enrolled_at", "revoked_at", "lost_at", "wipe_told_at", "wiped_at")
    told = {name: getattr(device, name) for name in names}
    return told | {"state": state_of(device), "is_calling": device.id == caller().actor_id}
