"""What tests of the worker share: mail that goes nowhere; and of wake-ups an Expo, a process's rounds, a phone."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import Patient, Practice, PushAddress
from models.push import PushProvider
from schedules.delivery.channels.expo import ExpoSender
from schedules.delivery.channels.http import HttpLine
from schedules.delivery.deliver import Desk
from schedules.plan.vocabulary import Provider
from tests import builders
from tests.clock import FixedClock
from tests.worker.desks import Outbox, desk_of
from tests.worker.push_peers import ExpoPeer, running
from tests.worker.push_samples import EXPO_ADDRESS
from tests.worker.wake_bench import Round, phone, wake_desk


@pytest.fixture
def mail() -> Outbox:
    """Return what takes mail and keeps it."""
    return Outbox()


@pytest.fixture
def desk(engine: Engine, clock: FixedClock, mail: Outbox) -> Desk:
    """Return a worker's desk that sends by that mail alone."""
    return desk_of(engine, clock, {Provider.smtp: mail})


@pytest.fixture
def expo() -> Iterator[ExpoPeer]:
    """Yield the service that wakes phones."""
    peer = ExpoPeer()
    with running(peer):
        yield peer


@pytest.fixture
def expo_line() -> Iterator[HttpLine]:
    """Yield connections to it."""
    line = HttpLine()
    yield line
    line.close()


@pytest.fixture
def rounds(engine: Engine, clock: FixedClock, expo: ExpoPeer, expo_line: HttpLine) -> Round:
    """Return what does a process's rounds, by Expo."""
    return Round(wake_desk(engine, clock, {Provider.expo: ExpoSender(expo.service, expo_line)}), clock)


@pytest.fixture
def practice(session: Session) -> Practice:
    """Return a clinic."""
    return builders.practice(session)


@pytest.fixture
def patient(session: Session, practice: Practice) -> Patient:
    """Return its patient."""
    row = builders.patient(session, practice)
    session.commit()
    return row


@pytest.fixture
def address(session: Session, patient: Patient) -> PushAddress:
    """Return the address of the patient's phone, which has all there is."""
    return phone(session, patient, PushProvider.expo, EXPO_ADDRESS)
