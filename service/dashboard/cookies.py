"""The dashboard's cookies: the secret of a session, of a sign-in that has begun, and the language that was chosen.

A session is the same stored row as the API's. Browsers keep these cookies for this host alone and until they end.
"""

from datetime import timedelta
from enum import StrEnum

from flask import Response, request

from service.api.scope import settings
from service.pages.session import is_secure

_LANGUAGE_LIFE = timedelta(days=365)


class Cookie(StrEnum):
    """What each cookie holds."""

    session = "clinic"
    sign_in = "clinic-sign-in"
    provider = "clinic-provider"
    language = "clinic-language"


_FROM_ELSEWHERE = (Cookie.session, Cookie.provider)


def read_cookie(cookie: Cookie) -> str | None:
    """Return what the request's cookie holds; None without one."""
    return request.cookies.get(_name(cookie)) or None


def put_cookie(response: Response, cookie: Cookie, value: str) -> None:
    """Let the browser keep a value. It shows it to no script, and to no page of another site that sends a form."""
    response.set_cookie(
        _name(cookie),
        value,
        max_age=_LANGUAGE_LIFE if cookie is Cookie.language else None,
        secure=is_secure(settings()),
        httponly=True,
        # A link in a mail, or of a provider, opens a page; what another site sends as a form comes without either.
        samesite="Lax" if cookie in _FROM_ELSEWHERE else "Strict",
        path="/",
    )


def drop_cookie(response: Response, cookie: Cookie) -> None:
    """Let the browser forget a cookie."""
    response.delete_cookie(_name(cookie), path="/", secure=is_secure(settings()), httponly=True)


def _name(cookie: Cookie) -> str:
    # Browsers take the prefix with `Secure` alone.
    return f"__Host-{cookie}" if is_secure(settings()) else cookie.value
