"""A phone renews its tokens and its network drops the answer: it keeps its enrolment, and a thief still ends it."""

import json
import socket
import urllib.error
import urllib.request
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Device, Token
from schedules.clock import SystemClock
from service.identity.tokens import enrol_device
from tests.api.conftest import API, make_clinic
from tests.e2e.test_killed_service import running_service
from tests.processes import wait_for

pytestmark = pytest.mark.slow


def call(url: str, token: str | None, body: dict[str, str] | None = None) -> tuple[int, dict[str, str]]:
    """Return status and body of the answer to a GET, or with a body to a POST."""
    headers = {"Content-Type": "application/json"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def send_and_hear_nothing(address: str, path: str, body: dict[str, str], session: Session) -> None:
    """Send a POST and drop the connection once the service has committed, before a byte of the answer is read."""
    place, content = urlsplit(address), json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    before = count_tokens(session)
    with socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=20) as phone:
        phone.sendall(head.encode() + content)
        wait_for(lambda: count_tokens(session) > before, "the new tokens")


def count_tokens(session: Session) -> int:
    count = len(session.scalars(select(Token.id)).all())
    session.rollback()  # or nobody else could write
    return count


def revoked_at(session: Session, practice_id: str, device_id: str) -> datetime | None:
    revoked_at = session.get_one(Device, (practice_id, device_id), populate_existing=True).revoked_at
    session.rollback()
    return revoked_at


def test_a_phone_whose_network_drops_the_new_tokens_stays_enrolled_and_a_thief_does_not(
    session: Session, database_url: str
) -> None:
    clinic = make_clinic(session)
    first = enrol_device(session, clinic.id, clinic.patient.id, SystemClock().now())
    practice_id, patient_id = clinic.id, clinic.patient.id
    session.commit()
    device_id, refresh = first.principal.actor_id, {"refresh_token": first.refresh.secret}

    with running_service(database_url) as (address, _):
        url = f"{address}{API}"
        for _ in range(2):
            send_and_hear_nothing(address, f"{API}/tokens/refresh", refresh, session)
        status, renewed = call(f"{url}/tokens/refresh", None, refresh)
        seen, _ = call(f"{url}/patients/{patient_id}", renewed["access_token"])

        assert (status, seen) == (200, 200)
        assert revoked_at(session, practice_id, device_id) is None

        stolen, _ = call(f"{url}/tokens/refresh", None, refresh)
        after, problem = call(f"{url}/patients/{patient_id}", renewed["access_token"])

    assert stolen == 401
    assert (after, problem["code"]) == (401, "device_revoked")
    assert revoked_at(session, practice_id, device_id) is not None
