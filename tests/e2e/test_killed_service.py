"""The web service is killed while phones report: whatever was acknowledged is there afterwards (D04)."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import environment_with
from models import CheckIn
from schedules.clock import SystemClock
from service.identity.tokens import enrol_device
from tests.api.conftest import API, make_clinic
from tests.database import settings_for
from tests.e2e.clinic_at import ROOT, environment_of
from tests.processes import wait_for

pytestmark = pytest.mark.slow
PHONES, ENOUGH = 4, 60


@contextmanager
def running_service(database_url: str, log: IO[bytes] | None = None) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run the web server as `make run` does, leader of a process group of its own. Yield its address and it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"fd://{listener.fileno()}"]
        command += ["--threads", str(PHONES), "--no-control-socket"]
        environment = environment_with(environment_of(settings_for(database_url)) | {"LOG_LEVEL": "ERROR"})
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, pass_fds=[listener.fileno()], start_new_session=True, stderr=log
        )
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.close()  # or whoever calls after the kill would wait to be accepted
        try:
            yield address, server
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def put(url: str, token: str, body: dict[str, object]) -> int | None:
    """Return the status of a PUT, None if the connection broke."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def test_every_report_that_was_acknowledged_survives_a_kill(session: Session, database_url: str) -> None:
    clinic = make_clinic(session)
    token = enrol_device(session, clinic.id, clinic.patient.id, SystemClock().now()).access.secret
    session.commit()
    body = {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T08:30:00Z", "pain": 4}
    acknowledged: list[str] = []

    with running_service(database_url) as (address, server):

        def report(phone: int) -> None:
            for number in range(10_000):
                name = f"phone-{phone}-{number}"
                status = put(f"{address}{API}/check-ins/{name}", token, body)
                if status is None:
                    return
                if status == 201:
                    acknowledged.append(name)

        phones = [threading.Thread(target=report, args=(phone,)) for phone in range(PHONES)]
        for phone in phones:
            phone.start()
        wait_for(lambda: len(acknowledged) >= ENOUGH, "reports", seconds=60)
        os.killpg(server.pid, signal.SIGKILL)
        for phone in phones:
            phone.join()

    stored = set(session.scalars(select(CheckIn.id)))
    assert set(acknowledged) <= stored
    assert len(stored) - len(acknowledged) <= PHONES  # each may have had one on its way
