"""Wake-ups: a stream of server-sent events, and a long poll. Neither carries data, only that there is some.

A stream ends within a minute, so that a token that was revoked ends too; clients open it again and pull.
"""

from collections.abc import Iterator
from typing import Any, Final

from flask import Response, current_app
from marshmallow import Schema, fields

from schedules.clock import Clock
from service.api.fields import QueryWhole
from service.api.resource import Resource
from service.api.scope import caller, scope
from service.db import current_session
from service.identity.principal import Principal
from service.sync.bodies import answer
from service.sync.cursor import read_top, span_from
from service.sync.queries import Cursor
from service.sync.wake import Wakes

WAKES: Final = "recovery.sync_wakes"
LONGEST_SECONDS: Final = 50
_PING_SECONDS: Final = 15
OPENED: Final = b"retry: 2000\n: open\n\n"
STILL_HERE: Final = b": still here\n\n"
_RESYNC: Final = b"data: RESYNC\n\n"
_BUSY_RETRY: Final = b"retry: 15000\n"

events = Resource("sync-events", "Wake-ups for apps that synchronise.")


class WaitQuery(Schema):
    """From which place on, and for how long."""

    cursor = Cursor(load_default=0)
    seconds = QueryWhole(0, LONGEST_SECONDS, load_default=25)


class Waited(Schema):
    """Whether something of the caller's may have changed since."""

    changed = fields.Boolean(required=True)
    timestamp = fields.Integer(required=True)


@events.get("/sync/events")
@events.alt_response(200, success=True, content_type="text/event-stream", description="`data: RESYNC` on a change.")
def stream_changes() -> Response:
    """Hold a stream of server-sent events, and say RESYNC whenever something of the caller's changed."""
    return resync_stream(ends_on_change=False)


@events.get("/sync/wait")
@events.arguments(WaitQuery, location="query")
@events.alt_response(200, schema=Waited, success=True)
def wait_for_change(query: dict[str, Any]) -> Response:
    """Answer as soon as something of the caller's changed after `cursor`, or after so many seconds."""
    session, who = current_session(), caller()
    top = read_top(session, who.practice_id)
    span = span_from(query["cursor"], top)
    session.rollback()
    if span.is_replaced or span.since < top.revision:
        return answer({"changed": True, "timestamp": top.to_wire()})
    with _wakes().wait_for(who, top.revision) as waiting:
        changed = waiting is not None and waiting.changed.wait(query["seconds"])
    return answer({"changed": changed, "timestamp": top.to_wire()})


def resync_stream(*, ends_on_change: bool) -> Response:
    """Return a stream for the caller. `ends_on_change`: for clients that take the end of a stream as the sign."""
    session, who = current_session(), caller()
    top = read_top(session, who.practice_id)
    body = _events(_wakes(), who, top.revision, scope().clock, ends_on_change=ends_on_change)
    response = Response(body, content_type="text/event-stream; charset=utf-8")
    response.headers["X-Accel-Buffering"] = "no"
    return response


def sent_away(*, ends_on_change: bool) -> bytes:
    """Return the whole stream of a client for whom there is no place: when to come again, and to pull now.

    A client that takes the end as the sign to pull reads whatever an event holds as documents, so it gets none.
    """
    return _BUSY_RETRY + (b"\n" if ends_on_change else _RESYNC)


def _wakes() -> Wakes:
    wakes: Wakes = current_app.extensions[WAKES]
    return wakes


def _events(wakes: Wakes, who: Principal, revision: int, clock: Clock, *, ends_on_change: bool) -> Iterator[bytes]:
    end_ms = clock.monotonic_ms() + LONGEST_SECONDS * 1000
    with wakes.wait_for(who, revision) as waiting:
        if waiting is None:
            yield sent_away(ends_on_change=ends_on_change)
            return
        yield OPENED
        while (left_ms := end_ms - clock.monotonic_ms()) > 0:
            if waiting.changed.wait(min(_PING_SECONDS, left_ms / 1000)):
                waiting.changed.clear()
                if ends_on_change:
                    return
                yield _RESYNC
            else:
                yield STILL_HERE
