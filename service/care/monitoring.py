"""Whether somebody would hear of an alert: on call, with an address, and a worker runs that would tell them.

A rota alone tells nobody. While no worker has reported within its limit, nobody is called, so nobody watches.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models import Practice
from schedules.clock import Clock
from schedules.database_time import read_now
from schedules.planning.on_call import monitored_until
from schedules.watch.judgement import Readings, Rhythm, count_alive
from schedules.watch.readings import read_heartbeats


@dataclass(frozen=True, slots=True)
class Monitoring:
    """By which clock and in which rhythm workers are judged."""

    clock: Clock
    rhythm: Rhythm

    def is_working(self, session: Session) -> bool:
        """Return whether a worker runs that has reported within its limit."""
        now = read_now(session, self.clock)
        return count_alive(Readings(now, read_heartbeats(session, now)), self.rhythm) > 0

    def until(self, session: Session, practice: Practice, now: datetime) -> datetime | None:
        """Return until when somebody is on call and would be told, without a gap; None: nobody would be."""
        until = monitored_until(session, practice, now)
        return until if until is not None and self.is_working(session) else None
