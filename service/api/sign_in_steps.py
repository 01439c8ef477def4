"""The steps of a sign-in, each with its commits and its audit entry. The API and the dashboard take the same ones.

No transaction is open while a password is hashed. A refusal is committed before it is raised: a wrong try counts.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from flask import request

from models import Staff
from service.api.scope import now, scope, settings
from service.api.settle import commit_refusal
from service.db import begin, current_session
from service.errors import InvalidError, SignInRefusedError
from service.identity.invitations import accept_invitation, find_invited
from service.identity.password_rules import find_fault
from service.identity.passwords import hash_password
from service.identity.principal import Principal
from service.identity.second_factor import (
    SecondFactor,
    confirm_authenticator,
    is_second_factor,
    make_recovery_codes,
)
from service.identity.sessions import label_of, start_session
from service.identity.sign_in import (
    FirstStep,
    OpenSignIn,
    count_attempt,
    find_sign_in,
    finish_first_step,
    judge,
    renewed_hash,
)
from service.identity.throttle import counts_of_password, remember
from service.identity.tokens import Issued
from service.rate_limits import client_address


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that has just begun, and whose it is."""

    session: Issued
    staff: Staff


def take_password(practice: str, email: str, password: str) -> FirstStep:
    """Return the challenge that a right password gives. Raises SignInRefusedError, whatever was wrong."""
    session = current_session()
    attempt = count_attempt(session, slug=practice, email=email, address=client_address(request), now=now())
    session.commit()
    is_right = judge(attempt, password)
    renewed = renewed_hash(attempt, password) if is_right else None
    begin(reads=False)
    if not is_right:
        about = {} if attempt.staff_id is None else {"staff_id": attempt.staff_id}
        commit_refusal(attempt.practice_id, None, SignInRefusedError(), **about)
    return _noted(finish_first_step(session, attempt, renewed, now()))


def take_first_password(code: str, password: str) -> FirstStep:
    """Set a password with a one-time code of the clinic. Raises SignInRefusedError, InvalidError for the password."""
    session = current_session()
    invited = find_invited(session, code, now())
    session.rollback()
    fault = find_fault(password, invited.chooser, settings().breached_passwords, "/password")
    if fault is not None:
        raise InvalidError(fault)
    password_hash = hash_password(password)
    begin(reads=False)
    return _noted(accept_invitation(session, invited, code, password_hash, now()))


def take_second_factor(challenge: str, given: SecondFactor) -> Begun:
    """Begin a session with a second factor. Raises SignInRefusedError."""
    session, opened = current_session(), find_sign_in(current_session(), challenge, now())
    if not is_second_factor(session, opened.credential, given, now()):
        _refuse(opened)
    if given.recovery_code is not None:
        scope().about["by"] = "recovery_code"
    opened.challenge.used_at = now()
    return begin_session(opened.staff)


def find_without_authenticator(challenge: str) -> OpenSignIn:
    """Return the sign-in of somebody who sets up their first authenticator. Raises SignInRefusedError.

    Who has an authenticator does not get another by the password alone.
    """
    opened = find_sign_in(current_session(), challenge, now())
    if opened.credential.totp_secret is not None:
        raise SignInRefusedError
    return opened


def take_first_authenticator(challenge: str, code: str) -> tuple[Begun, list[str]]:
    """Begin a session with a new authenticator's first code. Return it with recovery codes.

    Raises SignInRefusedError.
    """
    session, opened = current_session(), find_without_authenticator(challenge)
    if not confirm_authenticator(session, opened.credential, code, now()):
        _refuse(opened)
    codes = make_recovery_codes(session, opened.credential, now())
    scope().about["changed"] = ["authenticator"]
    opened.challenge.used_at = now()
    return begin_session(opened.staff), codes


def begin_session(staff: Staff) -> Begun:
    """Begin a session of somebody who has shown both factors."""
    session = current_session()
    label, life = label_of(request.headers.get("User-Agent", "")), timedelta(hours=settings().session_hours)
    issued = start_session(session, staff.practice_id, staff.id, life=life, label=label, now=now())
    remember(session, counts_of_password(staff.practice_id, staff.email or "", client_address(request)), now())
    _note_who(staff)
    return Begun(issued, staff)


def _noted(step: FirstStep) -> FirstStep:
    _note_who(current_session().get_one(Staff, (step.practice_id, step.staff_id)))
    return step


def _refuse(opened: OpenSignIn) -> NoReturn:
    commit_refusal(opened.staff.practice_id, None, SignInRefusedError(), staff_id=opened.staff.id)


def _note_who(staff: Staff) -> None:
    """Let the audit entry name who signs in."""
    scope().principal = Principal(staff.practice_id, staff.id, role=staff.role)
