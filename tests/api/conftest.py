"""A clinic with two patients and another clinic beside it, and callers of every kind."""

import pickle
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from json import dumps
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from config import Settings
from models import Episode, Milestone, Patient, Practice, Staff, Surgery, journal, private
from models.base import Base
from models.engine import begin_reads, make_session_factory
from models.people import StaffRole
from models.proxy import ProxyScope
from models.service_account import Scope
from schedules.planning import plan_episode
from service.app import create_app
from service.db import db
from service.identity.principal import Proxy
from service.identity.service_accounts import NewServiceAccount, make_service_account
from service.identity.sessions import start_session
from service.identity.tokens import enrol_device, issue_staff_token
from service.identity.totp import make_secret
from tests import builders
from tests.api.message_reader import message, reader, small_clinic  # noqa: F401
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import AUDIT_KEY, SEAL_KEY

if TYPE_CHECKING:
    from tests.api.signing_in import Person

API = "/api/v1"
Row = TypeVar("Row", bound=Base)
Answer = Any  # werkzeug's TestResponse, whose `json` may be any value


@dataclass(frozen=True)
class Caller:
    """Somebody with a token, or without."""

    client: FlaskClient
    token: str | None

    def call(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request under the API's prefix."""
        headers = dict(options.pop("headers", {}))
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        address = path if path.startswith(("/health", "/m/", "/pages/", "/calendar/")) else API + path
        return self.client.open(address, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> Answer:
        """Send a GET."""
        return self.call("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Answer:
        """Send a POST with a JSON body, by default an empty object."""
        return self._send("POST", path, {} if json is None else json, **options)

    def put(self, path: str, json: Any, *, match: str | None = None) -> Answer:
        """Send a PUT; `match` is the ETag that it is made from."""
        return self._send("PUT", path, json, headers=_match(match))

    def patch(self, path: str, json: Any, *, match: str | None = None) -> Answer:
        """Send a PATCH; `match` is the ETag that it is made from."""
        return self._send("PATCH", path, json, headers=_match(match))

    def amend(self, path: str, json: Any) -> Answer:
        """Send a PATCH made from the record as it stands now."""
        return self.patch(path, json, match=self.get(path).headers["ETag"])

    def _send(self, method: str, path: str, body: Any, **options: Any) -> Answer:
        # By the standard library, as clients do: it writes numbers that ours would not.
        return self.call(method, path, data=dumps(body), content_type="application/json", **options)


def _match(etag: str | None) -> dict[str, str]:
    return {} if etag is None else {"If-Match": etag}


@dataclass(frozen=True)
class Clinic:
    """One practice: a patient a week after a microdiscectomy with a full plan, another patient, staff of two roles."""

    practice: Practice
    coordinator: Staff
    clinician: Staff
    patient: Patient
    episode: Episode
    surgery: Surgery
    other_patient: Patient
    other_episode: Episode
    other_surgery: Surgery

    @property
    def id(self) -> str:
        """Return the practice's id."""
        return self.practice.id


def make_clinic(session: Session) -> Clinic:
    """Store a clinic with its plans."""
    practice = builders.practice(session)
    patient, other = builders.patient(session, practice), builders.patient(session, practice)
    episode, other_episode = builders.episode(session, patient), builders.episode(session, other)
    clinic = Clinic(
        practice=practice,
        coordinator=builders.staff(session, practice),
        clinician=builders.staff(session, practice, role=StaffRole.clinician),
        patient=patient,
        episode=episode,
        surgery=builders.surgery(session, episode),
        other_patient=other,
        other_episode=other_episode,
        other_surgery=builders.surgery(session, other_episode),
    )
    for each in (episode, other_episode):
        plan_episode(session, practice.id, each.id, MONDAY_AFTERNOON)
    session.commit()
    return clinic


_STORED: dict[str, tuple[str, bytes]] = {}  # by dialect: the id of the clinic that `store_clinic` stored, and its rows


def store_clinic(session: Session) -> None:
    """Store the clinic that a copy of this database begins with."""
    # Whatever keys the test before this one worked with.
    private.set_key(SEAL_KEY)
    journal.set_key(AUDIT_KEY)
    clinic = make_clinic(session)
    session.expunge_all()
    _STORED[session.get_bind().dialect.name] = clinic.id, pickle.dumps(clinic)


@pytest.fixture
def clinic(session: Session, stored_clinic: None) -> Clinic:
    """Return a stored clinic, as if it had been stored just now in this session."""
    practice_id, rows = _STORED.get(session.get_bind().dialect.name, ("", b""))
    begin_reads(session)
    if session.scalar(select(Practice.id).where(Practice.id == practice_id)) is None:
        session.rollback()
        return make_clinic(session)
    clinic: Clinic = pickle.loads(rows)
    session.add_all(vars(clinic).values())
    for owner in (clinic.coordinator, clinic.patient, clinic.other_patient):
        assert owner.email  # now this process has their keys, as after it has stored them
    session.commit()
    return clinic


@pytest.fixture
def foreign_clinic(session: Session) -> Clinic:
    """Return another stored clinic."""
    return make_clinic(session)


@pytest.fixture
def app(settings: Settings, clock: FixedClock) -> Iterator[Flask]:
    """Yield the application on this test's database, with a clock that stands still."""
    app = create_app(settings, clock)
    yield app
    for thread in threading.enumerate():
        if thread.name == "sync-wakes":
            thread.join()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def anonymous(app: Flask) -> Caller:
    """Return a caller without a token."""
    return Caller(app.test_client(), None)


@pytest.fixture
def coordinator(app: Flask, session: Session, clinic: Clinic) -> Caller:
    """Return the clinic's coordinator."""
    return as_staff(app, session, clinic.coordinator)


@pytest.fixture
def clinician(app: Flask, session: Session, clinic: Clinic) -> Caller:
    """Return the clinic's clinician."""
    return as_staff(app, session, clinic.clinician)


@pytest.fixture
def patient(app: Flask, session: Session, clinic: Clinic) -> Caller:
    """Return the patient's phone."""
    return as_patient(app, session, clinic.patient)


@pytest.fixture
def other_patient(app: Flask, session: Session, clinic: Clinic) -> Caller:
    """Return the other patient's phone."""
    return as_patient(app, session, clinic.other_patient)


@pytest.fixture
def foreign_staff(app: Flask, session: Session, foreign_clinic: Clinic) -> Caller:
    """Return the other clinic's coordinator."""
    return as_staff(app, session, foreign_clinic.coordinator)


def as_staff(app: Flask, session: Session, staff: Staff) -> Caller:
    """Return a member of staff with a new token."""
    issued = issue_staff_token(session, staff, MONDAY_AFTERNOON)
    session.commit()
    return Caller(app.test_client(), issued.secret)


def as_signed_in(app: Flask, session: Session, staff: Staff) -> Caller:
    """Return a member of staff in a new session."""
    issued = start_session(
        session, staff.practice_id, staff.id, life=timedelta(hours=12), label="Firefox", now=MONDAY_AFTERNOON
    )
    session.commit()
    return Caller(app.test_client(), issued.secret)


def as_service(app: Flask, session: Session, clinic: Clinic, *scopes: str) -> Caller:
    """Return a program of the clinic with a key for these scopes."""
    wanted = NewServiceAccount(name="Hospital records", scopes=[Scope(each) for each in scopes])
    _, key = make_service_account(session, clinic.id, wanted, MONDAY_AFTERNOON)
    session.commit()
    return Caller(app.test_client(), key)


def as_patient(app: Flask, session: Session, patient: Patient) -> Caller:
    """Return a patient's new phone."""
    tokens = enrol_device(session, patient.practice_id, patient.id, MONDAY_AFTERNOON)
    session.commit()
    return Caller(app.test_client(), tokens.access.secret)


def as_proxy(app: Flask, session: Session, clinic: Clinic, *scopes: str) -> Caller:
    """Return the new phone of a proxy of the clinic's patient, who may do what these scopes open."""
    consent = builders.proxy_consent(session, clinic.patient, clinic.coordinator, scopes=list(scopes))
    proxy = Proxy(consent.id, frozenset(ProxyScope(each) for each in scopes))
    tokens = enrol_device(session, clinic.id, clinic.patient.id, MONDAY_AFTERNOON, proxy=proxy)
    session.commit()
    return Caller(app.test_client(), tokens.access.secret)


@pytest.fixture
def casey(app: Flask, session: Session, clinic: Clinic, clock: FixedClock) -> "Person":
    """Return the clinic's coordinator, who has a password and an authenticator."""
    from tests.api.signing_in import Person, give_credential

    secret = make_secret()
    give_credential(session, clinic.coordinator, secret=secret)
    return Person(app, clinic.practice, clinic.coordinator, clock, secret)


@pytest.fixture
def newcomer(app: Flask, session: Session, clinic: Clinic, clock: FixedClock) -> "Person":
    """Return the clinic's clinician, who has a password and no authenticator yet."""
    from tests.api.signing_in import Person, give_credential

    give_credential(session, clinic.clinician, secret=None)
    return Person(app, clinic.practice, clinic.clinician, clock)


class Look(Protocol):
    """Reads what the application committed, in a transaction of its own."""

    def __call__(self, model: type[Row], **equal: Any) -> list[Row]:
        """Return the rows whose columns equal what is given, by id."""
        ...


@pytest.fixture
def look(engine: Engine) -> Look:
    """Return a way to read what is stored."""

    def read(model: type[Row], **equal: Any) -> list[Row]:
        with make_session_factory(engine)() as session:
            begin_reads(session)
            return list(session.scalars(select(model).filter_by(**equal).order_by(model.id)).all())  # type: ignore[attr-defined]

    return read


@pytest.fixture
def milestone_id(look: Look, clinic: Clinic) -> Callable[[str], str]:
    """Return a way to find the id of a milestone of the clinic's first patient by its key."""

    def find(key: str) -> str:
        (row,) = look(Milestone, practice_id=clinic.id, episode_id=clinic.episode.id, key=key)
        return row.id

    return find
