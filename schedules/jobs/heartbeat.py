"""A worker's signs of life, by which others tell that it runs, hangs, or ended cleanly."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete, update
from sqlalchemy.orm import Session, sessionmaker

from models.watch import WorkerHeartbeat
from schedules.watch.readings import HEARTBEAT_KEPT


def beat(make_session: sessionmaker[Session], worker_id: str, now: datetime) -> None:
    """Write that the worker ticks. Its first beat removes what is left of runs of over a week ago."""
    with make_session.begin() as session:
        if not _write(session, worker_id, ticked_at=now):
            session.execute(delete(WorkerHeartbeat).where(WorkerHeartbeat.ticked_at <= now - HEARTBEAT_KEPT))
            session.add(WorkerHeartbeat(worker_id=worker_id, started_at=now, ticked_at=now))


def sign_off(make_session: sessionmaker[Session], worker_id: str, now: datetime) -> None:
    """Write that the worker ended as it was told to."""
    with make_session.begin() as session:
        _write(session, worker_id, stopped_at=now)


def _write(session: Session, worker_id: str, **columns: Any) -> bool:
    statement = update(WorkerHeartbeat).where(WorkerHeartbeat.worker_id == worker_id).values(**columns)
    changed = session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", changed).rowcount == 1
