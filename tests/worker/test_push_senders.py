"""Whom a worker can hand push messages to follows from its settings; a key that cannot sign stops it at the start."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from config import Settings
from config_push import ServiceAccount
from schedules.delivery.channels import can_wake
from schedules.delivery.deliver import make_senders
from schedules.delivery.furnish import WAKING, pace_of
from schedules.plan.vocabulary import Provider
from schedules.worker import main
from tests.clock import MONDAY_AFTERNOON
from tests.database import settings_for
from tests.worker.push_peers import pem_of, rsa_key

URL = "sqlite:///unused.sqlite3"


def account(key: str) -> ServiceAccount:
    return ServiceAccount("recovery-1", "push@example.org", "https://oauth2.googleapis.com/token", key)


ALWAYS = {Provider.smtp, Provider.webhook}


@pytest.fixture
def whole() -> Settings:
    return settings_for(
        URL,
        fcm_credentials=account(pem_of(rsa_key())),
        apns_key=pem_of(ec.generate_private_key(ec.SECP256R1())),
        apns_key_id="KEY1234567",
        apns_team_id="TEAM123456",
        apns_topic="org.example.app",
        expo_url="https://exp.host",
        web_push_key=7,
        web_push_contact="mailto:a@example.org",
    )


def test_without_settings_there_is_no_push_provider() -> None:
    assert set(make_senders(settings_for(URL))) == ALWAYS


def test_each_provider_that_is_set_up_is_built(whole: Settings) -> None:
    push = {Provider.fcm, Provider.apns, Provider.expo, Provider.web_push}

    assert set(make_senders(whole)) == ALWAYS | push
    assert set(make_senders(replace(whole, apns_key=None))) == ALWAYS | push - {Provider.apns}


def test_what_wakes_devices_takes_its_share_of_a_providers_pace(whole: Settings) -> None:
    paces = (("fcm", 30.0), ("smtp", 30.0))
    now = MONDAY_AFTERNOON

    def seconds_to_the_46th(settings: Settings, provider: Provider) -> float:
        pace = pace_of(settings)
        times = [pace.time_for(provider, now, useful_until=now + timedelta(hours=1)) for _ in range(46)]
        return round((times[-1] - now).total_seconds(), 3)

    with_wakes = replace(whole, provider_paces=paces, sender_processes=2)
    without = replace(with_wakes, wake_by_push=False)

    assert seconds_to_the_46th(with_wakes, Provider.fcm) == 4.5
    assert seconds_to_the_46th(without, Provider.fcm) == 3.0
    assert seconds_to_the_46th(with_wakes, Provider.smtp) == 3.0


def test_only_providers_that_can_wake_without_showing_anything_wake(whole: Settings) -> None:
    waking = {provider for provider, sender in make_senders(whole).items() if can_wake(sender)}

    assert waking == set(WAKING)


@pytest.mark.sqlite_only
def test_a_worker_with_a_key_of_the_wrong_kind_does_not_start_and_says_which(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    key = pem_of(ec.generate_private_key(ec.SECP256R1()))

    with caplog.at_level(logging.ERROR):
        code = main(replace(settings, fcm_credentials=account(key)))

    assert code == 1
    assert "FCM_CREDENTIALS: expected a key" in caplog.text
    assert key not in caplog.text
