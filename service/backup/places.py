"""Where the clinic's database is, as the role that owns it, and what stands in the way of replacing it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL, Connection, inspect, make_url, select

from config import Settings
from models.engine import make_engine
from models.row_security import may_see_all
from models.watch import WorkerHeartbeat
from schedules.watch.judgement import Heartbeat, Readings, Rhythm, count_alive
from service.backup.errors import BackupError
from service.backup.manifest import holds_rows
from service.backup.postgresql import Programs
from service.backup.server import count_others

SQLITE, POSTGRESQL = "sqlite", "postgresql"


@dataclass(frozen=True, slots=True)
class Place:
    """A database, the key of its backups, and the environment of the programs that are run on it."""

    url: URL
    key: bytes
    rhythm: Rhythm
    environment: Mapping[str, str]

    @property
    def kind(self) -> str:
        """Return which kind of database it is."""
        return self.url.get_backend_name()

    @property
    def path(self) -> Path:
        """Return the file of a SQLite database."""
        return Path(self.url.database or "").resolve()

    @property
    def address(self) -> str:
        """Return the URL as engines take it."""
        return self.url.render_as_string(hide_password=False)

    def programs(self, url: URL | None = None) -> Programs:
        """Return the programs for this database, or for another one on the way."""
        return Programs(url or self.url, self.environment)


def place_of(settings: Settings, environment: Mapping[str, str]) -> Place:
    """Return the clinic's database as the role that owns it. Raises BackupError without a key of backups."""
    if settings.backup_key is None:
        raise BackupError("expected BACKUP_KEY or BACKUP_KEY_FILE to be set, got neither")
    rhythm = Rhythm.of_seconds(poll=settings.poll_seconds, lease=settings.lease_seconds)
    url = make_url(settings.database_owner_url or settings.database_url)
    return Place(url, settings.backup_key, rhythm, environment)


@contextmanager
def connected(url: str, *, snapshot: bool = False) -> Iterator[Connection]:
    """Yield a connection that only reads, with all the time it needs; `snapshot`: of one moment."""
    engine = make_engine(url, unhurried=True)
    try:
        options = {"isolation_level": "REPEATABLE READ"} if snapshot and engine.dialect.name == POSTGRESQL else {}
        with engine.connect().execution_options(reads=True, **options) as connection:
            yield connection
    finally:
        engine.dispose()


def refuse_bound(connection: Connection) -> None:
    """Raise BackupError if row security hides rows from this role: what it counted and kept would be a part of all."""
    if not may_see_all(connection):
        raise BackupError("expected DATABASE_OWNER_URL with a role that may bypass row security, got one that it binds")


def refuse_rows(connection: Connection) -> None:
    """Raise BackupError if the database has rows, which a restore would lose."""
    if holds_rows(connection):
        raise BackupError("expected an empty database to restore into, got one with rows: --replace lets them go")


def refuse_running(connection: Connection, rhythm: Rhythm, now: datetime) -> None:
    """Raise BackupError if a worker ticked lately, or somebody else is connected."""
    workers = _count_workers(connection, rhythm, now)
    if workers:
        raise BackupError(
            f"expected a stopped service, got {workers} workers that ticked lately: stop them, or --force"
        )
    others = count_others(connection) if connection.dialect.name == POSTGRESQL else 0
    if others:
        raise BackupError(f"expected a stopped service, got {others} other sessions: stop web and worker, or --force")


def _count_workers(connection: Connection, rhythm: Rhythm, now: datetime) -> int:
    if not inspect(connection).has_table(WorkerHeartbeat.__tablename__):
        return 0
    columns = (WorkerHeartbeat.worker_id, WorkerHeartbeat.ticked_at, WorkerHeartbeat.stopped_at)
    heartbeats = tuple(Heartbeat(*row) for row in connection.execute(select(*columns)))
    return count_alive(Readings(now, heartbeats), rhythm)
