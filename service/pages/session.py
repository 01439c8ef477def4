"""The half hour after a link was opened: a signed cookie that is bound to the link, and the tokens of the page's forms.

Nothing is stored: what is signed carries its own end, judged by the request's clock.
"""

import hashlib
import hmac
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Response, request
from itsdangerous import BadSignature, URLSafeSerializer

from config import Settings
from config_rules import LOOPBACK_HOSTS
from models import MessageLink
from service.identity.tokens import hash_secret

SESSION_LIFE = timedelta(minutes=30)
FORM_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LinkSession:
    """Which link was opened, and until which second of Unix time that counts. `token` is the hash of its secret."""

    practice_id: str
    link_id: str
    token: str
    until: int


@dataclass(frozen=True, slots=True)
class Form:
    """What a form on a page was made for, so that no other site can send it: `id` names what it will store."""

    token: str
    id: str
    made_at: int


def mark_of(token: str) -> str:
    """Return what stands for a link's secret in cookies and forms: its hash."""
    return hash_secret(token).hex()


def is_secure(settings: Settings) -> bool:
    """Return whether cookies are for encrypted connections only: always, but for a trial on one machine."""
    url = urlsplit(settings.public_url)
    return url.scheme == "https" or url.hostname not in LOOPBACK_HOSTS


def start_session(response: Response, settings: Settings, link: MessageLink, *, token: str, now: datetime) -> None:
    """Let the browser show the message of a link for the next half hour."""
    session = LinkSession(link.practice_id, link.id, mark_of(token), int((now + SESSION_LIFE).timestamp()))
    response.set_cookie(
        _cookie_name(settings),
        _signer(settings, "session").dumps(asdict(session)),
        max_age=SESSION_LIFE,
        secure=is_secure(settings),
        httponly=True,
        samesite="Strict",
        path="/",
    )


def find_session(settings: Settings, *, token: str, now: datetime) -> LinkSession | None:
    """Return the session of this link that the request's cookie proves, or None."""
    told = _read(settings, "session", request.cookies.get(_cookie_name(settings), ""))
    if told is None:
        return None
    session = LinkSession(**told)
    is_live = session.token == mark_of(token) and session.until > now.timestamp()
    return session if is_live else None


def sign_form(settings: Settings, purpose: str, form: Form) -> str:
    """Return the token of a form for `purpose`."""
    return _signer(settings, purpose).dumps(asdict(form))


def find_form(settings: Settings, purpose: str, *, token: str, now: datetime) -> Form | None:
    """Return what the form that was sent was made for; None if it was not ours, of another link, or too old."""
    told = _read(settings, purpose, request.form.get("form", ""))
    # A browser tells where a request began; what another site began is no form of ours.
    if told is None or request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return None
    form = Form(**told)
    is_live = form.token == mark_of(token) and now.timestamp() < form.made_at + FORM_LIFE.total_seconds()
    return form if is_live else None


def _cookie_name(settings: Settings) -> str:
    # Browsers take the prefix with `Secure` alone.
    return "__Host-message" if is_secure(settings) else "message"


def _read(settings: Settings, purpose: str, signed: str) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = _signer(settings, purpose).loads(signed)
    except BadSignature:
        return None
    return told


def _signer(settings: Settings, purpose: str) -> URLSafeSerializer:
    key = hmac.new(settings.seal_key, b"message page", hashlib.sha256).digest()
    return URLSafeSerializer(key, salt=purpose, signer_kwargs={"digest_method": hashlib.sha256})
