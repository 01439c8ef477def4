"""The supervisor with small programs of the tests' own: nothing it starts outlives it, and what dies comes back."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import is_gone, wait_for

ROOT = Path(__file__).parents[2]
OBEDIENT = """
import os, pathlib, signal, sys, time
def leave(number, frame):
    pathlib.Path("obedient.end").write_text(signal.Signals(number).name)
    sys.exit(0)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, leave)
pathlib.Path("obedient.pid").write_text(str(os.getpid()))
time.sleep(60)
"""
STUBBORN = """
import os, pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path("stubborn.pid").write_text(str(os.getpid()))
time.sleep(60)
"""
SHORT_LIVED = """
import os, pathlib, subprocess, sys
orphan = subprocess.Popen(["sleep", "60"])
with open("orphans", "a") as file:
    print(orphan.pid, file=file)
sys.exit(3)
"""


class Supervised:
    """A running supervisor whose programs work in `folder`."""

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self._folder = folder

    def text(self, name: str) -> str:
        """Return what a program wrote to a file, or an empty text while it is not there."""
        path = self._folder / name
        return path.read_text() if path.exists() else ""

    def pid_of(self, program: str) -> int:
        """Return the process id of a program, once it is up."""
        wait_for(lambda: self.text(f"{program}.pid"), f"the start of {program}")
        return int(self.text(f"{program}.pid"))


@contextlib.contextmanager
def supervised(folder: Path, **programs: str) -> Iterator[Supervised]:
    arguments = [part for pair in programs.items() for part in pair]
    command = [sys.executable, "-m", "tests.e2e.supervised", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with (
        (folder / "said").open("wb") as said,
        subprocess.Popen(command, cwd=folder, env=environment, stderr=said, process_group=0) as process,
    ):
        try:
            yield Supervised(folder, process)
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_stop_ends_every_program_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with supervised(tmp_path, obedient=OBEDIENT) as house:
        pid = house.pid_of("obedient")

        os.killpg(house.process.pid, number)
        code = house.process.wait(10)

    assert code == 0
    assert is_gone(pid)
    assert house.text("obedient.end") == "SIGTERM"


def test_a_killed_supervisor_leaves_no_program(tmp_path: Path) -> None:
    with supervised(tmp_path, obedient=OBEDIENT) as house:
        pid = house.pid_of("obedient")

        house.process.kill()

        wait_for(lambda: is_gone(pid), "the end of the program")


@pytest.mark.slow
def test_a_program_that_does_not_stop_is_killed_within_ten_seconds(tmp_path: Path) -> None:
    with supervised(tmp_path, obedient=OBEDIENT, stubborn=STUBBORN) as house:
        pids = [house.pid_of("obedient"), house.pid_of("stubborn")]

        house.process.terminate()
        code = house.process.wait(10)

    assert code == 0
    assert all(is_gone(pid) for pid in pids)
    assert "stubborn did not stop within 8 s; killing it" in house.text("said")
    assert "obedient did not stop" not in house.text("said")


def test_a_program_that_dies_is_started_again_after_a_growing_pause(tmp_path: Path) -> None:
    with supervised(tmp_path, short=SHORT_LIVED) as house:
        wait_for(lambda: len(house.text("orphans").split()) >= 3, "the third start")
        house.process.terminate()
        house.process.wait(10)

    lines = house.text("said").splitlines()
    assert lines[:2] == [
        "short ended (exit code 3); starting it again in 1 s",
        "short ended (exit code 3); starting it again in 2 s",
    ]
    assert all(is_gone(int(pid)) for pid in house.text("orphans").split())


def test_a_killed_program_is_started_again(tmp_path: Path) -> None:
    with supervised(tmp_path, obedient=OBEDIENT) as house:
        first = house.pid_of("obedient")

        os.kill(first, signal.SIGKILL)
        wait_for(lambda: house.text("obedient.pid") not in ("", str(first)), "the second start")

    assert "obedient ended (killed by SIGKILL); starting it again in 1 s" in house.text("said")
