"""What a self-audit finds: how much was looked at, what broke the invariant, and a few ids to begin with."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session, sessionmaker

from models.watch import Invariant
from schedules.clock import Clock

MOST_EXAMPLES = 10
# What a fact overtakes within a minute cannot be told from what came before it: a request's time is that of its
# beginning, and web server and database may differ by seconds.
TELLABLE_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose rows a run looks at, and when. `overdue_after`: how long something due may stay unsent."""

    make_session: sessionmaker[Session]
    practice_id: str
    now: datetime
    clock: Clock
    overdue_after: timedelta


@dataclass(slots=True)
class Finding:
    """The result for one invariant so far."""

    invariant: Invariant
    checked: int = 0
    violations: int = 0
    examples: list[str] = field(default_factory=list)

    def note(self, row_id: str, *, holds: bool) -> None:
        """Count one row that was looked at."""
        self.checked += 1
        if holds:
            return
        self.violations += 1
        if len(self.examples) < MOST_EXAMPLES and row_id not in self.examples:
            self.examples.append(row_id)
