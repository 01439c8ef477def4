"""What staff change of their own sign-in, each with its commits and its audit entry, for the API and the dashboard."""

from typing import NoReturn

from service.api.scope import caller, now, scope, settings
from service.api.settle import commit_refusal
from service.db import begin, current_session
from service.errors import InvalidError, WrongSecretError
from service.identity.account import (
    change_password,
    count_password_try,
    lock_fresh_credential,
    lock_own_credential,
)
from service.identity.password_rules import find_fault
from service.identity.passwords import hash_password, is_password
from service.identity.second_factor import (
    SecondFactor,
    confirm_authenticator,
    is_second_factor,
    make_recovery_codes,
)
from service.identity.sessions import end_sessions, note_fresh


def take_fresh_factor(given: SecondFactor) -> None:
    """Note that the caller has given a second factor again. Raises SessionRequiredError, WrongSecretError."""
    credential = lock_own_credential(current_session(), caller())
    if not is_second_factor(current_session(), credential, given, now()):
        _refuse()
    note_fresh(current_session(), caller(), now())
    scope().about["changed"] = ["fresh"]


def take_new_password(old_password: str, new_password: str) -> int:
    """Change the caller's password. Return how many other sessions ended.

    Raises SessionRequiredError, StepUpError, WrongSecretError, InvalidError for the new password.
    """
    session, who = current_session(), caller()
    tried = count_password_try(session, who, now())
    session.commit()
    is_right = is_password(tried.password_hash, old_password) and tried.may
    fault = find_fault(new_password, tried.chooser, settings().breached_passwords, "/new_password")
    new_hash = hash_password(new_password) if is_right and fault is None else None
    begin(reads=False)
    if not is_right:
        _refuse()
    if fault is not None or new_hash is None:
        raise InvalidError(*(() if fault is None else (fault,)))
    scope().about["changed"] = ["password"]
    return change_password(session, who, tried, new_hash, now())


def take_new_authenticator(code: str) -> list[str]:
    """Let the caller's new authenticator take the old one's place. Return new recovery codes.

    Raises SessionRequiredError, StepUpError, WrongSecretError.
    """
    session, who = current_session(), caller()
    credential = lock_fresh_credential(session, who, now())
    if not confirm_authenticator(session, credential, code, now()):
        _refuse()
    end_sessions(session, who.practice_id, who.actor_id, but=who.session, now=now())
    scope().about["changed"] = ["authenticator", "recovery_codes"]
    return make_recovery_codes(session, credential, now())


def take_new_recovery_codes() -> list[str]:
    """Return new recovery codes of the caller; the old ones end. Raises SessionRequiredError, StepUpError."""
    credential = lock_fresh_credential(current_session(), caller(), now())
    scope().about["changed"] = ["recovery_codes"]
    return make_recovery_codes(current_session(), credential, now())


def _refuse() -> NoReturn:
    commit_refusal(caller().practice_id, caller().actor_id, WrongSecretError())
