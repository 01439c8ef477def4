"""Signals to make alone, which runs a supervisor: whichever ends make ends all."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import descendants, is_gone, wait_for

ROOT = Path(__file__).parents[2]
# Who runs the tests in the background may have signals ignored, and what we start would inherit that.
HEEDING = ("env", "--default-signal=INT,HUP")
PROGRAM = "import pathlib, time; pathlib.Path('up').touch(); time.sleep(60)"


def end_all(pids: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_make_alone_ends_all_that_it_runs(tmp_path: Path, number: signal.Signals) -> None:
    recipe = f"""@exec setpriv --pdeathsig TERM -- {sys.executable} -m tests.e2e.supervised sleeper "{PROGRAM}\""""
    (tmp_path / "Makefile").write_text(f"run:\n\t{recipe}\n")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    make = subprocess.Popen([*HEEDING, "make", "run"], cwd=tmp_path, env=environment, process_group=0)
    wait_for((tmp_path / "up").exists, "the start of the program")
    running = descendants(make.pid)

    try:
        make.send_signal(number)
        make.wait(20)

        wait_for(lambda: all(is_gone(pid) for pid in running), "the end of every process")
        assert len(running) >= 2
    finally:
        end_all({make.pid} | running)
        make.wait()
