"""From a phone's push to an acknowledged alert, with real processes: web server, worker, mail server.

It is night, in the patient's quiet hours. The worker is killed on the way, and what it had in hand is done by the next
one: nobody is told twice, and nobody is forgotten. The worker's clock runs 60 times as fast as the machine's.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time as machine_time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from config import environment_with
from schedules.plan.vocabulary import AlertState
from service.identity.tokens import enrol_device, issue_staff_token
from tests.alerts import alerts_of, chain
from tests.api.conftest import API, make_clinic
from tests.database import settings_for
from tests.e2e.clinic_at import ROOT, environment_of
from tests.failpoints import FailPoint, running_worker
from tests.processes import wait_for
from tests.worker.desks import SHORT_LEASE
from tests.worker.peers import MailPeer, mail_server

pytestmark = pytest.mark.slow
PACE = 60  # a minute a second
TEN_MINUTES = 10.0  # in seconds of the machine


@contextmanager
def web_server(database_url: str, now: datetime) -> Iterator[str]:
    """Run the web server with a clock that stands at `now`, and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        application = f"tests.e2e.clinic_at:at('{now.isoformat()}')"
        command = [sys.executable, "-m", "gunicorn", application, "--bind", f"fd://{listener.fileno()}"]
        command += ["--threads", "2", "--no-control-socket"]
        environment = environment_with(environment_of(settings_for(database_url)) | {"LOG_LEVEL": "ERROR"})
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, pass_fds=[listener.fileno()], start_new_session=True
        )
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}{API}"
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def call(url: str, token: str, body: Any = None) -> Any:
    """Return the answer to a GET, or to a POST with a body."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
        return json.load(answer)


def told(peer: MailPeer) -> list[str]:
    """Return which of the staff were told, in order: patients get their reminders meanwhile."""
    pairs = (address.partition("@") for address in peer.recipients)
    return [name for name, _, domain in pairs if domain == "clinic.example.org"]


@pytest.mark.parametrize(
    ("point", "zone", "now"),
    [
        ("gated", "America/New_York", datetime(2026, 3, 3, 7, 30, tzinfo=UTC)),  # 02:30
        ("before_send", "Asia/Kolkata", datetime(2026, 3, 2, 20, 0, tzinfo=UTC)),  # 01:30
        ("recorded", "Pacific/Auckland", datetime(2026, 3, 2, 12, 0, tzinfo=UTC)),  # 01:00
    ],
)
def test_a_red_flag_reaches_one_after_the_other_until_somebody_acknowledges_it(
    session: Session, engine: Engine, database_url: str, tmp_path: Path, point: str, zone: str, now: datetime
) -> None:
    clinic = make_clinic(session)
    clinic.patient.time_zone, clinic.patient.opted_out = zone, ["email"]
    clinic.patient.quiet_from, clinic.patient.quiet_until = time(21), time(8)
    chain(session, clinic.practice)
    phone = enrol_device(session, clinic.id, clinic.patient.id, now).access.secret
    staff = issue_staff_token(session, clinic.coordinator, now).secret
    session.commit()
    report = {
        "id": "night-1",
        "episode_id": clinic.episode.id,
        "reported_at": int(now.timestamp() * 1000),
        "pain": 9,
        "red_flags": json.dumps(["new_weakness"]),
    }

    with web_server(database_url, now) as address, mail_server() as peer:
        settings = settings_for(database_url, smtp_port=peer.port, sender_processes=1)
        # What the one that dies holds is soon free; a send of the next one may take its time, or it would be repeated.
        hasty = settings_for(database_url, smtp_port=peer.port, sender_processes=1, **SHORT_LEASE)
        cursor = call(f"{address}/sync/watermelon?last_pulled_at=", phone)["timestamp"]
        body = {"check_ins": {"created": [report], "updated": [], "deleted": []}}
        for _ in range(2):  # the answer to the first was lost
            call(f"{address}/sync/watermelon?last_pulled_at={cursor}", phone, body)

        with running_worker(hasty, now=now, pace=PACE, fail=FailPoint(point, tmp_path / "died")) as doomed:
            doomed.wait_for_death()
        with running_worker(settings, now=now, pace=PACE):
            wait_for(lambda: "first" in told(peer), "the first is told", seconds=60)
            wait_for(lambda: "second" in told(peer), "the next one is told", seconds=60)
            (alert,) = call(f"{address}/alerts", staff)["items"]
            acknowledged = call(f"{address}/alerts/{alert['id']}/acknowledge", staff, {})
            machine_time.sleep(1.2 * TEN_MINUTES)

        assert told(peer) == ["first", "second"]
        assert (alert["level"], acknowledged["state"]) == (2, "acknowledged")
        assert not [each for each in peer.mails if "weakness" in str(each) or "neurolog" in str(each)]
    (stored,) = alerts_of(engine, practice_id=clinic.id)
    assert (stored.state, stored.owner_id) == (AlertState.acknowledged, clinic.coordinator.id)
    # Web server and worker have clocks that tell different times here, so the lines are in the order of none.
    assert sorted(each["line"] for each in acknowledged["log"]) == [
        "acknowledged", "called", "called", "escalated", "raised",
    ]  # fmt: skip
