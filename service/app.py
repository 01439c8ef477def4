"""The web application: the only wiring of settings, keys, database, gate, errors, resources and commands."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import click
import orjson
from flask import Flask, Response, request
from flask.json.provider import JSONProvider

from config import Settings
from models import journal, private
from models.engine import make_session_factory
from schedules.clock import Clock, SystemClock
from service.api.delivery_health import worker_health
from service.api.document import install_document
from service.api.gate import install_gate
from service.api.health import health
from service.api.problems import install_problems
from service.api.routes import RESOURCES
from service.api.scope import CLOCK, SETTINGS, find_scope, route_of, settings
from service.cli import register_commands
from service.dashboard.views import install_dashboard
from service.db import db, init_database, refuse_stale_schema, refuse_unbound_role
from service.logs import configure_logs, log_event
from service.pages.calendar import install_calendar
from service.pages.views import install_pages
from service.rate_limits import install_rate_limits
from service.sync.events import WAKES
from service.sync.wake import Wakes

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
# What a page or file of ours may say otherwise.
_OF_THE_PAGE = ("Content-Security-Policy", "Referrer-Policy", "Cache-Control")
_HSTS_SECONDS = 365 * 24 * 3600

_ASKED_OFTEN = ("GET /health", "GET /health/worker")


class Orjson(JSONProvider):
    """JSON by orjson."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Return `obj` as JSON text."""
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Return the value of a JSON text."""
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a response whose body is the argument as JSON."""
        return Response(orjson.dumps(self._prepare_response_obj(args, kwargs)), mimetype="application/json")


class Application(Flask):
    """Flask, which would write an exception's text and the request's path to the log."""

    json_provider_class = Orjson

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return `func`: nothing here is a coroutine, which Flask would ask of each function at each request."""
        return func

    def log_exception(self, exc_info: Any) -> None:
        """Log the class of an exception that no handler took."""
        log_event("fault", level=logging.ERROR, error=exc_info[1])


def create_app(settings: Settings, clock: Clock | None = None) -> Flask:
    """Return the application, ready to serve, or for a command.

    Raises StaleSchemaError if the database's schema is not for this release, and UnboundRoleError if row security does
    not bind its role where patients reach the service, unless a command is what will run.
    """
    configure_logs(settings.log_level)
    private.set_key(settings.seal_key, former=settings.seal_former_keys)
    journal.set_key(settings.audit_key, former=settings.audit_former_keys)
    app = Application(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    # Nobody signs in from a browser page of another origin, so there is nothing to tell one by OPTIONS.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    app.extensions[CLOCK] = clock or SystemClock()
    app.extensions[SETTINGS] = settings
    init_database(app, settings.database_url)
    with app.app_context():
        app.extensions[WAKES] = Wakes(make_session_factory(db.engine), most=settings.web_threads // 2)
    _install_web(app)
    register_commands(app)
    if click.get_current_context(silent=True) is None:
        refuse_stale_schema(app)
        refuse_unbound_role(app, only_warn=not settings.reaches_patients)
    return app


def _install_web(app: Flask) -> None:
    install_rate_limits(app)
    install_pages(app)
    install_calendar(app)
    install_gate(app)
    install_problems(app)
    install_document(app, RESOURCES)
    install_dashboard(app)
    app.add_url_rule("/health", view_func=health)
    app.add_url_rule("/health/worker", view_func=worker_health)
    app.after_request(_add_headers)
    app.after_request(_log_request)


def _add_headers(response: Response) -> Response:
    if settings().reaches_patients:
        response.headers["Strict-Transport-Security"] = f"max-age={_HSTS_SECONDS}"
    for name, value in _HEADERS.items():
        if name not in _OF_THE_PAGE or name not in response.headers:
            response.headers[name] = value
    return response


def _log_request(response: Response) -> Response:
    current = find_scope()
    principal = current.principal if current is not None else None
    route = route_of(request)
    log_event(
        "request",
        # A monitor asks every few seconds; only its failures are news.
        level=logging.DEBUG
        if route in _ASKED_OFTEN and response.status_code < HTTPStatus.BAD_REQUEST
        else logging.INFO,
        route=route,
        status=response.status_code,
        duration_ms=None if current is None else current.clock.monotonic_ms() - current.began_ms,
        practice_id=principal.practice_id if principal else None,
        actor_id=principal.actor_id if principal else None,
    )
    return response
