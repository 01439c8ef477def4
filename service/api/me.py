"""One's own account: who I am, my sessions, my password, my authenticator. For people who signed in themselves."""

from datetime import timedelta
from typing import Any, NoReturn

from service.api import examples_sign_in as examples
from service.api.resource import Resource
from service.api.scope import caller, now, scope, settings
from service.api.settle import commit_refusal
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
from service.db import begin, current_session
from service.errors import InvalidError, WrongSecretError
from service.identity.account import (
    change_password,
    count_password_try,
    lock_fresh_credential,
    lock_own_credential,
    view_account,
)
from service.identity.password_rules import find_fault
from service.identity.passwords import hash_password, is_password
from service.identity.second_factor import (
    SecondFactor,
    confirm_authenticator,
    is_second_factor,
    make_recovery_codes,
)
from service.identity.sessions import (
    FRESH_FOR,
    end_session,
    end_sessions,
    list_sessions,
    note_fresh,
    session_of,
)

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
    credential = lock_own_credential(current_session(), caller())
    given = SecondFactor(body["code"], body["recovery_code"])
    if not is_second_factor(current_session(), credential, given, now()):
        _refuse()
    note_fresh(current_session(), caller(), now())
    scope().about["changed"] = ["fresh"]
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
    session, who = current_session(), caller()
    tried = count_password_try(session, who, now())
    session.commit()
    is_right = is_password(tried.password_hash, body["old_password"]) and tried.may
    fault = find_fault(body["new_password"], tried.chooser, settings().breached_passwords, "/new_password")
    new_hash = hash_password(body["new_password"]) if is_right and fault is None else None
    begin(reads=False)
    if not is_right:
        _refuse()
    if fault is not None or new_hash is None:
        raise InvalidError(*(() if fault is None else (fault,)))
    scope().about["changed"] = ["password"]
    return {"ended": change_password(session, who, tried, new_hash, now())}


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
    session, who = current_session(), caller()
    credential = lock_fresh_credential(session, who, now())
    if not confirm_authenticator(session, credential, body["code"], now()):
        _refuse()
    end_sessions(session, who.practice_id, who.actor_id, but=who.session, now=now())
    scope().about["changed"] = ["authenticator", "recovery_codes"]
    return {"recovery_codes": make_recovery_codes(session, credential, now())}


@me.post("/me/recovery-codes")
@me.response(200, RecoveryCodesView, example=examples.RECOVERY_CODES)
def renew_recovery_codes() -> Any:
    """Make new recovery codes; the old ones end."""
    credential = lock_fresh_credential(current_session(), caller(), now())
    scope().about["changed"] = ["recovery_codes"]
    return {"recovery_codes": make_recovery_codes(current_session(), credential, now())}


def _refuse() -> NoReturn:
    commit_refusal(caller().practice_id, caller().actor_id, WrongSecretError())
