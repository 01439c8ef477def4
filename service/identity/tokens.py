"""Bearer tokens: made, recognised and revoked.

A token is 32 random bytes; the database holds its SHA-256, which needs no salt at that length. A device has a short
access token and a refresh token that it exchanges for the next two (see `service.identity.rotation`).
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
from service.identity.principal import Principal, Proxy, StaffSession
from service.identity.proxies import as_proxy

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
        Token.used_at,
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
        Device.wipe_told_at,
        Device.proxy_consent_id,
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


def hash_secret(secret: str) -> bytes:
    """Return the SHA-256 under which a secret is stored."""
    return hashlib.sha256(secret.encode()).digest()


def make_nonce() -> str:
    """Return a random value that stands for somebody who has not signed in yet."""
    return secrets.token_urlsafe(32)


def issue_staff_token(session: Session, staff: Staff, now: datetime, life: timedelta = STAFF_LIFE) -> Issued:
    """Make a token for a member of staff."""
    return issue_token(session, staff.practice_id, TokenKind.staff, now, life, staff_id=staff.id)


def enrol_device(
    session: Session, practice_id: str, patient_id: str, now: datetime, *, proxy: Proxy | None = None
) -> DeviceTokens:
    """Enrol a new device of a patient, or of a proxy, and return its first tokens."""
    device_id = new_id(now)
    row = {"practice_id": practice_id, "id": device_id, "patient_id": patient_id, "enrolled_at": now}
    session.execute(insert(Device).values(**row, proxy_consent_id=None if proxy is None else proxy.consent_id))
    return issue_device_tokens(session, Principal(practice_id, device_id, patient_id=patient_id, proxy=proxy), now)


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
        raise RevokedDeviceError(_device_of(found), is_told=found.wipe_told_at is not None)
    if found.revoked_at is not None or found.expires_at <= now or found.kind not in _ACCEPTED:
        raise UnauthenticatedError
    if found.staff_id is not None and found.disabled_at is None:
        session_used = _session_of(found, now - idle)
        limited = bool(found.own_caseload_only) and found.role in OF_OWN_CASELOAD
        whose = (found.practice_id, found.staff_id)
        return Principal(*whose, role=found.role, session=session_used, own_caseload_only=limited)
    if found.device_id is not None:
        device = _device_of(found)
        if device.proxy is None:
            return device
        return as_proxy(session, device, now, is_told=found.wipe_told_at is not None)
    raise UnauthenticatedError


def _device_of(found: Any) -> Principal:
    """Return the device that holds a token, as a caller."""
    unused = found.token_id if found.used_at is None else None
    consent_id = found.proxy_consent_id
    proxy = None if consent_id is None else Proxy(consent_id, frozenset())
    key = (found.practice_id, found.device_id)
    return Principal(*key, patient_id=found.patient_id, unused_token_id=unused, proxy=proxy)


def _session_of(found: Any, last_seen_after: datetime) -> StaffSession | None:
    """Return the session of a token that is one. Raises UnauthenticatedError if it was idle for too long."""
    if found.kind is not TokenKind.staff_session:
        return None
    if found.last_seen_at <= last_seen_after:
        raise UnauthenticatedError
    return StaffSession(found.token_id, found.last_seen_at, found.reauthenticated_at)


def revoke_device(session: Session, device: Device, now: datetime) -> None:
    """End a device and all of its tokens."""
    device.revoked_at = now
    session.execute(
        update(Token)
        .where(Token.practice_id == device.practice_id, Token.device_id == device.id, Token.revoked_at.is_(None))
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )


def issue_device_tokens(
    session: Session, principal: Principal, now: datetime, *, succeeds_id: str | None = None
) -> DeviceTokens:
    """Make a device's tokens. `succeeds_id`: the refresh token that was exchanged for them; its first have none."""
    practice_id, holder = principal.practice_id, {"device_id": principal.actor_id, "succeeds_id": succeeds_id}
    access = issue_token(session, practice_id, TokenKind.device_access, now, ACCESS_LIFE, **holder)
    refresh = issue_token(session, practice_id, TokenKind.device_refresh, now, REFRESH_LIFE, **holder)
    return DeviceTokens(principal, access, refresh)


def issue_token(
    session: Session, practice_id: str, kind: TokenKind, now: datetime, life: timedelta, **columns: object
) -> Issued:
    """Make a token. `columns` name its holder, and what else its kind has."""
    secret, expires_at = secrets.token_urlsafe(32), now + life
    row = {"practice_id": practice_id, "id": new_id(now), "token_hash": hash_secret(secret), "kind": kind}
    session.execute(insert(Token).values(**row, **columns, made_at=now, expires_at=expires_at))
    return Issued(secret, expires_at)
