"""What it costs to know who calls: a phone reads its patient, beside the same route with an open door.

Run with `.venv/bin/python -m tests.bench.bench_sign_in`. The whole application answers in this process. For the open
half the gate is told who calls: no token is looked up and no role is asked; the practice's rows are all that it sees,
and its entry is written, as before. The product has no switch for it.
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

import pytest
from sqlalchemy.orm import Session

from models.engine import make_engine, make_session_factory
from models.isolation import see
from schedules.clock import SystemClock
from service.api import gate
from service.app import create_app
from service.db import db
from service.identity.principal import Principal
from service.identity.tokens import authenticate
from tests.bench.bench_audit import AT_ONCE, READS, enrolled, print_lines, reading, seconds_of
from tests.database import Databases, settings_for

IN_TURN = 20  # requests: short turns, since the difference is small beside what a busy disk adds


@contextlib.contextmanager
def with_an_open_door(caller: Principal) -> Iterator[None]:
    """Let every request be the caller's."""

    def known(session: Session, _secret: str, _now: datetime, **_: object) -> Principal:
        see(session, caller.practice_id)
        return caller

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate, "authenticate", known)
        patch.setattr(gate, "refuse_unless_may_call", lambda *_: None)
        yield


def caller_of(url: str, token: str) -> Principal:
    """Return who holds the token."""
    engine = make_engine(url)
    with make_session_factory(engine)() as session:
        caller = authenticate(session, token, SystemClock().now())
    engine.dispose()
    return caller


def compare(databases: Databases, kind: str) -> Iterator[str]:
    """Yield the line about one kind of database."""
    with databases.migrated(kind) as url, contextlib.ExitStack() as stack:
        phone = enrolled(url)
        open_door: Callable[[], contextlib.AbstractContextManager[None]] = partial(
            with_an_open_door, caller_of(url, phone.token)
        )
        app = create_app(settings_for(url))
        with app.app_context():
            stack.callback(db.engine.dispose)
        read = reading(app, phone)
        seconds_of(read, "200", count=AT_ONCE, without=open_door)  # statements are prepared by then
        ours, bare = seconds_of(read, "200", count=READS, at_once=IN_TURN, without=open_door)
        yield f"signed_in_{kind}: ratio {ours / bare:.2f} ({ours * 1e3:.2f} ms, {bare * 1e3:.2f} with an open door)"


if __name__ == "__main__":
    print_lines(compare)
