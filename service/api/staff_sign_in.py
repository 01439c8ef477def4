"""Sign-in of staff: password, then a second factor. Whoever lacks an authenticator sets one up on the way.

Secrets come in bodies alone. A refusal tells nothing of what was wrong.
"""

from typing import Any

from models import Practice, Staff
from models.sign_in import StaffCredential
from service.api import examples_sign_in as examples
from service.api.passkey_steps import take_passkey_as_second_factor
from service.api.resource import Resource
from service.api.scope import settings
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
from service.api.sign_in_steps import (
    Begun,
    find_without_authenticator,
    take_first_authenticator,
    take_first_password,
    take_password,
    take_second_factor,
)
from service.db import current_session
from service.identity.second_factor import SecondFactor, begin_authenticator
from service.identity.sign_in import FirstStep
from service.identity.totp import provisioning_uri

staff_sign_in = Resource("staff-sign-in", "How a member of staff begins a session: password, then a second factor.")


@staff_sign_in.post("/sign-in")
@staff_sign_in.arguments(SignInBody, example=examples.SIGN_IN)
@staff_sign_in.response(200, FirstStepView, example=examples.FIRST_STEP)
def sign_in(body: dict[str, Any]) -> Any:
    """Begin with the password. Whatever was wrong, a refusal is the same 401; delays grow with wrong tries."""
    return _challenge(take_password(body["practice"], body["email"], body["password"]))


@staff_sign_in.post("/sign-in/password")
@staff_sign_in.arguments(NewPasswordBody, example=examples.NEW_PASSWORD)
@staff_sign_in.response(200, FirstStepView, example=examples.FIRST_STEP)
def set_first_password(body: dict[str, Any]) -> Any:
    """Set a password with a one-time code of the clinic: an invitation or a reset. The sign-in then goes on."""
    return _challenge(take_first_password(body["code"], body["password"]))


@staff_sign_in.post("/sign-in/second-factor")
@staff_sign_in.arguments(SecondFactorBody, example=examples.SECOND_FACTOR)
@staff_sign_in.response(200, SessionTokenView, example=examples.SESSION_TOKEN)
def give_second_factor(body: dict[str, Any]) -> Any:
    """Begin a session with a code of the authenticator, a recovery code, or a passkey. Each code is taken once."""
    if body["passkey"] is not None:
        return session_token(take_passkey_as_second_factor(body["challenge"], body["passkey"]))
    return session_token(take_second_factor(body["challenge"], SecondFactor(body["code"], body["recovery_code"])))


@staff_sign_in.post("/sign-in/authenticator")
@staff_sign_in.arguments(ChallengeBody, example=examples.CHALLENGE)
@staff_sign_in.response(200, AuthenticatorView, example=examples.AUTHENTICATOR)
def set_up_first_authenticator(body: dict[str, Any]) -> Any:
    """Get the secret of an authenticator, where `next` was `set_up_authenticator`. Asking again gives another one."""
    return new_authenticator(find_without_authenticator(body["challenge"]).credential)


@staff_sign_in.post("/sign-in/authenticator/confirm")
@staff_sign_in.arguments(CodeBody, example=examples.CONFIRM_AT_SIGN_IN)
@staff_sign_in.response(200, FirstSessionView, example=examples.FIRST_SESSION)
def confirm_first_authenticator(body: dict[str, Any]) -> Any:
    """Begin a session with the new authenticator's first code."""
    begun, codes = take_first_authenticator(body["challenge"], body["code"])
    return session_token(begun) | {"recovery_codes": codes}


def new_authenticator(credential: StaffCredential) -> dict[str, str]:
    """Return the answer that shows the secret of a new authenticator."""
    session, secret = current_session(), begin_authenticator(credential)
    staff = session.get_one(Staff, (credential.practice_id, credential.id))
    practice = session.get_one(Practice, credential.practice_id)
    return {"secret": secret, "uri": provisioning_uri(secret, account=staff.email or staff.id, issuer=practice.name)}


def _challenge(step: FirstStep) -> dict[str, Any]:
    return {"next": step.next, "challenge": step.challenge.secret, "expires_at": step.challenge.expires_at}


def session_token(begun: Begun) -> dict[str, Any]:
    """Return the answer that gives a session's token."""
    idle = settings().session_idle_minutes
    told = {"token": begun.session.secret, "expires_at": begun.session.expires_at, "idle_minutes": idle}
    return told | {"staff_id": begun.staff.id, "role": begun.staff.role}
