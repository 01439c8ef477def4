"""Processes that a worker's parent starts: none outlives it, and signals meant for the whole group do not end them."""

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.context import ForkProcess
from typing import Any

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
FORK = multiprocessing.get_context("fork")


def die_with_parent(parent_id: int) -> None:
    """Have the kernel kill this process when its parent dies, by whatever means."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the kernel was told.
    if os.getppid() != parent_id:
        os._exit(1)


def leave_stopping_to_parent() -> None:
    """Ignore the signals that ask to stop: the parent decides when."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


class Child:
    """A process that does one piece of work beside the senders, and holds nothing that could be lost.

    `before_fork` must close what a child may not inherit open.
    """

    def __init__(
        self, name: str, work: Callable[..., None], arguments: tuple[Any, ...], before_fork: Callable[[], None]
    ) -> None:
        self._name, self._work, self._arguments = name, work, arguments
        self._before_fork = before_fork
        self._process: ForkProcess | None = None

    def is_running(self) -> bool:
        """Return whether it runs; one that ended is cleared away."""
        if self._process is not None and not self._process.is_alive():
            self._process.close()
            self._process = None
        return self._process is not None

    def start(self) -> None:
        """Start it, unless it runs."""
        if self.is_running():
            return
        self._before_fork()
        arguments = (self._work, os.getpid(), self._arguments)
        self._process = FORK.Process(target=_run, args=arguments, name=self._name, daemon=True)
        self._process.start()

    def finish(self, within: timedelta) -> None:
        """Let it end by itself within a time, else end it."""
        if self._process is not None:
            self._process.join(within.total_seconds())
        self.kill()

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._process = None


def _run(work: Callable[..., None], parent_id: int, arguments: tuple[Any, ...]) -> None:
    die_with_parent(parent_id)
    leave_stopping_to_parent()
    work(*arguments)
