"""The one place where an engine is made: SQLite pragmas, PostgreSQL timeouts, how a transaction begins.

SQLite: WAL, foreign keys, `synchronous=FULL`, a busy timeout, and `BEGIN IMMEDIATE` for every transaction that may
write, since an upgrade from a read fails at once. A connection with the execution option `reads` set begins with a
plain `BEGIN`.
"""

import contextlib
import os
import sqlite3
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Dialect, Engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from models.prepared import run_text

BUSY_TIMEOUT_MS = 5_000
UNHURRIED_TRIES = 60_000  # to begin a transaction on SQLite, a millisecond apart
POOL_TIMEOUT_SECONDS = 2  # who finds every connection in use is told to come again, not kept waiting
POSTGRESQL_TIMEOUTS = {
    "lock_timeout": "2s",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "5s",
}


def make_engine(url: str, *, unhurried: bool = False, **options: Any) -> Engine:
    """Return an engine for `url` with our settings for its database.

    `unhurried` waits for PostgreSQL however long a statement takes, and a minute for a turn to write on SQLite: for
    migrations, backups and copies.
    Raises ValueError for a database that is neither SQLite nor PostgreSQL.
    """
    engine = sqlalchemy.create_engine(url, **engine_options(url, unhurried=unhurried), **options)
    install(engine, unhurried=unhurried)
    return engine


def engine_options(url: str, *, unhurried: bool = False) -> dict[str, Any]:
    """Return the keyword arguments of `create_engine` for `url`. Pass the engine to `install` afterwards.

    Raises ValueError for a database that is neither SQLite nor PostgreSQL.
    """
    # A parameter in an error message would carry a patient's name into the log.
    options: dict[str, Any] = {"hide_parameters": True}
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            options["pool_timeout"] = POOL_TIMEOUT_SECONDS
        return options
    if parsed.get_backend_name() != "postgresql":
        raise ValueError(f"expected a sqlite or postgresql database URL, got {parsed.get_backend_name()}")
    settings = {} if unhurried else POSTGRESQL_TIMEOUTS
    return options | {
        "pool_pre_ping": True,
        "pool_timeout": POOL_TIMEOUT_SECONDS,
        "isolation_level": "READ COMMITTED",
        "connect_args": {
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            "connect_timeout": 5,
            # A network that swallows everything is noticed within five seconds, whoever waits for whom.
            "keepalives_idle": 2,
            "keepalives_interval": 1,
            "keepalives_count": 3,
            "tcp_user_timeout": 5_000,
        },
    }


def install(engine: Engine, *, unhurried: bool = False) -> None:
    """Add our connection and transaction events to an engine, once."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", _keep_private)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite_in_the_end if unhurried else _begin_sqlite)
    elif not unhurried:
        # Its driver takes a moment to load, which those without PostgreSQL need not wait for.
        event.listen(engine, "do_connect", import_module("models.postgresql").connect)


def make_session_factory(engine: Engine) -> sessionmaker[Session]:
    """Return a factory of sessions that flush only when told or at commit, and whose rows stay readable after it."""
    return sessionmaker(engine, autoflush=False, expire_on_commit=False)


def begin_reads(session: Session, *, snapshot: bool = False) -> None:
    """Begin the session's transaction as one that only reads. Call it before anything else.

    `snapshot`: all of its statements see the database at one moment, as SQLite's always do.
    """
    options: dict[str, Any] = {"reads": True}
    if snapshot and session.get_bind().dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    session.connection(execution_options=options)


def scrub(engine: Engine) -> None:
    """Have SQLite's log hold nothing any more of what was taken away, unless somebody is reading: then later.

    PostgreSQL gives such space free by itself, see docs/privacy.md.
    """
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _keep_private(_dialect: Dialect, _record: ConnectionPoolEntry, places: list[str], options: dict[str, Any]) -> None:
    """Make a new database a file of its owner alone, whatever the umask is: SQLite gives its log the same mode."""
    place = places[0]
    if place not in ("", ":memory:") and not options.get("uri"):
        with contextlib.suppress(OSError):  # is there already, or cannot be: SQLite says so better
            os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # The driver would open transactions by itself, and only before writes: reads would have no snapshot.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")  # what is taken away is overwritten, not just given free
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get("reads", False)
    run_text(connection, "BEGIN" if reads else "BEGIN IMMEDIATE")


def _begin_sqlite_in_the_end(connection: Connection) -> None:
    """Begin beside a writer who never pauses: SQLite has no queue, and by itself asks ten times a second."""
    run_text(connection, "PRAGMA busy_timeout=0")
    try:
        for left in reversed(range(UNHURRIED_TRIES)):
            try:
                _begin_sqlite(connection)
            except DBAPIError as error:
                if left == 0 or getattr(error.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
                    raise
            else:
                return
            time.sleep(0.001)
    finally:
        run_text(connection, f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
