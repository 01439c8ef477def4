"""The database of the web process: one engine an application, one session a request, and how its transaction begins.

Knows no table. The schema is compared with the newest migration once; until it matches, nothing but health and docs is
answered. Of the requests that may write only a few have a transaction at a time: more would queue for the clock of
their practice, or for SQLite's one lock, until the database gives up on them.
"""

import logging
from functools import cached_property
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from flask import Flask, current_app, g
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import SessionTransaction

from models.base import Base
from models.engine import begin_reads, engine_options, install
from models.migrate import is_fit
from models.row_security import find_unbound_role
from service.errors import UnavailableError
from service.logs import log_event

SCHEMA_CHECKED = "recovery.schema_checked"
TURNS = "recovery.turns"
WRITERS = 4  # transactions of one process that may write, at a time
TURN_SECONDS = 20.0  # that a request waits for its turn
CONNECTIONS, POOLED = 32, 5  # of one process at most, since each busy thread has one, and of those that stay open


class OneDatabaseSession(Session):
    """A session all of whose tables are in one database: it need not be looked up for each statement which."""

    @cached_property
    def _engine(self) -> Engine:
        return db.engine

    def get_bind(self, mapper: Any = None, clause: Any = None, bind: Any = None, **_: Any) -> Engine | Connection:
        """Return `bind`, or the engine of the application that the session was made in."""
        return self._engine if bind is None else bind


db = SQLAlchemy(
    metadata=Base.metadata,
    session_options={"class_": OneDatabaseSession, "autoflush": False, "expire_on_commit": False},
)


class UnboundRoleError(RuntimeError):
    """The role that the service works as on PostgreSQL is one that row security does not bind."""


class StaleSchemaError(RuntimeError):
    """The database was not migrated to the schema that this version of the service needs."""


def init_database(app: Flask, url: str) -> None:
    """Give the application its engine, with the same settings as the worker's."""
    app.config["SQLALCHEMY_DATABASE_URI"] = _absolute(url)
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = _options(url)
    app.extensions[SCHEMA_CHECKED] = False
    app.extensions[TURNS] = BoundedSemaphore(WRITERS)
    app.teardown_request(_end_turn)
    db.init_app(app)
    with app.app_context():
        install(db.engine)


def current_session() -> Session:
    """Return the session of this request or command. Whatever is not committed is rolled back at its end."""
    return db.session()


def begin(*, reads: bool, snapshot: bool = False) -> Session:
    """Begin the request's transaction and return its session.

    A transaction that may write takes SQLite's write lock at once: an upgrade after a read would fail. `snapshot`: one
    that reads sees the database at one moment.
    Raises UnavailableError if it may write and others do for too long.
    """
    session = current_session()
    if reads:
        begin_reads(session, snapshot=snapshot)
    else:
        _take_turn()
        session.connection()
    return session


def _take_turn() -> None:
    if "recovery_turn" in g:
        return
    turns: BoundedSemaphore = current_app.extensions[TURNS]
    if not turns.acquire(timeout=TURN_SECONDS):
        log_event("writers_busy", level=logging.WARNING)
        raise UnavailableError
    g.recovery_turn = turns


def _end_turn(_error: BaseException | None = None) -> None:
    turns: BoundedSemaphore | None = g.pop("recovery_turn", None)
    if turns is not None:
        turns.release()


@event.listens_for(db.session, "after_transaction_end")
def _end_turn_with_transaction(_session: Session, transaction: SessionTransaction) -> None:
    # A request may go on without one, to hash a password say, which takes long. Nested ones end before their parent.
    if transaction.parent is None:
        _end_turn()


def _options(url: str) -> dict[str, Any]:
    options = engine_options(url)
    has_queue = "pool_timeout" in options  # a database in memory has one connection
    return options | ({"max_overflow": CONNECTIONS - POOLED, "pool_size": POOLED} if has_queue else {})


def refuse_stale_schema(app: Flask) -> None:
    """Raise StaleSchemaError if the database answers, with a schema that is not for this release.

    An unreachable one is not judged.
    """
    try:
        fit = schema_is_fit(app)
    except DBAPIError:
        return
    if not fit:
        with app.app_context():
            db.engine.dispose()
        raise StaleSchemaError(
            "The database has neither the newest schema nor a later one that serves this release. "
            "Run: flask --app wsgi migrate"
        )


def refuse_unbound_role(app: Flask, *, only_warn: bool) -> None:
    """Raise UnboundRoleError if row security does not bind the database role. An unreachable one is not judged."""
    try:
        with app.app_context(), db.engine.connect().execution_options(reads=True) as connection:
            unbound = find_unbound_role(connection)
    except DBAPIError:
        return
    if unbound is None:
        return
    if only_warn:
        log_event("role_not_bound", level=logging.WARNING, why=unbound)
        return
    with app.app_context():
        db.engine.dispose()
    raise UnboundRoleError(unbound)


def require_fit_schema(app: Flask) -> None:
    """Raise UnavailableError unless the schema is known to be for this release. Asks the database until it once was."""
    if not schema_is_fit(app):
        raise UnavailableError(retry_after_seconds=30)


def schema_is_fit(app: Flask) -> bool:
    """Return whether the database's schema is for this release; asks only until the answer was yes."""
    if not app.extensions[SCHEMA_CHECKED]:
        with app.app_context(), db.engine.connect().execution_options(reads=True) as connection:
            app.extensions[SCHEMA_CHECKED] = is_fit(connection)
    return bool(app.extensions[SCHEMA_CHECKED])


def _absolute(url: str) -> str:
    """Return `url` with a SQLite path made absolute: Flask-SQLAlchemy would look for it in a folder of its own."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database is None:
        return url
    return parsed.set(database=str(Path(parsed.database).resolve())).render_as_string(hide_password=False)
