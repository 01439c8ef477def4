"""Consents that are over are ended by the worker: messages to the proxy's phone stop, and it is woken to be emptied."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import AuditEntry, DeviceWake, Patient, Practice, ProxyConsent, PushAddress, Token
from models.engine import make_session_factory
from models.identity import Device
from models.proxy import ConsentEnd
from schedules import jobs
from schedules.delivery.push_addresses import load_push_targets
from schedules.plan.vocabulary import EpisodeStatus
from service.identity.principal import Proxy
from service.identity.tokens import enrol_device
from tests import builders
from tests.clock import MONDAY_AFTERNOON
from tests.database import service_engine_of
from tests.worker.push_peers import ExpoPeer
from tests.worker.push_samples import EXPO_ADDRESS
from tests.worker.wake_bench import Round

OVER = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.fixture
def end_lapsed(engine: Engine) -> Callable[[], None]:
    make_session = make_session_factory(service_engine_of(engine))
    return lambda: jobs.end_lapsed_proxies(make_session, MONDAY_AFTERNOON)


@pytest.fixture
def consent(session: Session, practice: Practice, patient: Patient) -> ProxyConsent:
    """Return a consent whose proxy has a phone that takes messages."""
    row = builders.proxy_consent(session, patient, builders.staff(session, practice))
    proxy = Proxy(row.id, frozenset())
    phone = enrol_device(session, practice.id, patient.id, MONDAY_AFTERNOON, proxy=proxy).principal.actor_id
    device = session.get_one(Device, (practice.id, phone))
    builders.push_address(session, device, provider="expo", address=EXPO_ADDRESS)
    session.commit()
    return row


@pytest.mark.parametrize("why", [ConsentEnd.expired, ConsentEnd.patient_died, ConsentEnd.patient_withdrew])
def test_a_consent_that_is_over_ends_with_its_phone_and_says_why(
    why: ConsentEnd,
    session: Session,
    practice: Practice,
    patient: Patient,
    consent: ProxyConsent,
    end_lapsed: Callable[[], None],
) -> None:
    before = load_push_targets(session, practice.id, [patient.id])
    if why is ConsentEnd.expired:
        consent.ends_at = OVER
    elif why is ConsentEnd.patient_died:
        patient.died_on = date(2026, 3, 1)
    else:
        builders.episode(session, patient, status=EpisodeStatus.withdrawn)
    session.commit()

    for _ in range(2):
        end_lapsed()

    session.expire_all()
    (device,) = session.scalars(select(Device))
    (entry,) = session.scalars(select(AuditEntry))
    (wake,) = session.scalars(select(DeviceWake))
    assert (consent.ended_at, consent.ended_how) == (MONDAY_AFTERNOON, why)
    assert [device.revoked_at, *session.scalars(select(Token.revoked_at))] == [MONDAY_AFTERNOON] * 3
    assert (wake.device_id, wake.due_at) == (device.id, MONDAY_AFTERNOON)
    assert (entry.route, entry.about["ended_how"]) == ("job end_lapsed_proxies", why)
    assert [len(before), len(load_push_targets(session, practice.id, [patient.id]))] == [1, 0]


def test_a_consent_that_holds_is_left_alone(
    session: Session, consent: ProxyConsent, end_lapsed: Callable[[], None]
) -> None:
    end_lapsed()

    session.expire_all()
    assert consent.ended_at is None
    assert session.scalars(select(Device.revoked_at)).all() == [None]


def test_a_proxys_phone_is_woken_once_to_be_told_that_it_is_over(
    session: Session, expo: ExpoPeer, rounds: Round, consent: ProxyConsent, end_lapsed: Callable[[], None]
) -> None:
    consent.ends_at = OVER
    session.commit()
    end_lapsed()

    for _ in range(3):
        rounds.whole()

    assert [[each["to"] for each in seen.json] for seen in expo.seen] == [[EXPO_ADDRESS]]
    assert session.scalars(select(PushAddress.disabled_at)).all() == [None]
