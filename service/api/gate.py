"""What every request passes before its view: size, transaction, sign-in, role.

The body is read before the transaction begins, so that a slow sender does not hold the database's write lock.
"""

from datetime import timedelta

from flask import Flask, current_app, request

from models.audit import ActorKind
from models.sync import attribute_to
from service.api.reads import READING_METHODS, only_reads
from service.api.scope import open_scope, route_of, settings
from service.db import begin, require_current_schema
from service.errors import ForbiddenError, UnauthenticatedError
from service.identity.roles import is_public, may_call
from service.identity.tokens import authenticate

# These work without a transaction, or in several of their own.
_WITHOUT_TRANSACTION = (
    "GET /health",
    "GET /health/worker",
    "GET /pages/pages.css",
    "GET /api/v1/openapi.json",
    "GET /api/v1/docs",
    "GET /api/v1/docs/{filename}",
)
IMPORT = "POST /api/v1/import"
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
    secret = None if is_public(route) else _bearer()
    _read_body(route)
    require_current_schema(current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy hides it
    current.reads = only_reads(route)
    session = begin(reads=current.reads, snapshot=_PREFIX_OF_SYNC in route or route == EXPORT)
    if secret is None:
        return
    idle = timedelta(minutes=settings().session_idle_minutes)
    current.principal = authenticate(session, secret, current.now, idle=idle)
    if not may_call(route, current.principal):
        raise ForbiddenError
    if current.principal.actor_kind is ActorKind.device and settings().wakes_devices:
        attribute_to(session, current.principal.actor_id)


def _bearer() -> str:
    """Return the token of the request. Raises UnauthenticatedError if there is none."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in _SCHEMES or not secret.strip():
        raise UnauthenticatedError
    return secret.strip()


def _read_body(route: str) -> None:
    if request.method in READING_METHODS:
        return
    if route == IMPORT:
        request.max_content_length = settings().max_import_bytes
    elif route.startswith(OF_PROVIDERS):
        request.max_content_length = min(MOST_OF_PROVIDERS, settings().max_body_bytes)
    elif _PREFIX_OF_SYNC in route:
        request.max_content_length = min(MOST_OF_PUSH, settings().max_body_bytes)
    request.get_data(cache=True)
