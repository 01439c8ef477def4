"""What one request carries along: the instant, the caller, and the patients whom its answer shows or changes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from flask import Request, current_app, g, request
from sqlalchemy.orm import Session

from config import Settings
from schedules.clock import Clock
from schedules.watch.judgement import Rhythm
from service.care.monitoring import Monitoring
from service.errors import UnauthenticatedError
from service.identity.principal import Principal

CLOCK = "recovery.clock"
SETTINGS = "recovery.settings"
_CONVERTER = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


@dataclass(slots=True)
class Scope:
    """The state of one request. `now` is read once, so that everything in it has one time.

    `reads`: its transaction takes no write lock, so that whatever it writes needs another one. `opened`: by patient,
    the access by which somebody outside of their caseload sees them. `leaves`: what a request that reads writes beside
    its audit entry. `is_replay`: the answer is that of an earlier request. `is_whole`: nothing was left undone that a
    repeat could do. `is_recorded`: its refusal stands in the audit trail already. `is_by_itself`: an open page asks
    without anybody, so that it keeps no session alive.
    """

    now: datetime
    clock: Clock
    began_ms: int
    reads: bool = False
    is_replay: bool = False
    is_whole: bool = True
    is_recorded: bool = False
    is_by_itself: bool = False
    principal: Principal | None = None
    patient_ids: set[str] = field(default_factory=set)
    about: dict[str, Any] = field(default_factory=dict)
    opened: Mapping[str, str] = field(default_factory=dict)
    leaves: list[Callable[[Session], None]] = field(default_factory=list)


def open_scope() -> Scope:
    """Begin the request's scope."""
    clock = cast(Clock, current_app.extensions[CLOCK])
    g.recovery_scope = Scope(now=clock.now(), clock=clock, began_ms=clock.monotonic_ms())
    return scope()


def scope() -> Scope:
    """Return the request's scope."""
    return cast(Scope, g.recovery_scope)


def find_scope() -> Scope | None:
    """Return the request's scope, or None if the request failed before it began."""
    return cast("Scope | None", g.get("recovery_scope"))


def now() -> datetime:
    """Return the instant of this request, aware, in UTC."""
    return scope().now


def caller() -> Principal:
    """Return who calls. Raises UnauthenticatedError on a route that nobody signed in to."""
    principal = scope().principal
    if principal is None:
        raise UnauthenticatedError
    return principal


def show(*patient_ids: str) -> None:
    """Note whose data this request shows or changes, for the audit trail."""
    scope().patient_ids.update(patient_ids)


def settings() -> Settings:
    """Return the application's settings."""
    return cast(Settings, current_app.extensions[SETTINGS])


def rhythm() -> Rhythm:
    """Return how often workers look for what is due, as it is set: by that their silence is judged."""
    return Rhythm.of_seconds(poll=settings().poll_seconds, lease=settings().lease_seconds)


def monitoring() -> Monitoring:
    """Return how it is judged whether somebody would hear of an alert."""
    return Monitoring(scope().clock, rhythm())


def route_of(req: Request = request) -> str:
    """Return method and template of the matched route, such as GET /api/v1/patients/{patient_id}; never the path."""
    rule = req.url_rule
    return _route(req.method, "?" if rule is None else rule.rule)


@lru_cache(maxsize=1024)
def _route(method: str, rule: str) -> str:
    return f"{'GET' if method == 'HEAD' else method} {template(rule)}"


@lru_cache(maxsize=512)
def template(rule: str) -> str:
    """Return a routing rule as the document writes it: `<id:patient_id>` becomes `{patient_id}`."""
    return _CONVERTER.sub(r"{\1}", rule)
