"""Workers as the product starts them, but for their provider: it is in their process, takes its time and says yes.

`python -m tests.bench.null_worker SHORTEST LONGEST SHIFT`, the rest from the environment: the provider answers after
SHORTEST to LONGEST seconds; due times are judged by a clock that is SHIFT seconds ahead of the machine's (0: by the
database's, as ever).
"""

import base64
import contextlib
import logging
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from config import Settings
from models.reminder import AttemptOutcome
from schedules.clock import Clock
from schedules.delivery.channels import Message, Result
from schedules.delivery.deliver import DEFAULT_STEPS, Steps
from schedules.plan.vocabulary import Provider
from schedules.worker import main
from tests.bench.children import Child, module, started
from tests.database import AUDIT_KEY, SEAL_KEY

QUICK_LOOK_SECONDS = 0.25  # a pause that is nothing beside the seconds that are measured


@dataclass(frozen=True, slots=True)
class Waiting:
    """Says yes to every message, after a while."""

    shortest: float
    longest: float

    def send(self, message: Message, deadline: timedelta) -> Result:
        """Accept the message."""
        if self.longest > 0:
            time.sleep(random.uniform(self.shortest, self.longest))
        return Result(AttemptOutcome.accepted, "250")


def with_provider(*, answers_after: tuple[float, float] = (0.0, 0.0), clock_ahead: float = 0.0) -> list[str]:
    """Return the command of a worker whose provider answers after so many seconds, from the first to the second."""
    return module("null_worker", *(str(each) for each in (*answers_after, clock_ahead)))


@contextlib.contextmanager
def running_workers(
    url: str, count: int, command: Sequence[str] | None = None, **settings: object
) -> Iterator[list[Child]]:
    """Run so many workers on the database at `url`; `settings` overrides the product's.

    The `command` of one is by default that of a worker whose provider answers at once.
    """
    fields = {
        "database_url": url,
        "seal_key": base64.b64encode(SEAL_KEY).decode(),
        "audit_key": base64.b64encode(AUDIT_KEY).decode(),
        "poll_seconds": QUICK_LOOK_SECONDS,
        **settings,
    }
    env = {name.upper(): str(value) for name, value in fields.items()}
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(started(command or with_provider(), more_env=env)) for _ in range(count)]


def _start(shortest: float, longest: float, clock_ahead: float) -> int:
    logging.basicConfig(level=logging.WARNING)
    ahead = timedelta(seconds=clock_ahead)

    def shifted(_session: object, clock: Clock) -> datetime:
        return clock.now() + ahead

    steps = Steps(
        now=shifted if ahead else DEFAULT_STEPS.now,
        senders=lambda _settings: {Provider.smtp: Waiting(shortest, longest)},
    )
    return main(Settings.from_env(), None, steps)


if __name__ == "__main__":
    raise SystemExit(_start(*(float(each) for each in sys.argv[1:])))
