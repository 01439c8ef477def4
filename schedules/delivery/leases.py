"""How long a claim holds, by a clock that no process can set, and what time it is for what is due.

The databases differ here and nowhere else in delivery. PostgreSQL has one clock for all workers: the database's. SQLite
serves one machine: leases count its monotonic milliseconds since a named boot, due times its wall clock.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, DateTime, and_, func, or_, select
from sqlalchemy.orm import Session

from models.reminder import Delivery
from schedules.clock import Clock

RELEASED: dict[str, Any] = {"lease_owner": None, "lease_until": None, "lease_until_ms": None, "lease_boot": None}


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds claims, for how long at a time, and this machine's clock."""

    owner: str
    length: timedelta
    clock: Clock


def read_now(session: Session, clock: Clock) -> datetime:
    """Return the instant by which due times are judged, in UTC: the database's on PostgreSQL, else this machine's."""
    if not _is_shared(session):
        return clock.now()
    now: datetime = session.scalars(select(_database_clock())).one()
    return now.astimezone(UTC)


def held(session: Session, lease: Lease) -> dict[str, Any]:
    """Return the columns of a delivery that is held from now on for the lease's length."""
    if _is_shared(session):
        return {"lease_owner": lease.owner, "lease_until": _database_clock() + lease.length}
    ends_ms = lease.clock.monotonic_ms() + lease.length // timedelta(milliseconds=1)
    return {"lease_owner": lease.owner, "lease_until_ms": ends_ms, "lease_boot": lease.clock.boot_id()}


def has_run_out(session: Session, clock: Clock) -> ColumnElement[bool]:
    """Return the condition that nobody holds the delivery any more: the lease ended, or its machine booted since."""
    if _is_shared(session):
        return or_(Delivery.lease_until.is_(None), Delivery.lease_until < _database_clock())
    this_boot = and_(Delivery.lease_boot == clock.boot_id(), Delivery.lease_until_ms >= clock.monotonic_ms())
    return func.coalesce(this_boot, False).is_(False)


def _is_shared(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def _database_clock() -> Any:
    return func.clock_timestamp(type_=DateTime(timezone=True))
