"""`make run` as a newcomer uses it, in a copy of the tree: it answers, it leaves nothing running, it keeps the data."""

import contextlib
import http.client
import os
import re
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from config import Settings
from tests.processes import descendants, is_gone, wait_for

ROOT = Path(__file__).parents[2]
PROGRAMS = {"gunicorn", "schedules.worker", "service.cli.mail_catcher", "service.cli.run"}
START_SECONDS = 300


class Running:
    """A `make run` in `folder`, whose output goes to a file there."""

    def __init__(self, folder: Path, make: "subprocess.Popen[bytes]", output: Path) -> None:
        self.make = make
        self.folder = folder
        self._output = output

    def said(self) -> str:
        """Return all that it has printed."""
        return self._output.read_text(encoding="utf-8")

    def address(self) -> str:
        """Return the address that it prints once it answers."""
        wait_for(lambda: "Running." in self.said() or self.make.poll() is not None, "the start", seconds=START_SECONDS)
        found = re.search(r"(http://127\.0\.0\.1:\d+)/api/v1\n", self.said())
        assert found, f"no address printed; it ended with {self.make.poll()}"
        return found[1]

    def processes(self) -> set[int]:
        """Return the ids of all its processes, `make` included."""
        return {self.make.pid} | descendants(self.make.pid)


def command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""


def supervisor_of(running: Running) -> int:
    (pid,) = [pid for pid in running.processes() if command_line(pid).rstrip().endswith("-m service.cli.run")]
    return pid


def status_of(address: str, path: str) -> int:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().status


def patient_ids(folder: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(f"file:{folder}/var/recovery.sqlite3?mode=ro", uri=True)) as connection:
        return [str(row[0]) for row in connection.execute("SELECT id FROM patient ORDER BY id")]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the project that shares our environment and has no data."""
    folder = tmp_path / "project"
    made_by_tools = shutil.ignore_patterns(
        ".venv", "var", ".git", "__pycache__", ".*_cache", ".hypothesis", "node_modules"
    )
    shutil.copytree(ROOT, folder, ignore=made_by_tools)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


@contextlib.contextmanager
def make_run(folder: Path) -> Iterator[Running]:
    """Run `make run` as an interactive shell would: in a process group of its own, with none of our settings."""
    names = {name.upper() for name in Settings.__dataclass_fields__}
    environment = {key: value for key, value in os.environ.items() if key.removesuffix("_FILE") not in names}
    output = folder / "output"
    with output.open("wb") as file:
        make = subprocess.Popen(
            ["env", "--default-signal=INT,HUP", "make", "run"],
            cwd=folder,
            env=environment,
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
            process_group=0,
        )
    running = Running(folder, make, output)
    try:
        yield running
    finally:
        for pid in running.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        make.wait(20)


def assert_nothing_is_left(processes: set[int], address: str) -> None:
    wait_for(lambda: all(is_gone(pid) for pid in processes), "the end of every process", seconds=15)
    with pytest.raises(ConnectionRefusedError):
        status_of(address, "/health")


@pytest.mark.slow
@pytest.mark.timeout(700)
def test_make_run_answers_leaves_nothing_behind_and_keeps_its_data(tree: Path) -> None:
    with make_run(tree) as running:
        address = running.address()
        assert status_of(address, "/health") == 200
        assert status_of(address, "/api/v1/docs") in (200, 301, 308)
        assert "Demo sign-ins" in running.said()
        processes = running.processes()
        assert {name for name in PROGRAMS for pid in processes if name in command_line(pid)} == PROGRAMS
        patients = patient_ids(tree)
        assert len(patients) > 100
        keys = (tree / "var/seal.key").read_bytes()

        os.kill(supervisor_of(running), signal.SIGKILL)

        assert_nothing_is_left(processes, address)

    with make_run(tree) as running:
        address = running.address()
        assert patient_ids(tree) == patients
        assert (tree / "var/seal.key").read_bytes() == keys
        processes = running.processes()

        running.make.kill()

        assert_nothing_is_left(processes, address)

    with make_run(tree) as running:
        address = running.address()
        processes = running.processes()

        os.killpg(running.make.pid, signal.SIGINT)
        running.make.wait(10)

        assert_nothing_is_left(processes, address)
        assert "Stopped." in running.said()
        assert patient_ids(tree) == patients


@pytest.mark.slow
def test_a_second_make_run_in_the_same_folder_refuses_to_start(tree: Path) -> None:
    with make_run(tree) as first:
        wait_for((tree / "var/seal.key").exists, "the first run's start")

        second = subprocess.run(
            [".venv/bin/python", "-m", "service.cli.run"], cwd=tree, capture_output=True, text=True, check=False
        )

        assert first.make.poll() is None
        processes = first.processes()
        first.make.send_signal(signal.SIGINT)  # to make alone: it tells its child nothing of it
        first.make.wait(20)
        wait_for(lambda: all(is_gone(pid) for pid in processes), "the end of every process", seconds=15)
    assert second.returncode == 1
    assert second.stderr == "expected to be the only run in var/, got another that is running\n"
