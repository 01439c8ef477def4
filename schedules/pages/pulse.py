"""A sign of life that a worker's parent shares with the process of its pages: when its scheduler last ran a job.

A number in shared memory, not a row: it tells of this one process, also while the database is away.
"""

from datetime import timedelta
from multiprocessing.sharedctypes import RawValue

from schedules.clock import Clock


class Pulse:
    """The time of the last sign, in the machine's monotonic milliseconds. Make it before the fork."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_ms = RawValue("q", clock.monotonic_ms())

    def beat(self) -> None:
        """Give a sign of life."""
        self._last_ms.value = self._clock.monotonic_ms()

    def age(self) -> timedelta:
        """Return how long ago the last sign was given."""
        return timedelta(milliseconds=self._clock.monotonic_ms() - self._last_ms.value)
