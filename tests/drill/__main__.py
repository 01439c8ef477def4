"""`make drill`: a clinic is backed up under load, its machine is lost, an empty one is restored and serves (O04).

Each step is a command as docs/backup.md shows it, with its output and its time. ARGS=postgresql does it there. Exit
code 1 if anything is not as it should be.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config import environment_with
from tests.database import KINDS, Databases
from tests.processes import wait_for

ROOT = Path(__file__).parents[2]
FLASK = (sys.executable, "-m", "flask", "--app", "wsgi")
ONE_HOUR = 3600.0


class Machine:
    """A machine with a database and the clinic's keys."""

    def __init__(self, database_url: str, owner_url: str, keys: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as web, socket.create_server(("127.0.0.1", 0)) as mail:
            self.port, mail_port = web.getsockname()[1], mail.getsockname()[1]
        nobody = {"SMTP_PORT": str(mail_port), "WORKER_PORT": "0", "LOG_LEVEL": "ERROR", "SEND_TO_LOG": "true"}
        urls = {"DATABASE_URL": database_url, "DATABASE_OWNER_URL": owner_url}
        self._environment = environment_with(urls | keys | nobody)
        self.token = ""

    def flask(self, *arguments: str) -> str:
        """Run a command and print it with what it says. Return its output."""
        print(f"$ flask --app wsgi {' '.join(arguments)}", flush=True)
        done = self.run(*arguments)
        lines = done.stdout.strip().splitlines()
        for line in lines if len(lines) <= 6 else [*lines[:2], "...", *lines[-3:]]:
            print(f"  {line}")
        if done.returncode != 0:
            raise SystemExit(f"  exit code {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command without a word."""
        command = [*FLASK, *arguments]
        return subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False)

    def sign_in(self) -> None:
        """Have a token of the demo's coordinator."""
        self.token = self.run("token", "create", "--staff", "coordinator@example.org").stdout.strip()

    @contextlib.contextmanager
    def serving(self, *, works: bool = True) -> Iterator[None]:
        """Run web, and a worker if it `works`, until the end."""
        gunicorn = ["gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{self.port}"]
        quiet = ("--threads", "4", "--no-control-socket", "--log-level", "warning")
        commands = ([*gunicorn, *quiet], ["schedules.worker"])
        running = [
            subprocess.Popen([sys.executable, "-m", *each], cwd=ROOT, env=self._environment, start_new_session=True)
            for each in commands[: 1 + works]
        ]
        try:
            wait_for(lambda: self.status("/health/worker" if works else "/health") == 200, "the service", seconds=60)
            yield
        finally:
            for process in running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                process.wait()

    def status(self, path: str, body: dict[str, Any] | None = None) -> int:
        """Return the status of a GET, or of a PUT with a body; 0 while nobody answers."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        method = "GET" if body is None else "PUT"
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Print a step, and how long it took."""
    began = time.monotonic()
    print(f"\n== {name}", flush=True)
    yield
    print(f"   {time.monotonic() - began:.1f} s", flush=True)


@contextlib.contextmanager
def load(machine: Machine, patient: dict[str, Any]) -> Iterator[list[str]]:
    """Put patient after patient in, and yield whom the service acknowledged."""
    stored: list[str] = []
    ends = threading.Event()

    def put() -> None:
        while not ends.is_set():
            name = f"drill-{len(stored)}"
            if machine.status(f"/api/v1/patients/{name}", patient | {"mrn": name}) == 201:
                stored.append(name)

    thread = threading.Thread(target=put)
    thread.start()
    try:
        yield stored
    finally:
        ends.set()
        thread.join()


PATIENT = {
    "given_name": "Ana", "family_name": "Rossi", "date_of_birth": "1971-02-28", "language": "en", "country": "US",
    "time_zone": "America/New_York", "units": "imperial",
}  # fmt: skip


def drill(first: Machine, second: Machine, file: Path) -> bool:
    """Do it all, and return whether it went as it should."""
    with step("a clinic"):
        first.flask("migrate")
        first.flask("demo", "load")
        first.sign_in()
    # Without a worker, so that messages are under way when the backup is made.
    with first.serving(works=False), load(first, PATIENT) as stored:
        wait_for(lambda: len(stored) >= 20, "writes", seconds=60)
        with step(f"a backup while it is written to ({len(stored)} patients entered so far)"):
            before = len(stored)
            first.flask("backup", str(file))
            print(f"   {len(stored) - before} patients were entered meanwhile")
    began = time.monotonic()
    with step("the machine is lost; on an empty one, with the three keys and the file:"):
        second.flask("backup", "verify", str(file))
        second.flask("restore", str(file))
    with step("web and worker answer"), contextlib.ExitStack() as stack:
        second.token = first.token
        stack.enter_context(second.serving())
        seen = {"/health": second.status("/health"), "/health/worker": second.status("/health/worker")}
        seen["a token from before"] = second.status("/api/v1/me")
        second.sign_in()
        seen["a new token"] = second.status("/api/v1/me")
        seen["the last one entered before the backup"] = second.status(f"/api/v1/patients/drill-{before - 1}")
        for what, status in seen.items():
            print(f"  {status}  {what}")
        running = stack.pop_all()
    took = time.monotonic() - began
    print(f"\nFrom the loss to serving: {took:.0f} s")
    with running, step("what came back, and what waits for somebody's word"):
        wait_for(lambda: second.run("audit", "verify").returncode == 0, "a sealed trail", seconds=120)
        for command in (("audit", "verify"), ("self-audit",), ("held", "list"), ("held", "release", "--all")):
            second.flask(*command)
    return list(seen.values()) == [200, 200, 401, 200, 200] and took <= ONE_HOUR


def main() -> int:
    """Run the drill on the database that the argument names. Return 0 if all went well."""
    kind = sys.argv[1] if len(sys.argv) > 1 else KINDS[0]
    keys = {name: b64encode(secrets.token_bytes(32)).decode() for name in ("SEAL_KEY", "AUDIT_KEY", "BACKUP_KEY")}
    folder = Path(tempfile.mkdtemp(prefix="recovery-drill-"))
    try:
        with contextlib.ExitStack() as stack:
            databases = Databases(folder, stack, durable=True)
            urls = [stack.enter_context(databases.prepared(kind)) for _ in range(2)]
            first, second = (Machine(url, databases.owner_of(url), keys) for url in urls)
            return 0 if drill(first, second, folder / "clinic.backup") else 1
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
