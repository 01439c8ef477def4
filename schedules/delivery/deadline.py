"""Two ends that a send cannot run past: one that the kernel enforces, one that the parent asks for.

A check of the clock before a send leaves a gap in which the process can be frozen. An alarm whose default action is to
terminate is delivered at the thaw before any further instruction: a worker that slept past its lease dies, and never
sends what another worker has taken over since.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType

CUT_SIGNAL = signal.SIGUSR1


class CutShortError(OSError):
    """The worker stops and cannot wait for the provider's answer."""


@contextmanager
def kernel_deadline(left: timedelta) -> Iterator[None]:
    """Have the kernel end this process if what runs inside takes longer than `left`, frozen or not.

    Main thread only. An alarm that was set before is set again afterwards.
    """
    handler = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    before = signal.setitimer(signal.ITIMER_REAL, left.total_seconds())
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *before)


@contextmanager
def may_be_cut_short() -> Iterator[None]:
    """Let the cut signal end what runs inside with CutShortError. Main thread only."""
    handler = signal.signal(CUT_SIGNAL, _cut_short)
    try:
        yield
    finally:
        signal.signal(CUT_SIGNAL, handler)


def _cut_short(_signal: int, _frame: FrameType | None) -> None:
    raise CutShortError("the worker stops")
