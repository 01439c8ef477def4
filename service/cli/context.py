"""What a command works with: the settings, the clock and sessions of the application that it was started from."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn, cast

import click
from flask import current_app
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session, sessionmaker

from config import Settings
from models import Practice
from models.engine import make_engine, make_session_factory
from models.isolation import see, through_doors
from models.migrate import is_current, is_known, revision_of
from models.row_security import may_see_all
from schedules.clock import Clock
from schedules.watch.judgement import Rhythm
from service.api.scope import CLOCK, SETTINGS
from service.care.monitoring import Monitoring

NOT_MIGRATED = "The database does not have the newest schema. Run: flask --app wsgi migrate"


def settings() -> Settings:
    """Return the application's settings."""
    return cast(Settings, current_app.extensions[SETTINGS])


def clock() -> Clock:
    """Return the application's clock."""
    return cast(Clock, current_app.extensions[CLOCK])


def monitoring() -> Monitoring:
    """Return how it is judged whether somebody would hear of an alert."""
    return Monitoring(clock(), Rhythm.of_seconds(poll=settings().poll_seconds, lease=settings().lease_seconds))


@contextmanager
def sessions(*, of_owner: bool = False) -> Iterator[sessionmaker[Session]]:
    """Yield a factory of sessions on the application's database. Ends the command if its schema is not current.

    `of_owner`: as the role that sees the rows of all practices; ends the command if row security binds it too.
    """
    known = settings()
    engine = make_engine((of_owner and known.database_owner_url) or known.database_url)
    try:
        with engine.connect().execution_options(reads=True) as connection:
            if of_owner and not may_see_all(connection):
                fail("Expected DATABASE_OWNER_URL with a role that may bypass row security, got one that it binds.")
            if not is_current(connection):
                refuse_later_schema(connection)
                fail(NOT_MIGRATED)
        yield make_session_factory(engine)
    finally:
        engine.dispose()


def refuse_later_schema(connection: Connection) -> None:
    """End the command if the database has a schema that this release knows nothing of: none of its migrations helps."""
    revision = revision_of(connection)
    if revision is not None and not is_known(revision):
        fail(f"The database has the schema {revision}, of a later release than this one. Use that release.")


def choose_practice(session: Session, slug: str | None) -> Practice:
    """Return the practice of that slug, or the only one there is without a slug, and have the session see its rows.

    Ends the command if there is none.
    """
    practices = list_practices(session)
    chosen = [practice for practice in practices if slug in (None, practice.slug)]
    if len(chosen) != 1:
        slugs = ", ".join(practice.slug for practice in practices) or "none"
        fail(f"Expected --practice with the slug of a practice; there are: {slugs}.")
    see(session, chosen[0].id)
    return chosen[0]


def list_practices(session: Session) -> Sequence[Practice]:
    """Return every practice, by slug."""
    with through_doors(session):
        return session.scalars(select(Practice).order_by(Practice.slug)).all()


def fail(message: str) -> NoReturn:
    """End the command with an error message and exit code 1."""
    raise click.ClickException(message)
