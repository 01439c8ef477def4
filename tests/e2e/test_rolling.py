"""An update that stops nothing: this release goes on beside the next one, whose schema it serves (O12, O14).

Web servers and workers are processes of either release. What phones ask is answered before, during and after the
migration and while one server takes over from the other, and every message goes out once.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from config import environment_with
from models.migrate import serves
from schedules.clock import SystemClock
from service.identity.tokens import enrol_device
from tests import builders
from tests.api.conftest import API, make_clinic
from tests.clock import MONDAY_AFTERNOON
from tests.database import settings_for
from tests.e2e.clinic_at import ROOT, environment_of
from tests.e2e.releases import next_release
from tests.e2e.test_killed_service import put
from tests.processes import wait_for
from tests.worker.peers import MailPeer, mail_server

pytestmark = pytest.mark.slow
CALLERS, BATCH = 2, 12
STALE = "neither the newest schema nor a later one that serves this release"


class Release:
    """One release's programs, on the clinic's database."""

    def __init__(self, tree: Path, environment: dict[str, str]) -> None:
        self.tree, self._environment = tree, environment

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run one of its commands."""
        environment = environment_with(self._environment)
        words = [sys.executable, "-m", *command]
        return subprocess.run(words, cwd=self.tree, env=environment, text=True, capture_output=True, check=False)

    @contextmanager
    def server(self, listener: socket.socket) -> Iterator["subprocess.Popen[bytes]"]:
        """Run its web server on a socket that others may serve too."""
        command = ["gunicorn", "wsgi:app", "--bind", f"fd://{listener.fileno()}"]
        with self._started(*command, "--threads", "4", "--no-control-socket", pass_fds=[listener.fileno()]) as process:
            yield process

    @contextmanager
    def worker(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Run its worker, by a clock at which the messages of these tests are due."""
        with self._started("tests.e2e.worker_at", MONDAY_AFTERNOON.isoformat()) as process:
            yield process

    @contextmanager
    def _started(self, *command: str, pass_fds: list[int] | None = None) -> Iterator["subprocess.Popen[bytes]"]:
        words = [sys.executable, "-m", *command]
        environment = environment_with(self._environment | {"LOG_LEVEL": "ERROR"})
        process = subprocess.Popen(
            words, cwd=self.tree, env=environment, pass_fds=pass_fds or (), start_new_session=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class Traffic:
    """Phones that report and read without end. `statuses` are what they were answered; None: the connection broke."""

    def __init__(self, address: str, token: str, episode_id: str) -> None:
        self._address, self._token, self._episode_id = address, token, episode_id
        self._over = threading.Event()
        self._callers: list[threading.Thread] = []
        self.statuses: Counter[int | None] = Counter()

    def _call(self, caller: int) -> None:
        body: dict[str, object] = {"episode_id": self._episode_id, "reported_at": "2026-03-02T08:30:00Z", "pain": 4}
        number = 0
        while not self._over.wait(0.02):
            number += 1
            self.statuses[put(f"{self._address}{API}/check-ins/c-{caller}-{number}", self._token, body)] += 1
            self.statuses[get(f"{self._address}{API}/episodes/{self._episode_id}/plan", self._token)] += 1

    @contextmanager
    def going_on(self) -> Iterator[None]:
        self._callers = [threading.Thread(target=self._call, args=(number,)) for number in range(CALLERS)]
        for caller in self._callers:
            caller.start()
        try:
            yield
        finally:
            self.end()

    def end(self) -> None:
        """Let each finish what it asked, before the servers are killed."""
        self._over.set()
        for caller in self._callers:
            caller.join()

    def goes_on(self, what: str) -> None:
        """Wait until some more was answered."""
        before = self.statuses.total()
        wait_for(lambda: self.statuses.total() > before + 10, what, seconds=60)


def get(url: str, token: str) -> int | None:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to finish what it has begun."""
    process.terminate()
    process.wait(60)


@pytest.fixture
def peer() -> Iterator[MailPeer]:
    with mail_server() as peer:
        yield peer


@pytest.fixture
def environment(database_url: str, owner_url: str, peer: MailPeer) -> dict[str, str]:
    settings = settings_for(database_url, database_owner_url=owner_url)
    return environment_of(settings) | {"SMTP_PORT": str(peer.port), "POLL_SECONDS": "0.2", "SENDER_PROCESSES": "1"}


def all_go_out(session: Session, peer: MailPeer, what: str) -> None:
    """Have messages fall due, and wait until each has gone out."""
    practice = builders.practice(session)
    addresses = {f"{practice.slug}-{number}@example.org" for number in range(BATCH)}
    for address in addresses:
        builders.due_delivery(session, practice, email=address)
    session.commit()
    wait_for(lambda: addresses <= set(peer.recipients), what, seconds=60)


def test_the_release_before_works_on_the_next_schema_and_beside_the_next_release(
    session: Session,
    engine: Engine,
    environment: dict[str, str],
    peer: MailPeer,
    tmp_path: Path,
) -> None:
    clinic = make_clinic(session)
    token = enrol_device(session, clinic.id, clinic.patient.id, SystemClock().now()).access.secret
    session.commit()
    old, new = Release(ROOT, environment), Release(next_release(tmp_path / "next"), environment)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        traffic = Traffic(f"http://127.0.0.1:{listener.getsockname()[1]}", token, clinic.episode.id)
        with old.server(listener) as first, old.worker() as first_worker, traffic.going_on():
            traffic.goes_on("the release before serves")
            migrated = new.run("flask", "--app", "wsgi", "migrate")
            assert migrated.returncode == 0, migrated.stderr[-2000:]
            traffic.goes_on("it serves on the next schema")
            all_go_out(session, peer, "its worker sends on the next schema")
            with (
                old.server(listener) as again,
                old.worker() as again_worker,
            ):  # begins on the next schema, as after a crash
                stop(first)
                stop(first_worker)
                traffic.goes_on("it begins on the next schema")
                with new.server(listener) as second, new.worker() as second_worker:
                    all_go_out(session, peer, "old and new worker send together")
                    traffic.goes_on("old and new server answer together")
                    traffic.end()
                    assert [each.poll() for each in (again, again_worker, second, second_worker)] == [None] * 4

    assert set(traffic.statuses) == {200, 201}, traffic.statuses
    assert len(peer.recipients) >= 2 * BATCH
    assert Counter(peer.keys).most_common(1)[0][1] == Counter(peer.recipients).most_common(1)[0][1] == 1
    with engine.connect().execution_options(reads=True) as connection:
        assert connection.scalar(text("SELECT count(*) FROM check_in WHERE counted_later = 0")) == traffic.statuses[201]


def test_a_later_schema_that_does_not_say_so_is_refused(
    engine: Engine, environment: dict[str, str], tmp_path: Path
) -> None:
    new = Release(next_release(tmp_path / "next", serves_this=False), environment)

    migrated = new.run("flask", "--app", "wsgi", "migrate")
    refused = [
        Release(ROOT, environment).run(*command)
        for command in (("gunicorn", "--check-config", "wsgi:app"), ("schedules.worker",))
    ]

    assert migrated.returncode == 0, migrated.stderr[-2000:]
    assert all(each.returncode != 0 and STALE in each.stderr for each in refused), [each.stderr for each in refused]


@pytest.mark.parametrize(
    ("revision", "own", "fits"),
    [
        ("0042_serves_0040", "0040", True),
        ("0042_serves_0040", "0041_serves_0040", True),
        ("0042_serves_0040", "0039", False),
        ("0042_serves_0040", "0043", False),  # a database that waits for its migration
        ("0042", "0041", False),
        ("0042_serves_0040_", "0041", False),
    ],
)
def test_a_revision_tells_whom_it_serves(revision: str, own: str, fits: bool) -> None:
    assert serves(revision, own) is fits
