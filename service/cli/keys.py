"""`flask keys status`, `rotate` and `reseal`: which keys seal what, and how that is changed while the service runs.

Each batch is a short transaction. Stop a command whenever you like; it goes on where it was when it is run again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from models import Practice, journal
from models.audit import ActorKind, AuditAction
from models.base import Base
from models.data_keys import present_master
from models.engine import begin_reads
from models.private import SealError
from service.care.resealing import (
    START,
    count_by_master,
    count_old,
    make_keys,
    reseal_batch,
    rewrap_batch,
    sealed_models,
)
from service.cli.context import clock, fail, sessions

AT_ONCE = 100
TOLD_EVERY = 1_000  # rows

keys_commands = AppGroup("keys", help="See and change which keys seal private columns.")


@keys_commands.command("status")
def status() -> None:
    """Print how many data keys each master key wraps, and how many rows are not under a data key yet."""
    with sessions(of_owner=True) as make_session, make_session() as session:
        begin_reads(session)
        for name, count in count_by_master(session).items():
            print(f"{count} data keys under {name}{', the present one' if name == present_master() else ''}")
        for model in sealed_models():
            if count := count_old(session, model):
                print(f"{count} rows of {model.__tablename__} under a master key itself: flask keys reseal")


@keys_commands.command("rotate")
def rotate() -> None:
    """Wrap every data key with SEAL_KEY. The key that it replaced stands first in SEAL_FORMER_KEYS.

    What is sealed stays as it is. Restart web and worker with both settings before.
    """
    with _told_in_a_line(), sessions(of_owner=True) as make_session:
        done = _repeat(make_session, lambda session: rewrap_batch(session, AT_ONCE), "data keys")
        _record(make_session, "flask keys rotate", {"keys": done})
    print(f"{done} data keys are under {present_master()} now.")


@keys_commands.command("reseal")
def reseal() -> None:
    """Make the data keys that are missing, and seal under them what is under a master key itself.

    Phones fetch the rows of which this changes the revision once more.
    """
    changed = unreadable = 0
    with _told_in_a_line(), sessions(of_owner=True) as make_session:
        made = _repeat(make_session, lambda session: make_keys(session, AT_ONCE), "data keys")
        for model in sealed_models():
            more, lost = _reseal_table(make_session, model)
            changed, unreadable = changed + more, unreadable + lost
        _record(make_session, "flask keys reseal", {"keys": made, "rows": changed})
    print(f"{made} data keys made, {changed} rows sealed anew.")
    if unreadable:
        fail(f"{unreadable} rows do not open with the keys that are given, and stay as they are.")


def _reseal_table(make_session: sessionmaker[Session], model: type[Base]) -> tuple[int, int]:
    """Seal a table's old values anew. Return how many rows were changed, and how many do not open."""
    changed, unreadable, place = 0, 0, START
    while True:
        with make_session() as session:
            batch = reseal_batch(session, model, place, AT_ONCE)
            session.commit()
        _tell(changed, batch.changed, model.__tablename__)
        changed, unreadable = changed + batch.changed, unreadable + batch.unreadable
        if batch.last is None:
            return changed, unreadable
        place = batch.last


def _repeat(make_session: sessionmaker[Session], work: Callable[[Session], int], what: str) -> int:
    """Do a batch in a transaction of its own until one finds nothing to do. Return how much was done in all."""
    done = 0
    while True:
        with make_session() as session:
            batch = work(session)
            session.commit()
        if not batch:
            return done
        _tell(done, batch, what)
        done += batch


def _tell(before: int, more: int, what: str) -> None:
    if (before + more) // TOLD_EVERY > before // TOLD_EVERY:
        print(f"  {before + more} {what}")


def _record(make_session: sessionmaker[Session], route: str, about: dict[str, int]) -> None:
    with make_session() as session:
        act = journal.Act(ActorKind.command, None, AuditAction.write, route, about=about)
        for practice_id in session.scalars(select(Practice.id).order_by(Practice.id)).all():
            journal.append(session, practice_id, act, clock().now())
        session.commit()


@contextmanager
def _told_in_a_line() -> Iterator[None]:
    try:
        yield
    except SealError as error:
        fail(f"{str(error)[:1].upper()}{str(error)[1:]}.")


COMMANDS = (keys_commands,)
