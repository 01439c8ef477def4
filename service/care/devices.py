"""Use cases: which devices hold a patient's data, and what becomes of one that is lost.

A lost device's tokens end at once. It is told to delete what it stores as every revoked one is: by the answer to its
next contact. If it has a push address, it is woken once more, by a push that carries nothing, so that it makes contact.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Device
from schedules.planning import answers_now
from schedules.planning.removed_devices import remove_devices
from service.care.reach import find_patient, lock_patient
from service.errors import NotFoundError
from service.identity.principal import Principal


class DeviceState(StrEnum):
    """How a device stands: in use, or how far it is with deleting what it stores."""

    active = "active"
    asked = "asked"  # it was revoked, and has not been heard of since
    told = "told"
    confirmed = "confirmed"


def state_of(device: Device) -> DeviceState:
    """Return how a device stands."""
    if device.revoked_at is None:
        return DeviceState.active
    if device.wiped_at is not None:
        return DeviceState.confirmed
    return DeviceState.asked if device.wipe_told_at is None else DeviceState.told


def list_devices(session: Session, caller: Principal, patient_id: str) -> Sequence[Device]:
    """Return a patient's devices, the latest enrolled first. Raises NotFoundError."""
    patient = find_patient(session, caller, patient_id)
    query = select(Device).filter_by(practice_id=patient.practice_id, patient_id=patient.id)
    return session.scalars(query.order_by(Device.enrolled_at.desc(), Device.id.desc())).all()


def mark_lost(session: Session, caller: Principal, device_id: str, now: datetime) -> Device:
    """End a device that its holder has lost, and have it woken so that it learns to delete what it stores.

    Doing it again changes nothing. Raises NotFoundError.
    """
    device = _lock_device(session, caller, device_id)
    if device.lost_at is None:
        device.lost_at = now
        remove_devices(session, device.practice_id, [device.id], now)
    return device


def revoke_device(session: Session, caller: Principal, device_id: str, now: datetime) -> Device:
    """End a device that is at hand or was given away: it learns at its next contact to delete what it stores.

    Doing it again changes nothing. Raises NotFoundError.
    """
    device = _lock_device(session, caller, device_id)
    if device.revoked_at is None:
        remove_devices(session, device.practice_id, [device.id], now)
    return device


def _lock_device(session: Session, caller: Principal, device_id: str) -> Device:
    device = session.get(Device, (caller.practice_id, device_id))
    if device is None or caller.patient_id not in (None, device.patient_id):
        raise NotFoundError
    find_patient(session, caller, device.patient_id)
    # In the order in which everybody locks: a message that passes its last check later sees the change.
    lock_patient(session, device.practice_id, device.patient_id)
    answers_now(session, device.practice_id, device.patient_id)
    session.refresh(device, with_for_update=True)
    return device
