"""What a member of staff reads and changes of their own account.

Every change asks for a session whose second factor is fresh, and a new password or authenticator ends the others.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models import Practice, Staff
from models.sign_in import StaffCredential
from service.errors import SessionRequiredError, WrongSecretError
from service.identity.invitations import chooser_of
from service.identity.password_rules import Chooser
from service.identity.principal import Principal, StaffSession
from service.identity.second_factor import count_recovery_codes, lock_credential
from service.identity.sessions import end_sessions, require_fresh, session_of
from service.identity.throttle import Counts, clear, counts_of_known, take_turn


@dataclass(frozen=True, slots=True)
class Account:
    """A member of staff as they see themselves. `session` None: they call with a token that a command made."""

    staff: Staff
    practice: Practice
    session: StaffSession | None
    has_password: bool
    has_authenticator: bool
    recovery_codes_left: int


@dataclass(frozen=True, slots=True)
class PasswordTry:
    """The caller gives the present password once more. `may`: it will be judged."""

    password_hash: str | None
    may: bool
    counts: Counts
    chooser: Chooser


def view_account(session: Session, caller: Principal) -> Account:
    """Return the caller's account."""
    credential = session.get(StaffCredential, (caller.practice_id, caller.actor_id))
    return Account(
        staff=session.get_one(Staff, (caller.practice_id, caller.actor_id)),
        practice=session.get_one(Practice, caller.practice_id),
        session=caller.session,
        has_password=credential is not None and credential.password_hash is not None,
        has_authenticator=credential is not None and credential.totp_secret_sealed is not None,
        recovery_codes_left=count_recovery_codes(session, caller.practice_id, caller.actor_id),
    )


def lock_own_credential(session: Session, caller: Principal) -> StaffCredential:
    """Return the credential of a caller in a session, locked to the commit.

    Raises SessionRequiredError for a token that a command made.
    """
    session_of(caller)
    credential = lock_credential(session, caller.practice_id, caller.actor_id)
    if credential is None:
        raise SessionRequiredError
    return credential


def lock_fresh_credential(session: Session, caller: Principal, now: datetime) -> StaffCredential:
    """Return the credential of a caller who may change it. Raises SessionRequiredError, StepUpError."""
    require_fresh(caller, now)
    return lock_own_credential(session, caller)


def count_password_try(session: Session, caller: Principal, now: datetime) -> PasswordTry:
    """Count a try of the present password. Commit before it is judged. Raises SessionRequiredError, StepUpError."""
    credential = lock_fresh_credential(session, caller, now)
    counts = counts_of_known(caller.practice_id, caller.actor_id, "password")
    may = take_turn(session, counts, now)
    account = view_account(session, caller)
    return PasswordTry(credential.password_hash, may, counts, chooser_of(account.staff, account.practice))


def change_password(session: Session, caller: Principal, tried: PasswordTry, new_hash: str, now: datetime) -> int:
    """Store a new password and end the caller's other sessions. Return how many those were.

    Raises WrongSecretError if the password was changed since the old one was judged.
    """
    credential = lock_own_credential(session, caller)
    if credential.password_hash != tried.password_hash:
        raise WrongSecretError
    credential.password_hash, credential.password_changed_at = new_hash, now
    clear(session, tried.counts)
    return end_sessions(session, caller.practice_id, caller.actor_id, but=caller.session, now=now)
