"""What revoked devices are told and say: to delete what they store, and that they have done so."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.identity import Device, Token
from service.errors import ConflictError, Fault, UnauthenticatedError
from service.identity.principal import Principal
from service.identity.proxies import holder_of
from service.identity.tokens import BY_TOKEN, hash_secret


def note_wipe_told(session: Session, device: Principal, now: datetime) -> None:
    """Note that a device was answered that it is to delete what it stores. One whose consent has ended ends with it."""
    session.execute(
        update(Device)
        .where(
            Device.practice_id == device.practice_id,
            Device.id == device.actor_id,
            Device.wipe_told_at.is_(None),
        )
        .values(wipe_told_at=now, revoked_at=func.coalesce(Device.revoked_at, now))
        .execution_options(synchronize_session=False)
    )


def confirm_wiped(session: Session, secret: str, now: datetime) -> Principal:
    """Note that a revoked device has deleted what it stored; it says so with any token that it had. Return who it is.

    Said again, the first time stays. Raises UnauthenticatedError for a token that no device had, ConflictError for one
    whose device was not revoked.
    """
    token_hash = hash_secret(secret)
    BY_TOKEN.enter(session, token_hash)
    token = session.scalars(select(Token).where(Token.token_hash == token_hash)).one_or_none()
    if token is None or token.device_id is None:
        raise UnauthenticatedError
    query = select(Device).where(Device.practice_id == token.practice_id, Device.id == token.device_id)
    device = session.scalars(query.with_for_update()).one()
    if device.revoked_at is None:
        raise ConflictError(Fault("/token", "a token of a device that was removed", "one of a device that was not"))
    device.wipe_told_at = device.wipe_told_at or now
    device.wiped_at = device.wiped_at or now
    return holder_of(device)
