"""Two ends that a send cannot run past: one that the kernel enforces, one that the parent asks for.

A check of the clock before a send leaves a gap in which the process can be frozen. A timer whose signal's action is to
terminate ends every thread of the process before any of them runs again: a sender that slept past its lease dies at the
thaw, and never sends what another worker has taken over since. Each send has a timer of its own.
"""

import ctypes
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import CLOCK_MONOTONIC

CUT_SIGNAL = signal.SIGUSR1
KERNEL_SIGNAL = signal.SIGRTMIN  # nothing else uses it, and nobody handles it: its action is to terminate
_SIGEV_SIGNAL = 0  # bits/sigevent-consts.h
_NANOSECONDS = 1_000_000_000
_CUTS: dict[object, Callable[[], object]] = {}


class _SigEvent(ctypes.Structure):
    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("padding", ctypes.c_byte * 48),
    )


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


_LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def kernel_deadline(left: timedelta) -> Iterator[None]:
    """Have the kernel end this process if what runs inside takes longer than `left`, frozen or not. In any thread.

    Raises OSError, with nothing begun, if the kernel gives no timer.
    """
    timer = ctypes.c_void_p()
    event = _SigEvent(signo=KERNEL_SIGNAL, notify=_SIGEV_SIGNAL)
    _check(_LIBC.timer_create(CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)))
    try:
        seconds, nanoseconds = divmod(max(1, round(left.total_seconds() * _NANOSECONDS)), _NANOSECONDS)
        once = _TimerSpec(value=_TimeSpec(seconds, nanoseconds))
        _check(_LIBC.timer_settime(timer, 0, ctypes.byref(once), None))
        yield
    finally:
        _LIBC.timer_delete(timer)


@contextmanager
def may_be_cut(cut: Callable[[], object]) -> Iterator[None]:
    """Have `cut` called, from another thread or a signal handler, if this process is told to cut its sends short."""
    key = object()
    _CUTS[key] = cut
    try:
        yield
    finally:
        del _CUTS[key]


def cut_all() -> None:
    """End the sends that are on their way now, each with what is known of it."""
    for cut in list(_CUTS.values()):
        cut()


def _check(answer: int) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
