"""`flask backup FILE`, `flask backup verify FILE`: one sealed file a backup, and the proof that it can be restored."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from flask.cli import with_appcontext
from sqlalchemy import URL, Engine, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError

from config import environment_with
from config_values import database_url
from models import Practice, journal
from models.audit import ActorKind, AuditAction
from models.engine import make_engine, make_session_factory
from models.migrate import is_current, upgrade_within
from schedules.watch.trail import prove
from service.backup.contents import (
    back_up_postgresql,
    back_up_sqlite,
    load_postgresql,
    read_whole,
    unpack_sqlite,
)
from service.backup.errors import BackupError
from service.backup.manifest import Manifest, refuse_other_content
from service.backup.places import POSTGRESQL, SQLITE, Place, connected, place_of, refuse_bound, refuse_rows
from service.backup.server import clearing_statements, show_version, throwaway_database
from service.backup.sqlite import is_out_of_turn
from service.care.erasure_ledger import LedgerError
from service.cli.context import clock, fail, settings
from service.cli.house import HouseError, only_one_in

_FILE = click.Path(path_type=Path, dir_okay=False)
ROOM = ".recovery-backup"


class _MakesByDefault(click.Group):
    """`backup FILE` is short for `backup make FILE`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name, or the one that makes a backup."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["make", *args])


@click.group("backup", cls=_MakesByDefault)
def backup() -> None:
    """Make a backup into FILE, or verify one."""


@backup.command("make")
@click.argument("file", type=_FILE)
@with_appcontext
def make(file: Path) -> None:
    """Back the whole database up into the new, sealed FILE, while the service runs."""
    with told_in_a_line():
        place = open_place()
        _record(place)
        now = clock().now()
        if place.kind == SQLITE:
            with private_room(place.path.parent) as room:
                manifest = back_up_sqlite(place, file, room, now)
        else:
            manifest = back_up_postgresql(place, file, now)
    rows, size = sum(manifest.rows.values()), file.stat().st_size / 1e6
    print(f"Backed up {rows} rows in {len(manifest.rows)} tables, schema {manifest.schema}: {file} ({size:.1f} MB)")


@backup.command("verify")
@click.argument("file", type=_FILE)
@click.option("--into", help="An empty PostgreSQL database to restore into; without it one is made and dropped.")
@with_appcontext
def verify(file: Path, into: str | None) -> None:
    """Restore FILE where nobody is served from, and compare: rows, schema, integrity, the chains of the audit trail.

    Exit code 0: all is well. 1: it cannot be restored, or a chain is broken.
    """
    with told_in_a_line():
        place = open_place()
        with _tried(file, place, into) as (address, manifest):
            broken = _prove_trails(address)
    rows = sum(manifest.rows.values())
    print(f"Verified {rows} rows in {len(manifest.rows)} tables of {manifest.made_at:%Y-%m-%d %H:%M} UTC: as they were")
    if broken:
        fail(f"{broken} faults in the audit trail, which were there when the backup was made: docs/audit.md")


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """End the command with one line for whatever a backup or a restore is refused for."""
    try:
        yield
    except (BackupError, LedgerError) as error:
        fail(f"Nothing was changed: {error}.")
    except HouseError as error:
        fail(f"Nothing was changed: {error}.")
    except (ArgumentError, ValueError):
        fail("Nothing was changed: expected an address such as postgresql://USER@HOST/NAME.")
    except DBAPIError as error:
        if is_out_of_turn(error.orig):
            fail("Nothing was changed: expected a turn to write, got a database that others wrote to for a minute.")
        # The database's own words may hold a row, so only the kind of fault is told.
        fail(f"Nothing was changed: the database answered with {type(error.orig or error).__name__}.")
    except OSError as error:
        fail(f"Nothing was changed: {type(error).__name__} ({error.strerror}).")


def open_place() -> Place:
    """Return the clinic's database. Raises BackupError without a key of backups, and for a role that sees a part."""
    place = place_of(settings(), environment_with({}))
    if place.kind == POSTGRESQL:
        with connected(place.address) as connection:
            refuse_bound(connection)
    return place


@contextmanager
def private_room(beside: Path) -> Iterator[Path]:
    """Yield an empty folder for this user alone, on the database's own disk. It is emptied afterwards."""
    room = beside / ROOM
    with only_one_in(room):
        _empty(room)  # of a run that was killed
        try:
            yield room
        finally:
            _empty(room)
            room.rmdir()


def _empty(room: Path) -> None:
    for each in room.iterdir():
        each.unlink()


def _record(place: Place) -> None:
    """Enter the backup into each clinic's trail, before it is made: it hands out all there is."""
    with closing_engine(place.address) as engine, make_session_factory(engine)() as session:
        if not is_current(session.connection()):
            return  # one is made before a migration: that database has its own form of the trail
        for practice in session.scalars(select(Practice)):
            act = journal.Act(ActorKind.command, None, AuditAction.read, "flask backup")
            journal.append(session, practice.id, act, clock().now())
        session.commit()


@contextmanager
def closing_engine(address: str) -> Iterator[Engine]:
    """Yield an engine with all the time it needs, for as long as it is needed."""
    engine = make_engine(address, unhurried=True)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _tried(file: Path, place: Place, into: str | None) -> Iterator[tuple[str, Manifest]]:
    """Yield the address of a database that was restored for a look, with the newest schema, and what it should be."""
    if place.kind == SQLITE and into is None:
        with TemporaryDirectory(prefix="recovery-verify-") as folder:
            copy = Path(folder) / "verified.sqlite3"
            manifest = unpack_sqlite(file, place.key, copy)
            _bring_up(f"sqlite:///{copy}", manifest)
            yield f"sqlite:///{copy}", manifest
        return
    manifest = read_whole(file, place.key, POSTGRESQL)
    with throwaway_database(place.url) if into is None else _lent_database(into) as url:
        there = replace(place, url=url)
        load_postgresql(file, there)
        _bring_up(there.address, manifest)
        yield there.address, manifest


@contextmanager
def _lent_database(address: str) -> Iterator[URL]:
    """Yield the address of an empty database that somebody named, and empty it afterwards."""
    url = make_url(database_url(address))
    with connected(url.render_as_string(hide_password=False)) as connection:
        refuse_rows(connection)
    try:
        yield url
    finally:
        with closing_engine(url.render_as_string(hide_password=False)) as engine, engine.begin() as connection:
            connection.exec_driver_sql(clearing_statements(connection) or "SELECT 1")


def _bring_up(address: str, manifest: Manifest) -> None:
    """Hold what was restored against its manifest, and bring it to the newest schema."""
    with closing_engine(address) as engine, engine.begin() as connection:
        show_version(connection)
        refuse_other_content(connection, manifest)
        upgrade_within(connection)


def _prove_trails(address: str) -> int:
    """Return how many faults the audit trails of all clinics have."""
    with closing_engine(address) as engine:
        make_session = make_session_factory(engine)
        with make_session() as session:
            practice_ids = session.scalars(select(Practice.id).order_by(Practice.id)).all()
        return sum(prove(make_session, each).broken for each in practice_ids)


COMMANDS = (backup,)
