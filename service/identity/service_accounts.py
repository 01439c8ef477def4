"""Programs of a clinic: accounts with a key each, made and revoked by the clinic's admin.

A key is shown once; the database holds its SHA-256. It opens what its scopes say until it expires or is revoked, and
never what asks for a person: no session stands behind it, so it cannot give a second factor.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from models import Practice, ServiceAccount
from models.ids import new_id
from models.isolation import Door
from models.service_account import Scope
from service.errors import ConflictError, Fault, InvalidError, NotFoundError, UnauthenticatedError, describe_private
from service.identity.principal import Principal, ServiceKey
from service.identity.tokens import hash_secret

PREFIX: Final = "key_"  # tells people, and programs that look for leaked secrets, what it is
LIFE_DAYS: Final = 365
LONGEST_LIFE_DAYS: Final = 730
LONGEST_NAME: Final = 80
MOST: Final = 50
_USED_EVERY: Final = timedelta(minutes=1)
_WORDS: Final = frozenset(Scope)
_BY_KEY: Final = Door(ServiceAccount.practice_id, ServiceAccount.key_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewServiceAccount:
    """What somebody asks for. `made_by` None: by a command."""

    name: str
    scopes: Collection[Scope]
    days: int = LIFE_DAYS
    made_by: str | None = None


def make_service_account(
    session: Session, practice_id: str, wanted: NewServiceAccount, now: datetime
) -> tuple[ServiceAccount, str]:
    """Add an account and return it with its key, which is never shown again.

    Raises InvalidError for a name that is not one line, ConflictError if the clinic has as many as it may.
    """
    if not wanted.name.isprintable() or not wanted.name.strip():
        raise InvalidError(Fault("/name", "a name in one line", describe_private(wanted.name)))
    # One after another, so that two at once are counted.
    session.get(Practice, practice_id, with_for_update={"key_share": True})
    open_ones = select(func.count()).select_from(ServiceAccount).where(*_open_of(practice_id, now))
    if session.execute(open_ones).scalar_one() >= MOST:
        raise ConflictError(Fault("", f"fewer than {MOST} service accounts: revoke one", str(MOST)))
    key = PREFIX + secrets.token_urlsafe(32)
    account = ServiceAccount(practice_id=practice_id, id=new_id(now), name=wanted.name, key_hash=hash_secret(key))
    account.scopes, account.made_by = sorted({scope.value for scope in wanted.scopes}), wanted.made_by
    account.made_at, account.expires_at = now, now + timedelta(days=wanted.days)
    session.add(account)
    return account, key


def list_service_accounts(session: Session, practice_id: str, now: datetime) -> Sequence[ServiceAccount]:
    """Return the clinic's accounts whose keys have not ended, the latest made first."""
    query = select(ServiceAccount).where(*_open_of(practice_id, now))
    return session.scalars(query.order_by(ServiceAccount.made_at.desc(), ServiceAccount.id)).all()


def revoke_service_account(session: Session, practice_id: str, account_id: str, now: datetime) -> None:
    """End an account's key at once. Raises NotFoundError if there is none, or it has been ended."""
    account = session.get(ServiceAccount, (practice_id, account_id), with_for_update={"key_share": True})
    if account is None or account.revoked_at is not None:
        raise NotFoundError
    account.revoked_at = now


def is_service_key(secret: str) -> bool:
    """Return whether a bearer token says that it is a program's key."""
    return secret.startswith(PREFIX)


def authenticate_service(session: Session, key: str, now: datetime) -> Principal:
    """Return whose key this is. Raises UnauthenticatedError if it is unknown, expired or revoked."""
    key_hash = hash_secret(key)
    _BY_KEY.enter(session, key_hash)
    account = session.scalar(select(ServiceAccount).where(ServiceAccount.key_hash == key_hash))
    if account is None or account.revoked_at is not None or account.expires_at <= now:
        raise UnauthenticatedError
    # A word that this version no longer knows opens nothing.
    scopes = frozenset(Scope(word) for word in account.scopes if word in _WORDS)
    return Principal(account.practice_id, account.id, service=ServiceKey(scopes, account.last_used_at))


def note_used(session: Session, caller: Principal, now: datetime) -> None:
    """Note that a key is used, at most once a minute: else each look would write to its row."""
    used = caller.service
    if used is None or (used.last_used_at is not None and now - used.last_used_at < _USED_EVERY):
        return
    session.execute(
        update(ServiceAccount)
        .where(ServiceAccount.practice_id == caller.practice_id, ServiceAccount.id == caller.actor_id)
        .values(last_used_at=now)
        .execution_options(synchronize_session=False)
    )


def _open_of(practice_id: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        ServiceAccount.practice_id == practice_id,
        ServiceAccount.revoked_at.is_(None),
        ServiceAccount.expires_at > now,
    )
