"""What time it is for what is due, and whether a lease has run out: by the clock that all who share a database share.

PostgreSQL has one clock for all: the database's. SQLite serves one machine: leases count its monotonic milliseconds
since a named boot, due times its wall clock.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, DateTime, and_, func, or_, select
from sqlalchemy.orm import Session

from models.reminder import Delivery
from schedules.clock import Clock


def read_now(session: Session, clock: Clock) -> datetime:
    """Return the instant by which due times are judged, in UTC: the database's on PostgreSQL, else this machine's."""
    if not is_shared(session):
        return clock.now()
    now: datetime = session.scalars(select(database_clock())).one()
    return now.astimezone(UTC)


def has_run_out(session: Session, clock: Clock) -> ColumnElement[bool]:
    """Return the condition that nobody holds the delivery any more: the lease ended, or its machine booted since."""
    if is_shared(session):
        return or_(Delivery.lease_until.is_(None), Delivery.lease_until < database_clock())
    this_boot = and_(Delivery.lease_boot == clock.boot_id(), Delivery.lease_until_ms >= clock.monotonic_ms())
    return func.coalesce(this_boot, False).is_(False)


def is_shared(session: Session) -> bool:
    """Return whether the database has a clock of its own, which workers on several machines share."""
    return session.get_bind().dialect.name == "postgresql"


def database_clock() -> Any:
    """Return the expression of PostgreSQL's present instant, which goes on within a transaction."""
    return func.clock_timestamp(type_=DateTime(timezone=True))
