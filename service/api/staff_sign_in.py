"""Sign-in of staff: password, then a second factor. Whoever lacks an authenticator sets one up on the way.

Secrets come in bodies alone. A refusal tells nothing of what was wrong.
"""

from datetime import timedelta
from typing import Any, NoReturn

from flask import request

from models import Practice, Staff
from models.sign_in import StaffCredential
from service.api import examples_sign_in as examples
from service.api.resource import Resource
from service.api.scope import now, scope, settings
from service.api.settle import commit_refusal
from service.api.sign_in_bodies import (
    AuthenticatorView,
    ChallengeBody,
    CodeBody,
    FirstSessionView,
    FirstStepView,
    NewPasswordBody,
    SecondFactorBody,
    SessionTokenView,
    SignInBody,
)
from service.db import begin, current_session
from service.errors import InvalidError, SignInRefusedError
from service.identity.invitations import accept_invitation, find_invited
from service.identity.password_rules import find_fault
from service.identity.passwords import hash_password
from service.identity.principal import Principal
from service.identity.second_factor import (
    SecondFactor,
    begin_authenticator,
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
from service.identity.totp import provisioning_uri
from service.rate_limits import client_address

staff_sign_in = Resource("staff-sign-in", "How a member of staff begins a session: password, then a second factor.")


@staff_sign_in.post("/sign-in")
@staff_sign_in.arguments(SignInBody, example=examples.SIGN_IN)
@staff_sign_in.response(200, FirstStepView, example=examples.FIRST_STEP)
def sign_in(body: dict[str, Any]) -> Any:
    """Begin with the password. Whatever was wrong, a refusal is the same 401; delays grow with wrong tries."""
    session, who = current_session(), {"slug": body["practice"], "email": body["email"]}
    attempt = count_attempt(session, **who, address=client_address(request), now=now())
    session.commit()
    is_right = judge(attempt, body["password"])
    renewed = renewed_hash(attempt, body["password"]) if is_right else None
    begin(reads=False)
    if not is_right:
        about = {} if attempt.staff_id is None else {"staff_id": attempt.staff_id}
        commit_refusal(attempt.practice_id, None, SignInRefusedError(), **about)
    return _challenge(finish_first_step(session, attempt, renewed, now()))


@staff_sign_in.post("/sign-in/password")
@staff_sign_in.arguments(NewPasswordBody, example=examples.NEW_PASSWORD)
@staff_sign_in.response(200, FirstStepView, example=examples.FIRST_STEP)
def set_first_password(body: dict[str, Any]) -> Any:
    """Set a password with a one-time code of the clinic: an invitation or a reset. The sign-in then goes on."""
    session = current_session()
    invited = find_invited(session, body["code"], now())
    session.rollback()
    fault = find_fault(body["password"], invited.chooser, settings().breached_passwords, "/password")
    if fault is not None:
        raise InvalidError(fault)
    password_hash = hash_password(body["password"])
    begin(reads=False)
    return _challenge(accept_invitation(session, invited, body["code"], password_hash, now()))


@staff_sign_in.post("/sign-in/second-factor")
@staff_sign_in.arguments(SecondFactorBody, example=examples.SECOND_FACTOR)
@staff_sign_in.response(200, SessionTokenView, example=examples.SESSION_TOKEN)
def give_second_factor(body: dict[str, Any]) -> Any:
    """Begin a session with a code of the authenticator, or a recovery code. Each code is taken once."""
    session, opened = current_session(), find_sign_in(current_session(), body["challenge"], now())
    given = SecondFactor(body["code"], body["recovery_code"])
    if not is_second_factor(session, opened.credential, given, now()):
        _refuse(opened)
    if given.recovery_code is not None:
        scope().about["by"] = "recovery_code"
    return _begin_session(opened)


@staff_sign_in.post("/sign-in/authenticator")
@staff_sign_in.arguments(ChallengeBody, example=examples.CHALLENGE)
@staff_sign_in.response(200, AuthenticatorView, example=examples.AUTHENTICATOR)
def set_up_first_authenticator(body: dict[str, Any]) -> Any:
    """Get the secret of an authenticator, where `next` was `set_up_authenticator`. Asking again gives another one."""
    opened = find_sign_in(current_session(), body["challenge"], now())
    _refuse_second_authenticator(opened)
    return new_authenticator(opened.credential)


@staff_sign_in.post("/sign-in/authenticator/confirm")
@staff_sign_in.arguments(CodeBody, example=examples.CONFIRM_AT_SIGN_IN)
@staff_sign_in.response(200, FirstSessionView, example=examples.FIRST_SESSION)
def confirm_first_authenticator(body: dict[str, Any]) -> Any:
    """Begin a session with the new authenticator's first code."""
    session, opened = current_session(), find_sign_in(current_session(), body["challenge"], now())
    _refuse_second_authenticator(opened)
    if not confirm_authenticator(session, opened.credential, body["code"], now()):
        _refuse(opened)
    codes = make_recovery_codes(session, opened.credential, now())
    scope().about["changed"] = ["authenticator"]
    return _begin_session(opened) | {"recovery_codes": codes}


def new_authenticator(credential: StaffCredential) -> dict[str, str]:
    """Return the answer that shows the secret of a new authenticator."""
    session, secret = current_session(), begin_authenticator(credential)
    staff = session.get_one(Staff, (credential.practice_id, credential.id))
    practice = session.get_one(Practice, credential.practice_id)
    return {"secret": secret, "uri": provisioning_uri(secret, account=staff.email or staff.id, issuer=practice.name)}


def _challenge(step: FirstStep) -> dict[str, Any]:
    _note_who(current_session().get_one(Staff, (step.practice_id, step.staff_id)))
    return {"next": step.next, "challenge": step.challenge.secret, "expires_at": step.challenge.expires_at}


def _begin_session(opened: OpenSignIn) -> dict[str, Any]:
    """Use the challenge up, and return the answer with the session's token."""
    session, staff = current_session(), opened.staff
    opened.challenge.used_at = now()
    label, life = label_of(request.headers.get("User-Agent", "")), timedelta(hours=settings().session_hours)
    issued = start_session(session, staff.practice_id, staff.id, life=life, label=label, now=now())
    remember(session, counts_of_password(staff.practice_id, staff.email or "", client_address(request)), now())
    _note_who(staff)
    idle = settings().session_idle_minutes
    told = {"token": issued.secret, "expires_at": issued.expires_at, "idle_minutes": idle}
    return told | {"staff_id": staff.id, "role": staff.role}


def _refuse(opened: OpenSignIn) -> NoReturn:
    commit_refusal(opened.staff.practice_id, None, SignInRefusedError(), staff_id=opened.staff.id)


def _refuse_second_authenticator(opened: OpenSignIn) -> None:
    """Who has an authenticator does not get another by the password alone."""
    if opened.credential.totp_secret is not None:
        raise SignInRefusedError


def _note_who(staff: Staff) -> None:
    """Let the audit entry name who signs in."""
    scope().principal = Principal(staff.practice_id, staff.id, role=staff.role)
