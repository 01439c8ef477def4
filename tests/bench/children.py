"""Programs that a benchmark starts beside itself: they end with it, and none is waited for without end.

A child that is measured says `ready`, waits for `go`, and says `done` when all its work is.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

START_SECONDS = 60.0
WORK_SECONDS = 240.0
STOP_SECONDS = 20.0


class TooSlowError(Exception):
    """Something did not come within its time, or a program ended before it was told to."""


@dataclass(frozen=True, slots=True)
class Child:
    """A running program that leads a process group of its own."""

    process: "subprocess.Popen[str]"

    def hear(self, word: str, *, within: float) -> None:
        """Wait for the child to say `word`. Raises TooSlowError if it says something else, or nothing in time."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], within)
        said = self.process.stdout.readline().strip() if ready else "nothing"
        if said != word:
            raise TooSlowError(f"expected {word} from {self.process.args!r}, got {said or 'its end'}")

    def tell(self, word: str) -> None:
        """Say `word` to the child."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()


@contextlib.contextmanager
def started(command: Sequence[str], *, more_env: Mapping[str, str] | None = None) -> Iterator[Child]:
    """Run a program for as long as the context lasts."""
    with subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", "--", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(more_env or {})},
        start_new_session=True,
    ) as process:
        try:
            yield Child(process)
        finally:
            _stop(process)


@contextlib.contextmanager
def started_all(commands: Sequence[Sequence[str]]) -> Iterator[list[Child]]:
    """Run several programs for as long as the context lasts."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(started(command)) for command in commands]


def module(name: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this folder."""
    return [sys.executable, "-m", f"{__package__}.{name}", *arguments]


def seconds_of_all(children: Sequence[Child]) -> float:
    """Return how long the children take from `go` until the last of them is done."""
    for child in children:
        child.hear("ready", within=START_SECONDS)
    start = time.monotonic()
    for child in children:
        child.tell("go")
    for child in children:
        child.hear("done", within=WORK_SECONDS)
    return time.monotonic() - start


def leave_nothing_behind() -> None:
    """Take SIGTERM as an error, so that whatever was started and made is taken away on the way out."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))


def await_go() -> None:
    """Say, as a child, that the work can begin, and wait until it may."""
    print("ready", flush=True)
    if sys.stdin.readline().strip() != "go":
        raise SystemExit(1)


def wait_until(condition: Callable[[], bool], what: str, *, within: float = WORK_SECONDS, every: float = 0.05) -> None:
    """Wait until `condition` holds. Raises TooSlowError with `what` did not come."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TooSlowError(f"{what}: not within {within:g} s")
        time.sleep(every)


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    # The group outlives its leader where a grandchild did not hear of the end.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
