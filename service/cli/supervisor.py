"""Runs several programs under one foreground process: starts them, restarts what dies, stops all together.

Knows processes and signals, nothing of what the programs do. No program outlives its supervisor: the kernel tells each
to stop when the supervisor dies, by whatever means.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from schedules.clock import Clock

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = timedelta(seconds=8)
LOOK_SECONDS = 0.1
STEADY_MS = 60_000
FIRST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 30_000

Say = Callable[[str], None]


class StartError(Exception):
    """A program cannot be started on this machine. The message says what was expected and what came."""


def say(line: str) -> None:
    """Print a line for whoever started us."""
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Program:
    """One program to run. `pass_fds` are open descriptors that it inherits, such as a listening socket."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    pass_fds: tuple[int, ...] = ()


class Stop:
    """Whether we were asked to stop. Unlike a threading.Event it may be set in a signal handler: it takes no lock.

    `asked` is looked at whenever somebody waits: it may know of a request that comes by no signal to us.
    """

    def __init__(self, asked: Callable[[], bool] = lambda: False) -> None:
        self._reader, self._writer = os.pipe()
        self._asked = asked
        self.requested = False

    def request(self) -> None:
        """Ask for the stop and wake whoever waits."""
        self.requested = True
        os.write(self._writer, b"!")

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds` for the request; return whether it came."""
        select.select([self._reader], [], [], seconds)
        if not self.requested and self._asked():
            self.request()
        return self.requested

    def close(self) -> None:
        """Give back the descriptors."""
        os.close(self._reader)
        os.close(self._writer)


@contextlib.contextmanager
def stop_requests(asked: Callable[[], bool] = lambda: False) -> Iterator[Stop]:
    """Yield what Ctrl-C, SIGTERM, the closing of the terminal, and `asked` set; earlier handlers are put back."""
    stop = Stop(asked)
    before = {number: signal.signal(number, lambda *_: stop.request()) for number in STOP_SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()


def supervise(programs: Sequence[Program], stop: Stop, *, clock: Clock, report: Say = say) -> None:
    """Run all `programs` until `stop` is requested, starting again what dies; then stop them, by force after 8 s.

    Call it from the main thread: the kernel ties a program's life to the thread that started it. Raises StartError.
    """
    watched = [_Watched(program, clock, report) for program in programs]
    try:
        while not stop.requested:
            for each in watched:
                each.look_after()
            stop.wait(LOOK_SECONDS)
    finally:
        _end_all([each.running for each in watched if each.running is not None], clock, report)


def run_step(program: Program, stop: Stop, *, clock: Clock, report: Say = say) -> int:
    """Run one program to its end and return its exit code; when `stop` is requested meanwhile, end it first.

    Raises StartError.
    """
    running = _Running(program)
    while running.process.poll() is None and not stop.requested:
        stop.wait(LOOK_SECONDS / 4)
    _end_all([running], clock, report)
    return running.process.wait()


class _Running:
    """A program's process, in a group of its own and bound to our life. Raises StartError when it cannot be so."""

    def __init__(self, program: Program) -> None:
        self.name = program.name
        # Its own group keeps the terminal's Ctrl-C from it: only we decide how it stops.
        self.process = subprocess.Popen(
            _bound_to_our_life(program.argv),
            env=dict(program.environment),
            pass_fds=program.pass_fds,
            stdin=subprocess.DEVNULL,
            process_group=0,
        )

    def kill_group(self) -> None:
        """Kill what is left of it and of the processes it started, and take note of its end."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class _Watched:
    """A program that is kept running: `running` is its present process, if it has one."""

    def __init__(self, program: Program, clock: Clock, report: Say) -> None:
        self._program, self._clock, self._report = program, clock, report
        self.running: _Running | None = None
        self._started_ms = 0
        self._start_again_ms = 0
        self._pause_ms = FIRST_PAUSE_MS

    def look_after(self) -> None:
        """Take note of a death; start the program unless it died too short a time ago."""
        now_ms = self._clock.monotonic_ms()
        if self.running is not None and self.running.process.poll() is not None:
            self._note_death(self.running, now_ms)
        if self.running is None and now_ms >= self._start_again_ms:
            self.running = _Running(self._program)
            self._started_ms = now_ms

    def _note_death(self, dead: _Running, now_ms: int) -> None:
        """Clear away its group and decide when to start it again: later each time, unless it had run steadily."""
        dead.kill_group()
        if now_ms - self._started_ms >= STEADY_MS:
            self._pause_ms = FIRST_PAUSE_MS
        ending = _ending(dead.process.returncode)
        self._report(f"{self._program.name} ended ({ending}); starting it again in {self._pause_ms // 1000} s")
        self._start_again_ms = now_ms + self._pause_ms
        self._pause_ms = min(self._pause_ms * 2, LONGEST_PAUSE_MS)
        self.running = None


def _bound_to_our_life(argv: tuple[str, ...]) -> list[str]:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StartError("expected the program setpriv (Debian package: util-linux), got none on the PATH")
    return [setpriv, "--pdeathsig", "TERM", "--", *argv]


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def _end_all(running: Sequence[_Running], clock: Clock, report: Say) -> None:
    """Ask every process to stop, wait for all of them together, then kill what is left of their groups."""
    for each in running:
        each.process.terminate()
    deadline_ms = clock.monotonic_ms() + GRACE // timedelta(milliseconds=1)
    for each in running:
        try:
            each.process.wait(max(0, deadline_ms - clock.monotonic_ms()) / 1000)
        except subprocess.TimeoutExpired:
            report(f"{each.name} did not stop within {GRACE.total_seconds():g} s; killing it")
        each.kill_group()
