"""The real service as phones reach it: gunicorn with two processes on a database of its own."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from config import environment_with
from models import Device, Episode, Milestone, Patient, Practice, Staff, SyncClock, Token
from models.engine import make_engine, make_session_factory
from models.identity import TokenKind
from schedules.planning import plan_episode
from service.identity.tokens import DeviceTokens, enrol_device, issue_staff_token
from service.sync.collections import COLLECTIONS, SCHEMA_VERSION
from service.sync.columns import Kind, WireColumn
from tests import builders
from tests.clients.driver import Row, Schema
from tests.clock import MONDAY_AFTERNOON
from tests.database import owner_url_of, settings_for
from tests.e2e.clinic_at import ROOT, environment_of
from tests.processes import wait_for

APP = "tests.clients.quick:app"
USED = ("patients", "milestones", "milestone_progress", "check_ins", "reminders", "reminder_acks")
_TYPES = {Kind.number: "number", Kind.instant: "number", Kind.flag: "boolean"}


def schema_of(*names: str, version: int = SCHEMA_VERSION) -> Schema:
    """Return the schema of an app that uses these collections."""
    return {"version": version, "collections": {name: _collection(name, version) for name in names}}


def _collection(name: str, version: int) -> Mapping[str, Any]:
    collection = COLLECTIONS[name]
    columns = [column for column in collection.columns_of(version) if column.name != "rev"]
    return {"writable": bool(collection.written), "columns": [_column(name, column) for column in columns]}


def _column(name: str, column: WireColumn) -> Mapping[str, Any]:
    # What the server fills in is unknown to a device that makes a row.
    is_filled = COLLECTIONS[name].creates and column.name not in COLLECTIONS[name].written
    return {
        "name": column.name,
        "type": _TYPES.get(column.kind, "string"),
        "optional": column.optional or is_filled,
    }


@dataclass
class Service:
    """The running service. `base` is where apps point; `sessions` reach its database."""

    base: str
    sessions: sessionmaker[Session]

    def raise_epoch(self, practice_id: str) -> None:
        """Do what an operator does after a restore that lost commits."""
        with self.sessions.begin() as session:
            clock = update(SyncClock).where(SyncClock.practice_id == practice_id)
            session.execute(clock.values(epoch=SyncClock.epoch + 1))


@dataclass
class Ward:
    """A clinic of its own on the service: a patient with a plan, on the panel of a coordinator."""

    service: Service
    practice_id: str
    patient_id: str
    episode_id: str
    staff_token: str
    milestone_ids: dict[str, str]

    def new_tokens(self) -> DeviceTokens:
        """Enrol a phone of the patient and return what it signs in with."""
        with self.service.sessions.begin() as session:
            return enrol_device(session, self.practice_id, self.patient_id, datetime.now(UTC))

    def new_phone(self) -> str:
        """Enrol a phone of the patient and return its access token."""
        return self.new_tokens().access.secret

    def end_access_tokens(self) -> None:
        """Have every access token of the clinic's phones be over, as an hour later."""
        of_phones = update(Token).filter_by(practice_id=self.practice_id, kind=TokenKind.device_access)
        with self.service.sessions.begin() as session:
            session.execute(of_phones.values(expires_at=datetime.now(UTC)))

    def count_exchanges(self) -> int:
        """Return how often the clinic's phones exchanged a refresh token."""
        with self.service.sessions() as session:
            made = session.query(Token).filter_by(practice_id=self.practice_id, kind=TokenKind.device_refresh)
            return made.filter(Token.succeeds_id.is_not(None)).count()

    def beside(self) -> "Ward":
        """Return the same clinic with another patient of the coordinator's, who has no plan."""
        with self.service.sessions() as session:
            casey = session.query(Staff).filter_by(practice_id=self.practice_id).one()
            person = builders.patient(session, session.get_one(Practice, self.practice_id))
            episode = builders.episode(session, person, coordinator_id=casey.id)
            session.commit()
            return replace(self, patient_id=person.id, episode_id=episode.id, milestone_ids={})

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send a request of the coordinator's."""
        sent = {"Authorization": f"Bearer {self.staff_token}"} | headers
        return httpx.request(method, f"{self.service.base}{path}", json=body, headers=sent, timeout=20)

    def stored(self, collection: str, *, token: str = "") -> dict[str, Row]:
        """Return the rows of a collection as a new phone of the patient's, or a device with that token, gets them."""
        changes = self._pull(token or self.new_phone())["changes"]
        return {row["id"]: row for row in changes[collection]["updated"]}

    def push_of(self, *check_ins: Row) -> dict[str, Any]:
        """Return the request by which a phone of the patient's that is up to date stores these check-ins."""
        token = self.new_phone()
        return {
            "method": "POST",
            "url": f"{self.service.base}/sync/watermelon?last_pulled_at={self._pull(token)['timestamp']}",
            "headers": {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            "body": json.dumps({"check_ins": {"created": [], "updated": check_ins, "deleted": []}}),
        }

    def report(self, *row_ids: str) -> None:
        """Store check-ins of the patient's."""
        push = self.push_of(*map(self.check_in, row_ids))
        answer = httpx.request(push["method"], push["url"], headers=push["headers"], content=push["body"], timeout=60)
        assert answer.status_code == 200, answer.text

    def _pull(self, token: str) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{self.service.base}/sync/watermelon", headers=headers, timeout=60).json()

    def revision(self) -> int:
        """Return the practice's revision."""
        with self.service.sessions() as session:
            return session.get_one(SyncClock, self.practice_id).revision

    def close_episode(self) -> None:
        """Take the patient off the coordinator's panel."""
        with self.service.sessions.begin() as session:
            session.get_one(Episode, (self.practice_id, self.episode_id)).coordinator_id = None

    def revoke_phones(self) -> None:
        """Revoke every phone of the patient."""
        with self.service.sessions.begin() as session:
            theirs = update(Device).filter_by(practice_id=self.practice_id, patient_id=self.patient_id)
            session.execute(theirs.values(revoked_at=datetime.now(UTC)))

    def check_in(self, row_id: str, *, version: int = SCHEMA_VERSION, **more: Any) -> Row:
        """Return a check-in as an app of a schema version makes it."""
        of_version = schema_of("check_ins", version=version)
        optional = {column["name"]: None for column in of_version["collections"]["check_ins"]["columns"]}
        told = {"id": row_id, "episode_id": self.episode_id, "reported_at": 1_772_460_000_000, "pain": 4}
        return optional | told | more


def new_ward(service: Service) -> Ward:
    """Store a clinic."""
    with service.sessions() as session:
        practice: Practice = builders.practice(session)
        casey: Staff = builders.staff(session, practice)
        person: Patient = builders.patient(session, practice)
        episode: Episode = builders.episode(session, person, coordinator_id=casey.id)
        builders.surgery(session, episode)
        plan_episode(session, practice.id, episode.id, MONDAY_AFTERNOON)
        token = issue_staff_token(session, casey, datetime.now(UTC))
        session.commit()
        milestones = session.query(Milestone).filter_by(practice_id=practice.id)
        ids = {row.key: row.id for row in milestones}
        return Ward(service, practice.id, person.id, episode.id, token.secret, ids)


@contextmanager
def running_service(database_url: str, app: str = APP, *, processes: int = 2) -> Iterator[Service]:
    """Start the service on a database, and stop it."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        descriptor, port = listener.fileno(), listener.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", app, "--bind", f"fd://{descriptor}", "--workers", str(processes)]
        command += ["--threads", "16", "--log-level", "warning"]
        command += ["--graceful-timeout", "0"]  # at the end nobody waits for an answer any more
        process = subprocess.Popen(
            [*command, "--no-control-socket"],
            cwd=ROOT,
            env=environment_with(environment_of(settings_for(database_url))),
            pass_fds=(descriptor,),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        engine = make_engine(owner_url_of(database_url))
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(lambda: _answers(address), "the service", seconds=60)
            yield Service(f"{address}/api/v1", make_session_factory(engine))
        finally:
            engine.dispose()
            process.terminate()
            process.wait(20)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=1).status_code == 200
    except httpx.TransportError:
        return False
