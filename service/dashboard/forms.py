"""Which forms are ours: each bears a token that is bound to the session, and comes from a page of this site.

The token is a keyed hash of the session's secret, so that it ends with the session. Before anybody signed in it is
bound to a random value that the sign-in page leaves in a cookie, so that nobody is signed in as somebody else.
"""

import hashlib
import hmac
import re
from typing import Final
from urllib.parse import urlsplit

from flask import request

from service.api.reads import READING_METHODS
from service.api.scope import route_of, settings
from service.dashboard.cookies import Cookie, read_cookie
from service.errors import ForbiddenError

FIELD: Final = "form"
PREFIX: Final = "/clinic"
SIGN_IN: Final = f"{PREFIX}/sign-in"
_LONGEST_PATH: Final = 500
_OWN_SITE: Final = ("same-origin", "none")
_LOCAL_PATH: Final = re.compile(rf"{PREFIX}(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?(?:\?[A-Za-z0-9._~%&=+,:-]*)?")


class ForeignFormError(ForbiddenError):
    """The form is not one that this session was shown, or it comes from another site."""

    code, title = "foreign_form", "This form is not from your present session. Load the page again."


def is_clinic(route: str) -> bool:
    """Return whether a route, such as GET /clinic/, is one of the dashboard's; the way there from GET / is too."""
    path = route.partition(" ")[2]
    return path == "/" or path.startswith(PREFIX)


def form_token(secret: str) -> str:
    """Return the token of forms that are shown to who holds a secret."""
    key = hmac.new(settings().seal_key, b"dashboard form", hashlib.sha256).digest()
    return hmac.new(key, secret.encode(), hashlib.sha256).hexdigest()


def refuse_foreign_form() -> None:
    """Raise ForeignFormError unless the request only looks, or sends a form of ours from a page of ours."""
    if request.method in READING_METHODS:
        return
    at_sign_in = route_of().partition(" ")[2].startswith(SIGN_IN)
    holder = read_cookie(Cookie.sign_in if at_sign_in else Cookie.session)
    sent = request.form.get(FIELD, "")
    if holder is None or not hmac.compare_digest(form_token(holder).encode(), sent.encode()) or not _is_from_here():
        raise ForeignFormError


def local_path(wanted: str | None) -> str:
    """Return the dashboard's page that somebody asked to go on with; its first page for anything else."""
    is_local = wanted is not None and len(wanted) <= _LONGEST_PATH and _LOCAL_PATH.fullmatch(wanted)
    return str(wanted) if is_local else f"{PREFIX}/"


def _is_from_here() -> bool:
    """Return whether the browser says that the request began here. Browsers that say nothing have the token alone."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    public = urlsplit(settings().public_url)
    own = (f"{public.scheme}://{public.netloc}", request.host_url.rstrip("/"))
    return (origin is None or origin in own) and (site is None or site in _OWN_SITE)
