"""`flask restore FILE` and `flask restored`: a backup takes the place of the database, which is then fit to be served.

On SQLite all is done in a file beside, which takes the old one's place at the very end. On PostgreSQL the rows come in
one transaction and the after-care in a second; until that has committed the database has no schema version, so that
nothing serves it, and `flask restored` goes on from there.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from types import MappingProxyType

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.engine import scrub
from models.migrate import is_current, upgrade_within
from schedules.database_time import read_now
from service.backup.after_care import CaredFor, Restored, take_care
from service.backup.contents import load_postgresql, read_whole, unpack_sqlite
from service.backup.manifest import epochs_in
from service.backup.places import POSTGRESQL, SQLITE, Place, connected, refuse_rows, refuse_running
from service.backup.server import is_unfinished, show_version
from service.backup.sqlite import put_in_place, refuse_if_in_use, settle
from service.care.erasure_ledger import read_ledger
from service.cli.backup import closing_engine, open_place, private_room, told_in_a_line
from service.cli.context import NOT_MIGRATED, clock, fail, settings

NOTHING: Mapping[str, int] = MappingProxyType({})
_STAMP = "%Y%m%dT%H%M%SZ"


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--replace", "replaces", is_flag=True, help="Let go of the rows that the database holds.")
@click.option("--force", "forced", is_flag=True, help="Although a worker ticked lately, or somebody is connected.")
@with_appcontext
def restore(file: Path, replaces: bool, forced: bool) -> None:  # noqa: FBT001 - options
    """Let the backup in FILE take the place of the database. Stop web and worker first.

    Afterwards every phone, session, token, code and link has ended, and messages that may have gone out since the
    backup are held: flask held list.
    """
    with told_in_a_line():
        place = open_place()
        epochs = _look(place, replaces=replaces, forced=forced)
        done = (_restore_sqlite if place.kind == SQLITE else _restore_postgresql)(file, place, epochs)
    _tell(done)


@click.command("restored")
@with_appcontext
def restored() -> None:
    """Make a database that was restored by other means, to a point in time say, fit to be served from.

    Run it before web and worker start. It also ends a restore that was interrupted.
    """
    with told_in_a_line():
        place = open_place()
        with connected(place.address) as connection:
            fit = is_current(connection) or is_unfinished(connection)
        if not fit:
            fail(NOT_MIGRATED)
        done = _care_for(place.address, "flask restored")
    _tell(done)


def _look(place: Place, *, replaces: bool, forced: bool) -> dict[str, int]:
    """Return the epochs of what is to be replaced. Raises BackupError for what stands in the way."""
    if place.kind == SQLITE:
        # Even by force: who has the old file open would go on in it.
        refuse_if_in_use(place.path)
        if not place.path.exists():
            return {}
    try:
        with connected(place.address) as connection:
            if not replaces:
                refuse_rows(connection)
            if not forced:
                refuse_running(connection, place.rhythm, clock().now())
            return epochs_in(connection)
    except DBAPIError:
        if not (replaces and place.kind == SQLITE):
            raise
        return {}  # too damaged to be read, which is what a restore is for


def _restore_sqlite(file: Path, place: Place, epochs: dict[str, int]) -> list[CaredFor]:
    place.path.parent.mkdir(parents=True, exist_ok=True)
    kept = _free_name(place.path, clock().now())
    with private_room(place.path.parent) as room:
        copy = room / "restored.sqlite3"
        manifest = unpack_sqlite(file, place.key, copy)
        done = _care_for(f"sqlite:///{copy}", "flask restore", manifest.made_at, epochs)
        settle(copy)
        put_in_place(copy, place.path, kept)
    if kept.exists():
        print(f"What was there before is kept: {kept}")
    return done


def _free_name(path: Path, now: datetime) -> Path:
    """Return where the old database is kept, a name that nothing has."""
    first = path.with_name(f"{path.name}.before-restore-{now:{_STAMP}}")
    others = (first.with_name(f"{first.name}-{number}") for number in count(2))
    return next(each for each in chain([first], others) if not each.exists())


def _restore_postgresql(file: Path, place: Place, epochs: dict[str, int]) -> list[CaredFor]:
    manifest = read_whole(file, place.key, POSTGRESQL)
    load_postgresql(file, place)
    return _care_for(place.address, "flask restore", manifest.made_at, epochs)


def _care_for(
    address: str, command: str, made_at: datetime | None = None, former_epochs: Mapping[str, int] = NOTHING
) -> list[CaredFor]:
    """Bring a restored database to the newest schema and take care of it, in one transaction."""
    ledger = read_ledger(Path(settings().erasure_ledger))
    with closing_engine(address) as engine:
        with engine.begin() as connection:
            show_version(connection)
            upgrade_within(connection)
            with Session(connection, autoflush=False, expire_on_commit=False) as session:
                done = take_care(session, Restored(command, read_now(session, clock()), made_at, former_epochs, ledger))
                session.commit()
        scrub(engine)
    return done


def _tell(done: list[CaredFor]) -> None:
    for each in done:
        print(
            f"{each.slug}: {each.erased} patients erased again, epoch {each.epoch}, {each.ended} sign-ins ended, "
            f"{each.held} messages held"
        )
    print("Restored. Begin a new file of audit anchors, start web and worker, then: flask --app wsgi held list")


COMMANDS = (restore, restored)
