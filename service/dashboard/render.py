"""Turns what is known into pages. Every value is escaped by the templates; a page has no script or style of its own."""

import hashlib
from datetime import date
from functools import lru_cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from flask import Response, render_template, request
from markupsafe import Markup

from models import Practice, Staff
from models.people import StaffRole
from schedules.plan.kind_words import kind_name
from schedules.plan.vocabulary import Language, MilestoneKind
from service.api.scope import now, scope, settings
from service.care.break_glass import count_unreviewed
from service.dashboard.cookies import Cookie, put_cookie, read_cookie
from service.dashboard.forms import FIELD, PREFIX, form_token
from service.dashboard.words import age_on, day_words, instant_words, pod_words, say
from service.db import current_session
from service.identity.tokens import make_nonce
from service.pages.render import path_to

STATIC: Final = Path(__file__).parent / "static"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
FILES: Final = {
    "clinic.css": "text/css",
    "clinic.js": "text/javascript",
    "htmx.min.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "passkeys.js": "text/javascript",
}


def page(template: str, /, *, status: int = 200, **told: Any) -> Response:
    """Return a page. Whoever is signed in sees the way to the others; `told` is what the template shows."""
    response = Response(render_template(f"clinic/{template}", **(_around(status) | told)), status=status)
    response.headers["Content-Security-Policy"] = POLICY
    # Without it a browser would send its forms with the origin null.
    response.headers["Referrer-Policy"] = "same-origin"
    if request.args.get("language") in list(Language):
        put_cookie(response, Cookie.language, request.args["language"])
    return response


def sign_in_page(template: str, /, *, status: int = 200, **told: Any) -> Response:
    """Return a page of a sign-in. Its form is bound to a cookie, which it leaves if there is none."""
    begun = read_cookie(Cookie.sign_in) or make_nonce()
    response = page(template, status=status, form=form_token(begun), **told)
    if read_cookie(Cookie.sign_in) is None:
        put_cookie(response, Cookie.sign_in, begun)
    return response


def go_to(path: str) -> Response:
    """Return the answer that leads the browser to a page of the dashboard."""
    return Response(status=303, headers={"Location": urlsplit(settings().public_url).path + path})


def tell_script(told: dict[str, Any]) -> Response:
    """Return what a script of ours asked for."""
    response = Response(orjson.dumps(told), content_type="application/json")
    response.headers["Content-Security-Policy"] = POLICY
    return response


def language() -> Language:
    """Return the language that the reader chose now, or earlier, or else the browser's."""
    chosen = request.args.get("language") or read_cookie(Cookie.language)
    if chosen not in list(Language):
        chosen = request.accept_languages.best_match(list(Language))
    return Language.es if chosen == Language.es else Language.en


def _say_day(spoken: Language, today: date, on: date, *, year: bool = False, weekday: bool = True) -> str:
    """Return a day as it is said: with its year where the page wants it, or where it would be in doubt without."""
    return day_words(on, spoken, near=None if year else today, weekday=weekday)


def _around(status: int) -> dict[str, Any]:
    """Return what every page is made with."""
    spoken, principal, today = language(), scope().principal, now().date()
    signed_in = principal is not None and principal.session is not None
    secret = read_cookie(Cookie.session)
    told: dict[str, Any] = {
        "language": spoken.value,
        "say": partial(say, spoken),
        "day": partial(_say_day, spoken, today),
        "pod_words": lambda pod: pod_words(pod, spoken),
        "instant": lambda at, zone: instant_words(at, zone, spoken, near=today),
        "kind_name": lambda kind: kind_name(MilestoneKind(kind)).in_language(spoken),
        "age": age_on,
        "path_to": path_to,
        "prefix": urlsplit(settings().public_url).path,
        "file": _file_path,
        "other_language": _other_language(spoken),
        "field": FIELD,
        "form": form_token(secret) if signed_in and secret is not None else "",
        "me": None,
        "unreviewed": 0,
        "limited": signed_in and principal is not None and principal.own_caseload_only,
        "clinic": None,
        "now": now(),
        "here": request.path,
        "home": f"{PREFIX}/",
    }
    # When the database does not answer, the page that says so asks it nothing.
    if signed_in and principal is not None and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        session = current_session()
        told["me"] = session.get_one(Staff, (principal.practice_id, principal.actor_id))
        if principal.role in (StaffRole.practice_admin, StaffRole.auditor):
            told["unreviewed"] = count_unreviewed(session, principal.practice_id)
        told["clinic"] = session.get_one(Practice, principal.practice_id)
    return told


def _other_language(spoken: Language) -> Markup:
    other = Language.en if spoken is Language.es else Language.es
    return Markup(f"?language={other.value}")  # noqa: S704 - a code of ours


def _file_path(name: str) -> str:
    return path_to("clinic.show_file", filename=name, v=digest_of(name))


@lru_cache(maxsize=len(FILES))
def digest_of(name: str) -> str:
    """Return what changes with a file, so that browsers may keep it for long."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
