"""What time it is for what is due, and whether a lease has run out: by the clock that all who share a database share.

PostgreSQL has one clock for all: the database's. SQLite serves one machine: leases count its monotonic milliseconds
since a named boot, due times its wall clock.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, DateTime, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from models.reminder import Delivery
from schedules.clock import Clock


def read_now(session: Session, clock: Clock) -> datetime:
    """Return the instant by which due times are judged, in UTC: the database's on PostgreSQL, else this machine's."""
    if not is_shared(session):
        return clock.now()
    now: datetime = session.connection().execute(_NOW).scalar_one()
    return now.astimezone(UTC)


def has_run_out(session: Session, clock: Clock) -> ColumnElement[bool]:
    """Return the condition that nobody holds the delivery any more: the lease ended, or its machine booted since."""
    return _LEASE_ENDED if is_shared(session) else _is_over(**clocks(session, clock))


def has_run_out_by(*, shared: bool) -> ColumnElement[bool]:
    """Return the condition of `has_run_out` for a statement that is built once, which then needs `clocks`."""
    return _LEASE_ENDED if shared else _is_over(boot_id=bindparam("boot_id"), now_ms=bindparam("now_ms"))


def _is_over(*, boot_id: Any, now_ms: Any) -> ColumnElement[bool]:
    this_boot = and_(Delivery.lease_boot == boot_id, Delivery.lease_until_ms >= now_ms)
    return func.coalesce(this_boot, False).is_(False)


def clocks(session: Session, clock: Clock) -> dict[str, Any]:
    """Return the parameters of `has_run_out_by`: none where the database has a clock of its own."""
    return {} if is_shared(session) else {"boot_id": clock.boot_id(), "now_ms": clock.monotonic_ms()}


def is_shared(session: Session) -> bool:
    """Return whether the database has a clock of its own, which workers on several machines share."""
    return session.get_bind().dialect.name == "postgresql"


def database_clock() -> Any:
    """Return the expression of PostgreSQL's present instant, which goes on within a transaction."""
    return func.clock_timestamp(type_=DateTime(timezone=True))


_NOW = select(database_clock())
_LEASE_ENDED = or_(Delivery.lease_until.is_(None), Delivery.lease_until < database_clock())
