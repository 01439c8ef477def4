"""The only reader of the time. Everything else is handed a clock, or the instant itself.

A test's clock has the same face, so no code needs to know which one it was given.
"""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What code may ask about the time."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...

    def monotonic_ms(self) -> int:
        """Return milliseconds that never step back, alike in every process of one machine since its boot."""
        ...

    def boot_id(self) -> str:
        """Return what tells this boot of the machine from any other: `monotonic_ms` means nothing without it."""
        ...


class SystemClock:
    """The clock of this machine. Linux: its monotonic clock is system-wide, and the kernel names each boot."""

    def now(self) -> datetime:
        """Return the machine's present instant in UTC."""
        return datetime.now(UTC)

    def monotonic_ms(self) -> int:
        """Return the milliseconds of the kernel's monotonic clock, which a change of the wall clock does not move."""
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000

    def boot_id(self) -> str:
        """Return the kernel's boot id (36 characters). Raises OSError where the kernel gives none."""
        return BOOT_ID_FILE.read_text(encoding="ascii").strip()
