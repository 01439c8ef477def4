"""Whether the `make` that started us was told to stop, alone.

Ctrl-C and a closing terminal tell us too. But who sends SIGINT or SIGHUP to make alone would wait for ever: it passes
on SIGTERM only, and waits for us with the signal no longer caught, which can be seen in /proc.
"""

import os
from collections.abc import Callable
from pathlib import Path

_MAKES = {"make", "gmake"}


def told_by_make(numbers: tuple[int, ...]) -> Callable[[], bool]:
    """Return what tells whether our parent was sent one of the signals since now; if it is no make: never."""
    parent = os.getppid()
    at_first = _caught_by(parent) & sum(1 << number - 1 for number in numbers)
    return lambda: bool(at_first & ~_caught_by(parent))


def _caught_by(pid: int) -> int:
    """Return the signals that a make catches, a bit each; none if it is gone, of which the kernel tells us."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    told = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(told["SigCgt"], 16) if told.get("Name") in _MAKES else 0
