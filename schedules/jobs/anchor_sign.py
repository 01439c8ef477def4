"""Whether a worker's anchors are written: numbers in memory that it shares with whoever writes and whoever shows it."""

from datetime import timedelta
from multiprocessing.sharedctypes import RawValue

from schedules.clock import Clock

ANCHORED_EVERY = timedelta(hours=1)
SETTLES_WITHIN = timedelta(minutes=1)
HANGS_AFTER = timedelta(minutes=1)
_NEVER = -1


class AnchorSign:
    """When anchors were begun and done, and whether the last try failed. Make it before the fork."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made_ms = clock.monotonic_ms()
        self._begun_ms, self._done_ms = RawValue("q", _NEVER), RawValue("q", _NEVER)
        self._has_failed = RawValue("b", 0)

    def begin(self) -> None:
        """Tell that anchors are being written."""
        self._begun_ms.value = self._clock.monotonic_ms()

    def done(self) -> None:
        """Tell that they were."""
        self._has_failed.value = 0
        self._done_ms.value = self._clock.monotonic_ms()

    def failed(self) -> None:
        """Tell that they could not be."""
        self._has_failed.value = 1

    @property
    def is_due(self) -> bool:
        """Return whether they are to be written: at the start, after its first minute, every hour, while that fails."""
        if self._done_ms.value == _NEVER or self.is_failing or self.age() >= ANCHORED_EVERY:
            return True
        # What a worker finds at its start may not be sealed yet.
        settled_ms = self._made_ms + SETTLES_WITHIN // timedelta(milliseconds=1)
        return bool(self._done_ms.value < settled_ms <= self._clock.monotonic_ms())

    @property
    def is_failing(self) -> bool:
        """Return whether the last try failed, or hangs."""
        is_open = self._begun_ms.value > self._done_ms.value
        return bool(self._has_failed.value) or (is_open and self._since(self._begun_ms.value) > HANGS_AFTER)

    def age(self) -> timedelta:
        """Return how long ago they were last written; if never, how long ago the worker began."""
        return self._since(self._made_ms if self._done_ms.value == _NEVER else self._done_ms.value)

    def _since(self, then_ms: int) -> timedelta:
        return timedelta(milliseconds=self._clock.monotonic_ms() - then_ms)
