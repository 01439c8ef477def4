"""The page of one's own account: sessions, password, authenticator, recovery codes, and the second factor once more."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from flask import Response, request

from service.api.account_steps import (
    take_fresh_factor,
    take_new_authenticator,
    take_new_password,
    take_new_recovery_codes,
)
from service.api.passkey_steps import take_passkey_as_fresh_factor
from service.api.scope import caller, now, settings
from service.api.settle import settled
from service.dashboard.blueprint import clinic, typed, typed_message, typed_secret
from service.dashboard.forms import local_path
from service.dashboard.pictures import qr_picture
from service.dashboard.render import go_to, page
from service.db import current_session
from service.errors import Fault, InvalidError, WrongSecretError
from service.identity.account import lock_fresh_credential, view_account
from service.identity.passkeys import list_passkeys
from service.identity.second_factor import SecondFactor, begin_authenticator
from service.identity.sessions import FRESH_FOR, end_session, end_sessions, list_sessions, session_of
from service.identity.totp import provisioning_uri

ACCOUNT = "/clinic/account"
_DONE = {"password": "password_changed", "passkey": "passkey_added", "passkey_removed": "passkey_removed"}


@clinic.get("/account")
@settled
def show_account() -> Response:
    """Show how the caller signs in, and where else they are signed in."""
    return account_page()


@clinic.post("/account/sessions/<id:session_id>/end")
@settled
def end_one_session(session_id: str) -> Response:
    """End one of the caller's sessions."""
    end_session(current_session(), caller(), session_id, now())
    return go_to(ACCOUNT)


@clinic.post("/account/end-other-sessions")
@settled
def end_other_sessions() -> Response:
    """End all of the caller's sessions but this one."""
    who = caller()
    end_sessions(current_session(), who.practice_id, who.actor_id, but=session_of(who), now=now())
    return go_to(ACCOUNT)


@clinic.post("/account/password")
@settled
def choose_password() -> Response:
    """Change the password; the other sessions end."""
    try:
        take_new_password(typed_secret("old_password"), typed_secret("new_password"))
    except InvalidError as refused:
        current_session().rollback()
        return account_page(status=422, faults=refused.faults)
    except WrongSecretError:
        return account_page(status=403, problem="wrong_secret")
    return go_to(f"{ACCOUNT}?done=password")


@clinic.post("/account/authenticator")
@settled
def begin_new_authenticator() -> Response:
    """Show the secret of a new authenticator. The old one counts until the new one gave a right code."""
    credential = lock_fresh_credential(current_session(), caller(), now())
    return _new_authenticator(begin_authenticator(credential))


@clinic.post("/account/authenticator/confirm")
@settled
def confirm_new_authenticator() -> Response:
    """Let the new authenticator take the old one's place."""
    secret = lock_fresh_credential(current_session(), caller(), now()).pending_secret
    try:
        codes = take_new_authenticator(typed("code", longest=64))
    except WrongSecretError:
        if secret is None:
            raise
        return _new_authenticator(secret, status=403, problem="code_wrong")
    return page("recovery_codes.html", codes=codes, next=ACCOUNT)


@clinic.post("/account/recovery-codes")
@settled
def renew_recovery_codes() -> Response:
    """Make new recovery codes; the old ones end."""
    return page("recovery_codes.html", codes=take_new_recovery_codes(), next=ACCOUNT)


@clinic.get("/step-up")
@settled
def ask_fresh_factor() -> Response:
    """Ask for the second factor once more."""
    return page("step_up.html", next=local_path(request.args.get("next")))


@clinic.post("/step-up")
@settled
def give_fresh_factor() -> Response:
    """Take a second factor again, for what asks for a fresh one."""
    passkey, recovery_code = typed_message("passkey"), typed("recovery_code", longest=64)
    wanted = local_path(request.form.get("next"))
    try:
        if passkey is not None:
            take_passkey_as_fresh_factor(passkey)
        else:
            code = typed("code", longest=64)
            take_fresh_factor(SecondFactor(None, recovery_code) if recovery_code else SecondFactor(code))
    except WrongSecretError:
        return page("step_up.html", status=403, next=wanted, problem="wrong_secret")
    return go_to(wanted)


def account_page(*, status: int = 200, problem: str | None = None, faults: tuple[Fault, ...] = ()) -> Response:
    """Return the page of the caller's account."""
    session, who = current_session(), caller()
    account = view_account(session, who)
    idle = timedelta(minutes=settings().session_idle_minutes)
    used = session_of(who)
    return page(
        "account.html",
        status=status,
        problem=problem,
        faults=faults,
        done=_DONE.get(request.args.get("done", "")),
        account=account,
        present=used.id,
        is_fresh=now() - used.reauthenticated_at < FRESH_FOR,
        sessions=list_sessions(session, who, idle=idle, now=now()),
        passkeys=list_passkeys(session, who.practice_id, who.actor_id),
        zone=ZoneInfo(account.practice.time_zone),
    )


def _new_authenticator(secret: str, *, status: int = 200, problem: str | None = None) -> Response:
    account = view_account(current_session(), caller())
    whose = {"account": account.staff.email or account.staff.id, "issuer": account.practice.name}
    picture = qr_picture(provisioning_uri(secret, **whose))
    return page("new_authenticator.html", status=status, problem=problem, picture=picture, secret=secret)
