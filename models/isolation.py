"""Whose rows a transaction sees: on PostgreSQL row security admits those of the one practice that it names.

A transaction that names none sees no row. The doors are what leads to a practice before it is known which: whose a
secret is, where something is due, whose clock moved. Through them every row of a few tables without patients' data can
be read, and none written (see `models.row_security`). The name ends with its transaction, so that none is left on a
connection for the next who borrows it. SQLite has no row security: there the conditions of the statements stand alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, String, bindparam, event, func, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, SessionTransaction, sessionmaker

from models.engine import begin_reads
from models.prepared import Prepared, run_text

SETTING: Final = "app.practice"
DOORS: Final = "*"
NOBODY: Final = ""
_NAMED = "practice_named"  # by the session, for each of its transactions
_TOLD = "practice_told"  # to the database last
_TELL = Prepared(select(func.set_config(SETTING, bindparam("practice", type_=String), true())))


def see(session: Session, practice_id: str) -> None:
    """Have the session see the rows of one practice: in its present transaction, from here on, and in later ones."""
    session.info[_NAMED] = practice_id
    if not _is_guarded(session) or not session.in_transaction() or session.info.get(_TOLD) == practice_id:
        return
    connection = session.connection()
    if session.info.get(_TOLD) != practice_id:  # a transaction that has begun just now was told already
        _tell(session, connection)


@contextmanager
def through_doors(session: Session) -> Iterator[None]:
    """Have the session see through the doors within the block, and after it what it saw before."""
    before = session.info.get(_NAMED, NOBODY)
    see(session, DOORS)
    try:
        yield
    except BaseException:
        session.info[_NAMED] = before  # for later transactions: nothing more can be told to one that has failed
        raise
    see(session, before)


class Door:
    """Leads to the practice of the row that bears a key, which is unique among the rows of all practices."""

    def __init__(self, whose: InstrumentedAttribute[str], key: InstrumentedAttribute[Any]) -> None:
        self._enter = Prepared(select(func.set_config(SETTING, whose, true())).where(key == bindparam("key")))

    def enter(self, session: Session, key: str | bytes) -> None:
        """Have the session see the practice whose row bears the key; no row, if there is none."""
        if not _is_guarded(session):
            return
        see(session, DOORS)
        found = self._enter.rows(session.connection(), {"key": key})
        if found:
            session.info[_NAMED] = session.info[_TOLD] = found[0][0]
        else:
            see(session, NOBODY)


@contextmanager
def in_practice(make_session: sessionmaker[Session], practice_id: str) -> Iterator[Session]:
    """Yield a session in a transaction that sees one practice; committed in the end."""
    with make_session() as session:
        see(session, practice_id)
        with session.begin():
            yield session


@contextmanager
def reading_practice(
    make_session: sessionmaker[Session], practice_id: str, *, snapshot: bool = False
) -> Iterator[Session]:
    """Yield a session whose transaction only reads, and sees one practice.

    `snapshot`: all of its statements see the database at one moment.
    """
    with make_session() as session:
        see(session, practice_id)
        begin_reads(session, snapshot=snapshot)
        yield session


def write_after_reads(session: Session, *, keeps_plans: bool = False) -> None:
    """End the transaction of a session that has only read, and begin one that may write on the same connection.

    Nothing that was read is known any more, nothing that was to be stored is. To give the connection back and take it
    again would cost as much as ten statements, on PostgreSQL a look at whether it is alive too.

    `keeps_plans`: where the database itself lets nothing be written, PostgreSQL's driver goes on knowing what it has
    prepared, which a rollback makes it forget. Planned without their values, statements find one patient's rows as
    well, but not those of a panel.
    """
    connection, transaction = session.connection(), session.get_transaction()
    session.expunge_all()
    session.dispatch.after_soft_rollback(session, transaction)
    if keeps_plans and connection.get_execution_options().get("postgresql_readonly", False):
        run_text(connection, "COMMIT")
    else:
        connection.connection.rollback()
    if connection.dialect.name == "sqlite":
        run_text(connection, "BEGIN IMMEDIATE")
        return
    dialect: Any = connection.dialect
    dialect.reset_isolation_level(connection.connection.dbapi_connection)
    dialect.set_readonly(connection.connection.dbapi_connection, False)
    if _NAMED in session.info:
        _tell(session, connection)


@contextmanager
def reading_doors(make_session: sessionmaker[Session]) -> Iterator[Session]:
    """Yield a session whose transaction only reads, and sees through the doors."""
    with reading_practice(make_session, DOORS) as session:
        yield session


@event.listens_for(Session, "after_begin")
def _tell_new(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    if _NAMED in session.info and connection.dialect.name == "postgresql":
        _tell(session, connection)


def _tell(session: Session, connection: Connection) -> None:
    practice_id = session.info[_NAMED]
    _TELL.run(connection, {"practice": practice_id})
    session.info[_TOLD] = practice_id


def _is_guarded(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
