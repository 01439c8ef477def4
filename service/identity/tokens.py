"""Bearer tokens: made, recognised, rotated and revoked.

A token is 32 random bytes; the database holds its SHA-256, which needs no salt at that length. A device has a short
access token and a refresh token that is used once: using it twice means that two hold it, so its device is revoked.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, insert, select, update
from sqlalchemy.orm import Session

from models.identity import Device, Token, TokenKind
from models.ids import new_id
from models.isolation import Door
from models.people import Staff, StaffRole
from models.practice import Practice
from models.prepared import Prepared
from service.errors import RevokedDeviceError, UnauthenticatedError
from service.identity.principal import Principal, StaffSession

ACCESS_LIFE = timedelta(hours=1)
REFRESH_LIFE = timedelta(days=60)
STAFF_LIFE = timedelta(days=90)
SESSION_IDLE = timedelta(minutes=30)
# Who may be limited to their own caseload: admins see every patient, others none.
OF_OWN_CASELOAD = (StaffRole.coordinator, StaffRole.clinician)
BY_TOKEN = Door(Token.practice_id, Token.token_hash)
_ACCEPTED = (TokenKind.staff, TokenKind.device_access, TokenKind.staff_session)
_HAS_DEVICE = and_(Device.practice_id == Token.practice_id, Device.id == Token.device_id)
# Every request runs it, so it is built once, and loads no objects.
_HOLDER = Prepared(
    select(
        Token.practice_id,
        Token.kind,
        Token.revoked_at,
        Token.expires_at,
        Token.id.label("token_id"),
        Token.last_seen_at,
        Token.reauthenticated_at,
        Staff.id.label("staff_id"),
        Staff.role,
        Staff.disabled_at,
        Practice.own_caseload_only,
        Device.id.label("device_id"),
        Device.patient_id,
        Device.revoked_at.label("device_revoked_at"),
    )
    .outerjoin(Staff, and_(Staff.practice_id == Token.practice_id, Staff.id == Token.staff_id))
    .outerjoin(Practice, Practice.id == Staff.practice_id)
    .outerjoin(Device, _HAS_DEVICE)
    .where(Token.token_hash == bindparam("token_hash"))
)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new secret, which is never shown again, and when it ends."""

    secret: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class DeviceTokens:
    """What a device signs in with."""

    principal: Principal
    access: Issued
    refresh: Issued


@dataclass(frozen=True, slots=True)
class Reused:
    """A refresh token came a second time; its device is revoked now. Commit before refusing."""

    principal: Principal


def hash_secret(secret: str) -> bytes:
    """Return the SHA-256 under which a secret is stored."""
    return hashlib.sha256(secret.encode()).digest()


def make_nonce() -> str:
    """Return a random value that stands for somebody who has not signed in yet."""
    return secrets.token_urlsafe(32)


def issue_staff_token(session: Session, staff: Staff, now: datetime, life: timedelta = STAFF_LIFE) -> Issued:
    """Make a token for a member of staff."""
    return issue_token(session, staff.practice_id, TokenKind.staff, now, life, staff_id=staff.id)


def enrol_device(session: Session, practice_id: str, patient_id: str, now: datetime) -> DeviceTokens:
    """Enrol a new device of a patient and return its first tokens."""
    device_id = new_id(now)
    row = {"practice_id": practice_id, "id": device_id, "patient_id": patient_id, "enrolled_at": now}
    session.execute(insert(Device).values(**row))
    return _device_tokens(session, Principal(practice_id, device_id, patient_id=patient_id), now)


def authenticate(session: Session, secret: str, now: datetime, *, idle: timedelta = SESSION_IDLE) -> Principal:
    """Return whose token this is, and have the session see the rows of their practice alone.

    `idle`: a session that was not used for so long has ended.

    Raises UnauthenticatedError if it is unknown, expired, revoked, no token of requests, or its holder was disabled, as
    RevokedDeviceError if its device was revoked.
    """
    token_hash = hash_secret(secret)
    BY_TOKEN.enter(session, token_hash)
    found = _HOLDER.found(session.connection(), {"token_hash": token_hash})
    if found is None:
        raise UnauthenticatedError
    if found.device_revoked_at is not None:
        raise RevokedDeviceError
    if found.revoked_at is not None or found.expires_at <= now or found.kind not in _ACCEPTED:
        raise UnauthenticatedError
    if found.staff_id is not None and found.disabled_at is None:
        session_used = _session_of(found, now - idle)
        limited = bool(found.own_caseload_only) and found.role in OF_OWN_CASELOAD
        whose = (found.practice_id, found.staff_id)
        return Principal(*whose, role=found.role, session=session_used, own_caseload_only=limited)
    if found.device_id is not None:
        return Principal(found.practice_id, found.device_id, patient_id=found.patient_id)
    raise UnauthenticatedError


def _session_of(found: Any, last_seen_after: datetime) -> StaffSession | None:
    """Return the session of a token that is one. Raises UnauthenticatedError if it was idle for too long."""
    if found.kind is not TokenKind.staff_session:
        return None
    if found.last_seen_at <= last_seen_after:
        raise UnauthenticatedError
    return StaffSession(found.token_id, found.last_seen_at, found.reauthenticated_at)


def rotate(session: Session, refresh_secret: str, now: datetime) -> DeviceTokens | Reused:
    """Exchange a refresh token for new tokens; the device's earlier ones end.

    Raises UnauthenticatedError if it is unknown, expired or revoked, or no refresh token.
    """
    token_hash = hash_secret(refresh_secret)
    BY_TOKEN.enter(session, token_hash)
    query = select(Token, Device).outerjoin(Device, _HAS_DEVICE).where(Token.token_hash == token_hash)
    found = session.execute(query.with_for_update(of=Token)).one_or_none()
    if found is None:
        raise UnauthenticatedError
    token: Token = found[0]
    device: Device | None = found[1]
    if token.kind is not TokenKind.device_refresh or device is None or device.revoked_at is not None:
        raise UnauthenticatedError
    principal = Principal(token.practice_id, device.id, patient_id=device.patient_id)
    if token.used_at is not None:
        revoke_device(session, device, now)
        return Reused(principal)
    if token.revoked_at is not None or token.expires_at <= now:
        raise UnauthenticatedError
    token.used_at = now
    _end_access_tokens(session, device, now)
    return _device_tokens(session, principal, now)


def revoke_device(session: Session, device: Device, now: datetime) -> None:
    """End a device and all of its tokens."""
    device.revoked_at = now
    session.execute(
        update(Token)
        .where(Token.practice_id == device.practice_id, Token.device_id == device.id, Token.revoked_at.is_(None))
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )


def _end_access_tokens(session: Session, device: Device, now: datetime) -> None:
    session.execute(
        update(Token)
        .where(
            Token.practice_id == device.practice_id,
            Token.device_id == device.id,
            Token.kind == TokenKind.device_access,
            Token.revoked_at.is_(None),
        )
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )


def _device_tokens(session: Session, principal: Principal, now: datetime) -> DeviceTokens:
    practice_id, device_id = principal.practice_id, principal.actor_id
    access = issue_token(session, practice_id, TokenKind.device_access, now, ACCESS_LIFE, device_id=device_id)
    refresh = issue_token(session, practice_id, TokenKind.device_refresh, now, REFRESH_LIFE, device_id=device_id)
    return DeviceTokens(principal, access, refresh)


def issue_token(
    session: Session, practice_id: str, kind: TokenKind, now: datetime, life: timedelta, **columns: object
) -> Issued:
    """Make a token. `columns` name its holder, and what else its kind has."""
    secret, expires_at = secrets.token_urlsafe(32), now + life
    row = {"practice_id": practice_id, "id": new_id(now), "token_hash": hash_secret(secret), "kind": kind}
    session.execute(insert(Token).values(**row, **columns, made_at=now, expires_at=expires_at))
    return Issued(secret, expires_at)
