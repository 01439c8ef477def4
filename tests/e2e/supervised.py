"""The tests' own entry to the supervisor: `python -m tests.e2e.supervised NAME CODE [NAME CODE ...]`."""

import os
import sys

from schedules.clock import SystemClock
from service.cli.supervisor import STOP_SIGNALS, Program, stop_requests, supervise
from service.cli.told_by_make import told_by_make

if __name__ == "__main__":
    pairs = zip(sys.argv[1::2], sys.argv[2::2], strict=True)
    programs = [Program(name, (sys.executable, "-c", code), os.environ) for name, code in pairs]
    with stop_requests(told_by_make(STOP_SIGNALS)) as stop:
        supervise(programs, stop, clock=SystemClock())
