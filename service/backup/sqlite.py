"""A SQLite database as one file: copied out while others write, judged, and put in the place of another."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from service.backup.errors import BackupError
from service.backup.sealed_file import sync_folder

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_BESIDE = ("-wal", "-shm", "-journal")
_WAIT_SECONDS = 2.0
_MOST_TRIES = 3


def copy_out(path: Path, copy: Path) -> None:
    """Copy the database at `path`, as it stands at one moment, to a new file that needs no other beside it.

    Whoever writes meanwhile goes on. Raises BackupError if there is no database there, or somebody lets nobody read it.
    """
    busy = 0

    def give_up_in_the_end(status: int, _left: int, _total: int) -> None:
        nonlocal busy
        busy += status in _BUSY
        if busy == _MOST_TRIES:
            raise BackupError("expected a SQLite database that can be read, got one that somebody has locked")

    try:
        with closing(_connect(path)) as source, closing(sqlite3.connect(copy, isolation_level=None)) as target:
            # All pages are one step. One that is made in several begins anew whenever another process has written.
            source.backup(target, pages=-1, progress=give_up_in_the_end)
            target.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.DatabaseError as error:
        raise BackupError(f"expected a readable SQLite database, got {error.sqlite_errorname}") from None


def is_out_of_turn(error: BaseException | None) -> bool:
    """Return whether a statement failed since others wrote for as long as it waited for its turn."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode in _BUSY


def settle(path: Path) -> None:
    """Have the whole of a database that nobody uses stand in its one file, on the disk."""
    with closing(_connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    with path.open("rb") as file:
        os.fsync(file.fileno())


def refuse_damaged(path: Path) -> None:
    """Raise BackupError if the database is not whole, or a row refers to one that is not there."""
    try:
        with closing(_connect(path)) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.DatabaseError as error:
        raise BackupError(f"expected a whole SQLite database in the backup, got {error.sqlite_errorname}") from None
    if found != "ok":
        raise BackupError("expected a whole SQLite database in the backup, got one that fails its integrity check")
    if orphan is not None:
        raise BackupError(f"expected every row's parent in the backup, got a row of {orphan[0]} without")


def refuse_if_in_use(path: Path) -> None:
    """Raise BackupError if any process has the database open. Changes nothing; a damaged file is not judged."""
    if not path.exists():
        return
    with suppress(sqlite3.DatabaseError), closing(_connect(path)) as connection, _told_if_busy():
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("ROLLBACK")


def put_in_place(new: Path, place: Path, kept: Path) -> None:
    """Let the settled file `new` be the database at `place`, in one step. What was there is kept as `kept`.

    Raises BackupError, and changes nothing, if a process has the old one open: it would go on in a file that nobody
    reads any more.
    """
    _give_to_owner(new, place)
    if not place.exists():
        _put_aside(place, kept)
        new.rename(place)
    else:
        with _alone(place, kept):
            kept.hardlink_to(place)
            new.replace(place)
    sync_folder(place.parent)


@contextmanager
def _alone(place: Path, kept: Path) -> Iterator[None]:
    """Keep everybody out of the old database, and its whole content in its one file."""
    try:
        with closing(_connect(place)) as connection, _told_if_busy():
            # Succeeds for the only user alone, and takes in and removes the log that the new file must not inherit.
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("BEGIN EXCLUSIVE")
            yield
            return
    except sqlite3.DatabaseError:
        pass  # too damaged to be opened: it is put aside with all that lies beside it
    _put_aside(place, kept)
    yield


@contextmanager
def _told_if_busy() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode not in _BUSY:
            raise
        raise BackupError("expected a database that nobody has open, got one in use: stop web and worker") from None


def _put_aside(place: Path, kept: Path) -> None:
    """Move what lies beside a database away, or SQLite would read it into the new one."""
    for end in _BESIDE:
        with suppress(FileNotFoundError):
            Path(f"{place}{end}").rename(f"{kept}{end}")


def _give_to_owner(new: Path, place: Path) -> None:
    """Let whom the old database belonged to, or its folder, have the new one: a restore may be run by root."""
    old = place.stat() if place.exists() else place.parent.stat()
    if os.geteuid() == 0:
        os.chown(new, old.st_uid, old.st_gid)
    new.chmod(old.st_mode & 0o666 if place.exists() else 0o600)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=_WAIT_SECONDS, isolation_level=None)
