"""One's own account: who I am, my sessions, my password, my authenticator. For people who signed in themselves."""

from datetime import timedelta
from typing import Any

from service.api import examples_sign_in as examples
from service.api.account_steps import (
    take_fresh_factor,
    take_new_authenticator,
    take_new_password,
    take_new_recovery_codes,
)
from service.api.passkey_steps import take_passkey_as_fresh_factor
from service.api.resource import Resource
from service.api.scope import caller, now, settings
from service.api.sign_in_bodies import (
    AccountView,
    AuthenticatorCodeBody,
    AuthenticatorView,
    EndedView,
    PasswordBody,
    RecoveryCodesView,
    SecondFactorFields,
    SessionsView,
    StepUpView,
)
from service.api.staff_sign_in import new_authenticator
from service.db import current_session
from service.identity.account import lock_fresh_credential, view_account
from service.identity.second_factor import SecondFactor
from service.identity.sessions import FRESH_FOR, end_session, end_sessions, list_sessions, session_of

me = Resource("me", "The caller's own account, for staff.")


@me.get("/me")
@me.response(200, AccountView, example=examples.ACCOUNT)
def get_account() -> Any:
    """Return who calls, and how they sign in."""
    account = view_account(current_session(), caller())
    used = account.session
    return {
        "staff": account.staff,
        "practice": account.practice,
        "session": used,
        "fresh_until": None if used is None else used.reauthenticated_at + FRESH_FOR,
        "has_password": account.has_password,
        "has_authenticator": account.has_authenticator,
        "recovery_codes_left": account.recovery_codes_left,
    }


@me.post("/me/step-up")
@me.arguments(SecondFactorFields, example=examples.STEP_UP)
@me.response(200, StepUpView, example=examples.STEPPED_UP)
def step_up(body: dict[str, Any]) -> Any:
    """Give a second factor again, for what asks for a fresh one. A code that was taken once is not taken again."""
    if body["passkey"] is not None:
        take_passkey_as_fresh_factor(body["passkey"])
    else:
        take_fresh_factor(SecondFactor(body["code"], body["recovery_code"]))
    return {"fresh_until": now() + FRESH_FOR}


@me.post("/me/sign-out")
@me.response(204)
def sign_out() -> Any:
    """End the present session."""
    end_session(current_session(), caller(), session_of(caller()).id, now())
    return ""


@me.get("/me/sessions")
@me.response(200, SessionsView, example=examples.SESSIONS)
def list_own_sessions() -> Any:
    """Return the caller's sessions that have not ended."""
    idle = timedelta(minutes=settings().session_idle_minutes)
    present = caller().session
    rows = list_sessions(current_session(), caller(), idle=idle, now=now())
    names = ("id", "label", "made_at", "last_seen_at", "expires_at")
    return {
        "items": [
            {name: getattr(row, name) for name in names} | {"is_present": present is not None and row.id == present.id}
            for row in rows
        ]
    }


@me.post("/me/end-other-sessions")
@me.response(200, EndedView, example=examples.ENDED)
def end_other_sessions() -> Any:
    """End all sessions but the present one, and sign-ins that have begun."""
    used = session_of(caller())
    ended = end_sessions(current_session(), caller().practice_id, caller().actor_id, but=used, now=now())
    return {"ended": ended}


@me.delete("/me/sessions/<id:session_id>")
@me.response(204)
def end_own_session(session_id: str) -> Any:
    """End one of the caller's sessions."""
    end_session(current_session(), caller(), session_id, now())
    return ""


@me.post("/me/password")
@me.arguments(PasswordBody, example=examples.PASSWORD)
@me.response(200, EndedView, example=examples.ENDED)
def choose_password(body: dict[str, Any]) -> Any:
    """Change the password, with the present one and a fresh second factor. The other sessions end."""
    return {"ended": take_new_password(body["old_password"], body["new_password"])}


@me.post("/me/authenticator")
@me.response(200, AuthenticatorView, example=examples.AUTHENTICATOR)
def begin_new_authenticator() -> Any:
    """Get the secret of a new authenticator. The old one counts until the new one gave a right code."""
    return new_authenticator(lock_fresh_credential(current_session(), caller(), now()))


@me.post("/me/authenticator/confirm")
@me.arguments(AuthenticatorCodeBody, example=examples.AUTHENTICATOR_CODE)
@me.response(200, RecoveryCodesView, example=examples.RECOVERY_CODES)
def confirm_new_authenticator(body: dict[str, Any]) -> Any:
    """Let the new authenticator take the old one's place. Recovery codes are made anew; the other sessions end."""
    return {"recovery_codes": take_new_authenticator(body["code"])}


@me.post("/me/recovery-codes")
@me.response(200, RecoveryCodesView, example=examples.RECOVERY_CODES)
def renew_recovery_codes() -> Any:
    """Make new recovery codes; the old ones end."""
    return {"recovery_codes": take_new_recovery_codes()}
