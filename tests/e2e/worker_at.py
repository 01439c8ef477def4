"""The product's worker on a clock of the tests', as a process of its own: `python -m tests.e2e.worker_at INSTANT`."""

import sys
from datetime import datetime

from schedules.delivery.deliver import Steps
from schedules.worker import start
from tests.failpoints import StartedClock

if __name__ == "__main__":
    clock = StartedClock(datetime.fromisoformat(sys.argv[1]))
    raise SystemExit(start(clock, Steps(now=lambda _session, _clock: clock.now())))
