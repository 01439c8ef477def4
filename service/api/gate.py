"""What every request passes before its view: size, transaction, sign-in, role.

The body is read before the transaction begins, so that a slow sender does not hold the database's write lock.
"""

from datetime import timedelta

from flask import Flask, current_app, request
from sqlalchemy.orm import Session

from models.sync import attribute_to
from service.api.reads import READING_METHODS, only_reads
from service.api.scope import now, open_scope, route_of, settings
from service.api.settle import record_wipe_order
from service.care.pictures import MOST_BYTES
from service.dashboard.cookies import Cookie, read_cookie
from service.dashboard.forms import is_clinic
from service.db import begin, require_fit_schema
from service.errors import RevokedDeviceError, UnauthenticatedError
from service.identity.caseload import limit_to_caseload
from service.identity.principal import Principal
from service.identity.roles import is_public, refuse_unless_may_call
from service.identity.service_accounts import authenticate_service, is_service_key
from service.identity.tokens import authenticate

# These work without a transaction, or in several of their own.
_WITHOUT_TRANSACTION = (
    "GET /",
    "GET /health",
    "GET /health/worker",
    "GET /pages/pages.css",
    "GET /clinic/files/{filename}",
    "GET /api/v1/openapi.json",
    "GET /api/v1/docs",
    "GET /api/v1/docs/{filename}",
)
IMPORT = "POST /api/v1/import"
PHOTO = "PUT /api/v1/wound-photos/{photo_id}"
EXPORT = "GET /api/v1/patients/{patient_id}/export"
OF_PROVIDERS = "POST /api/v1/providers/"
MOST_OF_PROVIDERS = 256 * 1024  # bytes: whoever calls is not known yet
MOST_OF_PUSH = 1024 * 1024  # bytes
_PREFIX_OF_SYNC = " /api/v1/sync/"
_SCHEMES = ("bearer", "token")  # PowerSync's client says Token


def install_gate(app: Flask) -> None:
    """Let every request of the application pass the gate."""
    app.before_request(_pass_gate)


def _pass_gate() -> None:
    current = open_scope()
    if request.routing_exception is not None:
        return
    route = route_of()
    if route in _WITHOUT_TRANSACTION:
        return
    secret = None if is_public(route) else _session_secret() if is_clinic(route) else _bearer()
    _read_body(route)
    require_fit_schema(current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy hides it
    current.reads = only_reads(route)
    session = begin(reads=current.reads, snapshot=_PREFIX_OF_SYNC in route or route == EXPORT)
    if secret is None:
        return
    current.principal = _authenticate(session, secret)
    if is_clinic(route) and current.principal.session is None:
        current.principal = None
        raise UnauthenticatedError  # a page is for people who signed in themselves
    refuse_unless_may_call(route, current.principal)
    current.opened = limit_to_caseload(session, current.principal, route, current.now)
    if current.principal.is_device and settings().wakes_devices:
        attribute_to(session, current.principal.actor_id)


def _authenticate(session: Session, secret: str) -> Principal:
    if is_service_key(secret):
        return authenticate_service(session, secret, now())
    try:
        return authenticate(session, secret, now(), idle=timedelta(minutes=settings().session_idle_minutes))
    except RevokedDeviceError as revoked:
        record_wipe_order(revoked)
        raise


def find_bearer() -> str | None:
    """Return the token that the request brings, or None."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() or None if scheme.lower() in _SCHEMES else None


def _bearer() -> str:
    """Return the token of the request. Raises UnauthenticatedError if there is none."""
    secret = find_bearer()
    if secret is None:
        raise UnauthenticatedError
    return secret


def _session_secret() -> str:
    """Return the secret of the browser's session. Raises UnauthenticatedError if there is none."""
    secret = read_cookie(Cookie.session)
    if secret is None:
        raise UnauthenticatedError
    return secret


def _read_body(route: str) -> None:
    if request.method in READING_METHODS:
        return
    if route == IMPORT:
        request.max_content_length = settings().max_import_bytes
    elif route == PHOTO:
        request.max_content_length = MOST_BYTES
    elif route.startswith(OF_PROVIDERS):
        request.max_content_length = min(MOST_OF_PROVIDERS, settings().max_body_bytes)
    elif _PREFIX_OF_SYNC in route:
        request.max_content_length = min(MOST_OF_PUSH, settings().max_body_bytes)
    request.get_data(cache=True)
    if request.content_length is None:
        request.stream.read(1)  # what is sent in chunks is cut at the limit without a word; who reads on gets the 413
