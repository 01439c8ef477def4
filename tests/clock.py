"""A clock that stands still until a test moves it. Same face as `schedules.clock.Clock`."""

from datetime import UTC, datetime, timedelta

MONDAY_AFTERNOON = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


class FixedClock:
    """Stands at `now` in UTC; `advance` moves the wall clock and the monotonic clock together."""

    def __init__(self, now: datetime = MONDAY_AFTERNOON, *, boot_id: str = "test-boot") -> None:
        self._now = now.astimezone(UTC)
        self._monotonic_ms = 1_000_000
        self._boot_id = boot_id

    def now(self) -> datetime:
        """Return the instant at which the clock stands."""
        return self._now

    def monotonic_ms(self) -> int:
        """Return the milliseconds since the imagined boot."""
        return self._monotonic_ms

    def boot_id(self) -> str:
        """Return the name of the imagined boot."""
        return self._boot_id

    def advance(self, by: timedelta) -> None:
        """Move both clocks forward by `by`."""
        self._now += by
        self._monotonic_ms += by // timedelta(milliseconds=1)

    def set_wall_clock(self, now: datetime) -> None:
        """Step the wall clock alone, as an administrator would."""
        self._now = now.astimezone(UTC)

    def reboot(self, boot_id: str) -> None:
        """Start a new boot: the monotonic clock begins again."""
        self._boot_id = boot_id
        self._monotonic_ms = 0
