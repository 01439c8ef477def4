"""Removes devices: their tokens end, and those that have a push address are woken to learn of it.

What a removed device is told, and that it then deletes what it stores, is the business of the service.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.identity import Device, Token
from models.push import PushAddress
from models.wake import DeviceWake, WakeState


def remove_devices(session: Session, practice_id: str, device_ids: Sequence[str], now: datetime) -> None:
    """End devices and all of their tokens. Who was not told yet is woken at once, whatever pause it was in."""
    _end(session, practice_id, device_ids, now)
    is_one = Device.practice_id == practice_id, Device.id.in_(device_ids), Device.wipe_told_at.is_(None)
    untold = session.scalars(
        select(Device.id)
        .join(PushAddress, (PushAddress.practice_id == Device.practice_id) & (PushAddress.device_id == Device.id))
        .where(*is_one, PushAddress.disabled_at.is_(None))
        .order_by(Device.id)
    ).all()
    for device_id in untold:
        row = session.get(DeviceWake, (practice_id, device_id), with_for_update=True)
        if row is None:
            row = DeviceWake(practice_id=practice_id, device_id=device_id, wanted_rev=0, fence=0)
            session.add(row)
        row.due_at, row.quiet_until, row.state, row.tries = now, None, WakeState.waiting, 0
        row.fence += 1


def _end(session: Session, practice_id: str, device_ids: Sequence[str], now: datetime) -> None:
    options = {"synchronize_session": "fetch"}
    devices = update(Device).where(Device.practice_id == practice_id, Device.id.in_(device_ids))
    session.execute(devices.where(Device.revoked_at.is_(None)).values(revoked_at=now).execution_options(**options))
    tokens = update(Token).where(Token.practice_id == practice_id, Token.device_id.in_(device_ids))
    session.execute(tokens.where(Token.revoked_at.is_(None)).values(revoked_at=now).execution_options(**options))
