"""Passkeys in the dashboard: what its script asks for, the sign-in with one alone, adding and removing one's own."""

from flask import Response

from service.api.passkey_steps import (
    ask_fresh_factor,
    ask_new_passkey,
    ask_second_factor,
    ask_who_it_is,
    end_passkey,
    take_new_passkey,
    take_passkey,
)
from service.api.settle import settled
from service.dashboard.account_views import ACCOUNT, account_page
from service.dashboard.blueprint import clinic, typed, typed_message
from service.dashboard.render import go_to, sign_in_page, tell_script
from service.dashboard.sign_in_views import begun_with, forget_try, next_page, with_session
from service.db import current_session
from service.errors import BadRequestError, ConflictError, Fault, InvalidError, SignInRefusedError
from service.identity.passkeys import LONGEST_NAME, Spoken


@clinic.post("/sign-in/passkey/options")
@settled
def ask_passkey() -> Response:
    """Ask for any passkey of this site, for this browser alone."""
    return tell_script(ask_who_it_is(begun_with()))


@clinic.post("/sign-in/passkey")
@settled
def give_passkey() -> Response:
    """Begin the session with a passkey alone."""
    try:
        begun = take_passkey(_answer(), begun_with())
    except SignInRefusedError:
        forget_try()
        told = {"next": next_page(), "practice": "", "email": ""}
        return sign_in_page("sign_in.html", status=401, problem="passkey_refused", **told)
    return with_session(go_to(next_page()), begun)


@clinic.post("/sign-in/code/options")
@settled
def ask_passkey_for_code() -> Response:
    """Ask for a passkey in the place of a code."""
    return tell_script(ask_second_factor(begun_with()))


@clinic.post("/step-up/options")
@settled
def ask_passkey_again() -> Response:
    """Ask for a passkey in the place of a fresh code."""
    return tell_script(ask_fresh_factor())


@clinic.post("/account/passkeys/options")
@settled
def ask_for_new_passkey() -> Response:
    """Ask for a new passkey."""
    return tell_script(ask_new_passkey())


@clinic.post("/account/passkeys")
@settled
def add_new_passkey() -> Response:
    """Add a passkey under the name that its holder gives it."""
    name = typed("name", longest=LONGEST_NAME)
    if not name:
        return account_page(status=422, faults=(Fault("/name", f"1 to {LONGEST_NAME} characters", "nothing"),))
    try:
        take_new_passkey(name, _answer())
    except (InvalidError, ConflictError):
        current_session().rollback()
        return account_page(status=422, problem="passkey_not_added")
    return go_to(f"{ACCOUNT}?done=passkey")


@clinic.post("/account/passkeys/<id:passkey_id>/remove")
@settled
def remove_own_passkey(passkey_id: str) -> Response:
    """Remove a passkey; the other sessions end."""
    end_passkey(passkey_id)
    return go_to(f"{ACCOUNT}?done=passkey_removed")


def _answer() -> Spoken:
    """Return what the passkey answered. Raises BadRequestError for a form without it."""
    answer = typed_message("passkey")
    if answer is None:
        raise BadRequestError
    return answer
