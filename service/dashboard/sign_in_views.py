"""The pages of a sign-in: password, second factor, and for who comes the first time password and authenticator.

What a step answered for the next one, its challenge, is in a cookie that ends with the sign-in.
"""

from flask import Response, request

from models import Practice, Staff
from service.api.passkey_steps import take_passkey_as_second_factor
from service.api.scope import caller, now
from service.api.settle import settled
from service.api.sign_in_steps import (
    Begun,
    find_without_authenticator,
    take_first_authenticator,
    take_first_password,
    take_password,
    take_second_factor,
)
from service.dashboard.blueprint import clinic, typed, typed_message, typed_secret
from service.dashboard.cookies import Cookie, drop_cookie, put_cookie, read_cookie
from service.dashboard.forms import SIGN_IN, local_path
from service.dashboard.pictures import qr_picture
from service.dashboard.render import go_to, language, page, sign_in_page
from service.db import current_session
from service.errors import InvalidError, ServiceError, SignInRefusedError
from service.identity.second_factor import SecondFactor, begin_authenticator
from service.identity.sessions import end_session, session_of
from service.identity.sign_in import FirstStep, NextStep, OpenSignIn
from service.identity.totp import provisioning_uri

STEPS = {NextStep.second_factor: "code", NextStep.set_up_authenticator: "authenticator"}


@clinic.get("/sign-in")
@settled
def ask_password() -> Response:
    """Ask who it is, and for the password."""
    return sign_in_page("sign_in.html", next=next_page(), practice=request.args.get("clinic", ""), email="")


@clinic.post("/sign-in")
@settled
def give_password() -> Response:
    """Begin with the password."""
    practice, email = typed("practice", longest=64), typed("email", longest=254)
    try:
        return _go_on(take_password(practice, email, typed_secret("password")))
    except SignInRefusedError:
        forget_try()
    told = {"next": next_page(), "practice": practice, "email": email}
    return sign_in_page("sign_in.html", status=401, problem="sign_in_refused", **told)


@clinic.get("/sign-in/code")
@settled
def ask_code() -> Response:
    """Ask for the second factor."""
    return sign_in_page("sign_in_code.html", next=next_page())


@clinic.post("/sign-in/code")
@settled
def give_code() -> Response:
    """Begin the session with a code of the authenticator, a recovery code, or a passkey."""
    try:
        begun = _take_factor()
    except SignInRefusedError:
        forget_try()
        return sign_in_page("sign_in_code.html", status=401, problem="sign_in_refused", next=next_page())
    return with_session(go_to(next_page()), begun)


@clinic.get("/sign-in/invitation")
@settled
def ask_first_password() -> Response:
    """Ask for the clinic's one-time code, and for a password."""
    return sign_in_page("invitation.html", next=next_page(), code="")


@clinic.post("/sign-in/invitation")
@settled
def give_first_password() -> Response:
    """Set a password with a one-time code; the sign-in then goes on."""
    code = typed("code", longest=64)
    told: dict[str, object] = {"next": next_page(), "code": code}
    try:
        return _go_on(take_first_password(code, typed_secret("password")))
    except InvalidError as refused:
        return sign_in_page("invitation.html", status=422, faults=refused.faults, **told)
    except SignInRefusedError:
        forget_try()
    return sign_in_page("invitation.html", status=401, problem="code_refused", **told)


@clinic.get("/sign-in/authenticator")
@settled
def offer_authenticator() -> Response:
    """Say what an authenticator is, before its secret is made."""
    return sign_in_page("authenticator.html", next=next_page(), picture=None)


@clinic.post("/sign-in/authenticator")
@settled
def show_first_authenticator() -> Response:
    """Show the secret of a new authenticator. Asking again gives another one."""
    opened = find_without_authenticator(begun_with())
    return _show_authenticator(opened, begin_authenticator(opened.credential))


@clinic.post("/sign-in/authenticator/confirm")
@settled
def confirm_first_authenticator() -> Response:
    """Begin the session with the new authenticator's first code, and show the recovery codes."""
    opened = find_without_authenticator(begun_with())
    secret = opened.credential.pending_secret
    try:
        begun, codes = take_first_authenticator(begun_with(), typed("code", longest=64))
    except SignInRefusedError:
        if secret is None:
            raise
        return _show_authenticator(opened, secret, status=401, problem="code_wrong")
    return with_session(page("recovery_codes.html", codes=codes, next=next_page()), begun)


@clinic.post("/sign-out")
@settled
def sign_out() -> Response:
    """End the session, and let the browser forget all that it keeps of these pages."""
    end_session(current_session(), caller(), session_of(caller()).id, now())
    response = go_to("/clinic/signed-out")
    drop_cookie(response, Cookie.session)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@clinic.get("/signed-out")
@settled
def say_signed_out() -> Response:
    """Say that nobody is signed in any more."""
    return page("signed_out.html")


def _show_authenticator(opened: OpenSignIn, secret: str, *, status: int = 200, problem: str | None = None) -> Response:
    session = current_session()
    staff = session.get_one(Staff, (opened.credential.practice_id, opened.credential.id))
    practice = session.get_one(Practice, staff.practice_id)
    picture = qr_picture(provisioning_uri(secret, account=staff.email or staff.id, issuer=practice.name))
    told = {"next": next_page(), "picture": picture, "secret": secret, "problem": problem}
    return sign_in_page("authenticator.html", status=status, **told)


def _go_on(step: FirstStep) -> Response:
    """Lead to the next step, which the challenge in the cookie is for."""
    response = go_to(f"{SIGN_IN}/{STEPS[step.next]}" + _query())
    put_cookie(response, Cookie.sign_in, step.challenge.secret)
    return response


def with_session(response: Response, begun: Begun) -> Response:
    """Let the browser keep the new session, under an id that nobody knew before, and note the language of the pages."""
    if begun.staff.language is not language():
        begun.staff.language = language()
    put_cookie(response, Cookie.session, begun.session.secret)
    drop_cookie(response, Cookie.sign_in)
    return response


def forget_try() -> None:
    """End what a refused try left open: what had to be kept of it is committed."""
    current_session().rollback()


def _take_factor() -> Begun:
    passkey, recovery_code = typed_message("passkey"), typed("recovery_code", longest=64)
    if passkey is not None:
        return take_passkey_as_second_factor(begun_with(), passkey)
    given = SecondFactor(None, recovery_code) if recovery_code else SecondFactor(typed("code", longest=64))
    return take_second_factor(begun_with(), given)


def begun_with() -> str:
    """Return what the sign-in's cookie holds: a challenge, or before the first step what stands for nobody."""
    challenge = read_cookie(Cookie.sign_in)
    if challenge is None:
        raise ServiceError  # a form without its cookie was refused before
    return challenge


def next_page() -> str:
    """Return the page that the sign-in leads to."""
    return local_path(request.values.get("next"))


def _query() -> str:
    wanted = next_page()
    return "" if wanted == local_path(None) else f"?next={wanted}"
