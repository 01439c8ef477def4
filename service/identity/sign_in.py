"""Sign-in of staff, step by step: the password gives a challenge, the challenge with a second factor a session.

Whether the clinic, the address, the password or haste was wrong, and whether somebody was disabled, answers alike after
the same work. A challenge is good for the second step alone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import and_, bindparam, select
from sqlalchemy.orm import Session

from models import Practice, Staff
from models.identity import Token, TokenKind
from models.practice import BY_SLUG
from models.private import lookup_hash
from models.sign_in import StaffCredential
from service.errors import SignInRefusedError
from service.identity.passwords import hash_password, is_outdated, is_password
from service.identity.second_factor import lock_credential
from service.identity.sessions import forget_ended
from service.identity.throttle import Counts, clear, counts_of_password, take_turn
from service.identity.tokens import BY_TOKEN, Issued, hash_secret, issue_token

CHALLENGE_LIFE: Final = timedelta(minutes=10)
_HAS_CREDENTIAL: Final = and_(StaffCredential.practice_id == Staff.practice_id, StaffCredential.id == Staff.id)
_HOLDER: Final = (
    select(Staff.id, Staff.disabled_at, StaffCredential.password_hash)
    .outerjoin(StaffCredential, _HAS_CREDENTIAL)
    .where(Staff.practice_id == bindparam("practice"), Staff.email_lookup == bindparam("email"))
)


class NextStep(StrEnum):
    """What a sign-in lacks after the password."""

    second_factor = "second_factor"
    set_up_authenticator = "set_up_authenticator"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody tries a password. `may`: it will be judged; `staff_id` None: nobody has that address there."""

    practice_id: str | None
    staff_id: str | None
    password_hash: str | None
    may: bool
    counts: Counts | None


@dataclass(frozen=True, slots=True)
class FirstStep:
    """The password was right: what comes next, and the challenge that it is done with."""

    practice_id: str
    staff_id: str
    next: NextStep
    challenge: Issued


def count_attempt(session: Session, *, slug: str, email: str, address: str, now: datetime) -> Attempt:
    """Count a try and return what it is about. Commit before the password is judged: tries at once all count."""
    BY_SLUG.enter(session, slug)
    practice_id = session.scalar(select(Practice.id).where(Practice.slug == slug))
    found = session.execute(_HOLDER, {"practice": practice_id, "email": lookup_hash(email, practice_id or "")})
    staff_id, disabled_at, password_hash = found.one_or_none() or (None, None, None)
    if practice_id is None:
        return Attempt(None, None, None, may=False, counts=None)
    counts = counts_of_password(practice_id, email, address)
    may = take_turn(session, counts, now) and disabled_at is None
    return Attempt(practice_id, staff_id, password_hash, may=may, counts=counts)


def judge(attempt: Attempt, password: str) -> bool:
    """Return whether the password lets its holder go on. It is the same work whoever tries. No transaction is open."""
    return is_password(attempt.password_hash, password) and attempt.may


def renewed_hash(attempt: Attempt, password: str) -> str | None:
    """Return a hash by today's parameters for a right password that was hashed by others; None if it needs none."""
    is_old = attempt.password_hash is not None and is_outdated(attempt.password_hash)
    return hash_password(password) if is_old else None


def finish_first_step(session: Session, attempt: Attempt, renewed: str | None, now: datetime) -> FirstStep:
    """Return the challenge for a right password. Raises SignInRefusedError if it was changed a moment ago."""
    if attempt.practice_id is None or attempt.staff_id is None or attempt.counts is None:
        raise SignInRefusedError
    credential = lock_credential(session, attempt.practice_id, attempt.staff_id)
    if credential is None or credential.password_hash != attempt.password_hash:
        raise SignInRefusedError
    credential.password_hash = renewed or credential.password_hash
    clear(session, attempt.counts)
    forget_ended(session, attempt.practice_id, attempt.staff_id, now)
    return open_challenge(session, credential, now)


def open_challenge(session: Session, credential: StaffCredential, now: datetime) -> FirstStep:
    """Return the challenge of somebody whose password is known to be right."""
    lacks = NextStep.set_up_authenticator if credential.totp_secret is None else NextStep.second_factor
    kind = TokenKind.sign_in_challenge
    issued = issue_token(session, credential.practice_id, kind, now, CHALLENGE_LIFE, staff_id=credential.id)
    return FirstStep(credential.practice_id, credential.id, lacks, issued)


@dataclass(frozen=True, slots=True)
class OpenSignIn:
    """A sign-in whose first step is done, by its challenge. The credential is locked."""

    challenge: Token
    credential: StaffCredential
    staff: Staff


def find_sign_in(session: Session, secret: str, now: datetime) -> OpenSignIn:
    """Return the sign-in that a challenge goes on with. Raises SignInRefusedError for any but an open one."""
    token_hash = hash_secret(secret)
    BY_TOKEN.enter(session, token_hash)
    query = select(Token).where(Token.token_hash == token_hash, Token.kind == TokenKind.sign_in_challenge)
    challenge = session.scalars(query).one_or_none()
    if challenge is None or challenge.staff_id is None:
        raise SignInRefusedError
    # The credential first, as everywhere; what was read before may have ended meanwhile.
    credential = lock_credential(session, challenge.practice_id, challenge.staff_id)
    session.refresh(challenge, with_for_update=True)
    staff = session.get_one(Staff, (challenge.practice_id, challenge.staff_id))
    is_over = challenge.used_at is not None or challenge.revoked_at is not None or challenge.expires_at <= now
    if credential is None or is_over or staff.disabled_at is not None:
        raise SignInRefusedError
    return OpenSignIn(challenge, credential, staff)
