"""Rotation of a device's refresh tokens: a lost answer costs no enrolment, and a token that two hold still does.

An exchanged token may be exchanged again for a day, for as long as nobody has used what it was exchanged for: the
answer was lost, and what it held ends. Once a successor was used, the earlier token comes from somebody else, and the
device is revoked. So of two who hold a device's tokens, the later one to act ends the device, as RFC 9700 (4.14.2) has
it; docs/sign-in.md says why the retry gives a thief nothing more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from models.identity import Device, Token, TokenKind
from service.errors import RevokedDeviceError, UnauthenticatedError
from service.identity.principal import Principal
from service.identity.proxies import as_proxy, holder_of
from service.identity.tokens import BY_TOKEN, DeviceTokens, hash_secret, issue_device_tokens, revoke_device

RETRY_WITHIN: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Reused:
    """A refresh token came again though its successor was used; its device is revoked now. Commit before refusing."""

    principal: Principal


def rotate(session: Session, refresh_secret: str, now: datetime) -> DeviceTokens | Reused:
    """Exchange a refresh token for new tokens; the device's earlier ones end.

    Raises UnauthenticatedError if it is unknown, expired or ended, or no refresh token; as RevokedDeviceError if its
    device was revoked.
    """
    token, device = _find_locked(session, refresh_secret)
    principal = holder_of(device)
    if principal.proxy is not None:
        principal = as_proxy(session, principal, now, is_told=device.wipe_told_at is not None)
    if token.used_at is None and token.revoked_at is None:
        if token.expires_at <= now:
            raise UnauthenticatedError
        token.used_at = now
        return _exchange(session, principal, token, now)
    spent = token if token.used_at is not None else _predecessor(session, token)
    if spent is None or (token is not spent and spent.revoked_at is not None):
        raise UnauthenticatedError  # it was not exchanged: it was ended
    if spent.used_at is None or not _may_be_lost(session, spent, spent.used_at, now):
        revoke_device(session, device, now)
        return Reused(principal)
    return _exchange(session, principal, spent, now)


def note_first_use(session: Session, caller: Principal, now: datetime) -> None:
    """Note that a device's access token arrived and is used: what it was exchanged for does not come again."""
    if caller.unused_token_id is None:
        return
    session.execute(
        update(Token)
        .where(Token.practice_id == caller.practice_id, Token.id == caller.unused_token_id, Token.used_at.is_(None))
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )


def _find_locked(session: Session, refresh_secret: str) -> tuple[Token, Device]:
    """Return a refresh token and its device, locked to the commit: what is exchanged for one device comes in turn."""
    token_hash = hash_secret(refresh_secret)
    BY_TOKEN.enter(session, token_hash)
    query = select(Token).where(Token.token_hash == token_hash)
    token = session.scalars(query).one_or_none()
    if token is None or token.kind is not TokenKind.device_refresh:
        raise UnauthenticatedError
    its_device = select(Device).where(Device.practice_id == token.practice_id, Device.id == token.device_id)
    device = session.scalars(its_device.with_for_update()).one()
    if device.revoked_at is not None:
        raise RevokedDeviceError(holder_of(device), is_told=device.wipe_told_at is not None)
    session.refresh(token)
    return token, device


def _predecessor(session: Session, token: Token) -> Token | None:
    """Return what a token was exchanged for; None if it is a device's first."""
    return None if token.succeeds_id is None else session.get(Token, (token.practice_id, token.succeeds_id))


def _may_be_lost(session: Session, spent: Token, spent_at: datetime, now: datetime) -> bool:
    """Return whether the answer to the exchange of a token may never have arrived."""
    if spent.revoked_at is not None or now - spent_at >= RETRY_WITHIN:
        return False
    is_used = _of_device(spent), Token.succeeds_id == spent.id, Token.used_at.is_not(None)
    return session.scalar(select(Token.id).where(*is_used).limit(1)) is None


def _exchange(session: Session, principal: Principal, spent: Token, now: datetime) -> DeviceTokens:
    """End all that the device holds but what was exchanged before, and issue the successors of a token."""
    is_open = _of_device(spent), Token.revoked_at.is_(None), Token.id != spent.id
    is_spent = (Token.kind == TokenKind.device_refresh) & Token.used_at.is_not(None)
    ended = update(Token).where(*is_open, ~is_spent).values(revoked_at=now)
    session.execute(ended.execution_options(synchronize_session=False))
    return issue_device_tokens(session, principal, now, succeeds_id=spent.id)


def _of_device(token: Token) -> ColumnElement[bool]:
    return (Token.practice_id == token.practice_id) & (Token.device_id == token.device_id)
