"""How long a claim holds, by a clock that no process can set (see `schedules.database_time`)."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy.orm import Session

from schedules.clock import Clock
from schedules.database_time import clocks, database_clock, has_run_out_by, is_shared, read_now

__all__ = ["RELEASED", "Lease", "clocks", "has_run_out_by", "held", "is_shared", "read_now"]

RELEASED: dict[str, Any] = {"lease_owner": None, "lease_until": None, "lease_until_ms": None, "lease_boot": None}


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds claims, for how long at a time, and this machine's clock."""

    owner: str
    length: timedelta
    clock: Clock


def held(session: Session, lease: Lease) -> dict[str, Any]:
    """Return the columns of a delivery that is held from now on for the lease's length."""
    if is_shared(session):
        return {"lease_owner": lease.owner, "lease_until": _end_of(lease.length)}
    ends_ms = lease.clock.monotonic_ms() + lease.length // timedelta(milliseconds=1)
    return {"lease_owner": lease.owner, "lease_until_ms": ends_ms, "lease_boot": lease.clock.boot_id()}


@cache
def _end_of(length: timedelta) -> Any:
    return database_clock() + length
