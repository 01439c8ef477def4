"""Challenges that passkeys and providers of sign-ins answer: of one purpose and one holder, for five minutes, once.

A challenge is its end, 16 random bytes and a keyed hash over both with what it is bound to. So whoever asks, known or
not, leaves no row behind, and every web process knows a challenge of ours. Which of them were answered is stored.
"""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, cast

from sqlalchemy import CursorResult, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.private import lookup_hash
from models.sign_in import UsedChallenge

CHALLENGE_LIFE: Final = timedelta(minutes=5)
_END_BYTES: Final = 8
_RANDOM_BYTES: Final = 16
_HASH_BYTES: Final = 32


class Ceremony(StrEnum):
    """What a challenge is good for."""

    registration = "registration"
    sign_in = "sign_in"
    second_factor = "second_factor"
    step_up = "step_up"
    single_sign_on = "single_sign_on"


def make_challenge(ceremony: Ceremony, bound_to: str, now: datetime) -> bytes:
    """Return a new challenge for who holds `bound_to`: the id of a session or of a sign-in, or a browser's secret."""
    ends_ms = int((now + CHALLENGE_LIFE).timestamp() * 1000)
    told = ends_ms.to_bytes(_END_BYTES, "big") + secrets.token_bytes(_RANDOM_BYTES)
    return told + _hash(told, ceremony, bound_to)


def is_challenge(challenge: bytes, ceremony: Ceremony, bound_to: str, now: datetime) -> bool:
    """Return whether this is a challenge of ours for this purpose and holder, which has not ended."""
    told, hashed = challenge[:-_HASH_BYTES], challenge[-_HASH_BYTES:]
    if len(told) != _END_BYTES + _RANDOM_BYTES or not hmac.compare_digest(hashed, _hash(told, ceremony, bound_to)):
        return False
    return now < _ends_at(challenge)


def use_challenge(session: Session, practice_id: str, challenge: bytes, now: datetime) -> bool:
    """Note that a challenge is answered. Return False if it was before. Those that have ended are forgotten."""
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {"practice_id": practice_id, "id": hashlib.sha256(challenge).hexdigest(), "expires_at": _ends_at(challenge)}
    statement = make(UsedChallenge).values(row).on_conflict_do_nothing()
    done = cast("CursorResult[Any]", session.execute(statement.execution_options(preserve_rowcount=True)))
    over = delete(UsedChallenge).where(UsedChallenge.practice_id == practice_id, UsedChallenge.expires_at <= now)
    session.execute(over.execution_options(synchronize_session=False))
    return done.rowcount == 1


def _ends_at(challenge: bytes) -> datetime:
    return datetime.fromtimestamp(int.from_bytes(challenge[:_END_BYTES], "big") / 1000, UTC)


def _hash(told: bytes, ceremony: Ceremony, bound_to: str) -> bytes:
    # As digits, since the hash heeds neither case nor spaces.
    holder = hashlib.sha256(bound_to.encode()).hexdigest()
    return lookup_hash(f"challenge|{ceremony}|{holder}|{told.hex()}", "")
