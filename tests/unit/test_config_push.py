"""The settings of push: a provider is set up whole or not at all, and no secret is shown or sent in clear."""

import base64
import json

import pytest

from config import Settings
from config_push import DEFAULT_WEB_PUSH_HOSTS
from tests.unit.test_config import NEEDED, problems_of

PEM = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
ACCOUNT = {
    "type": "service_account",
    "project_id": "recovery-1",
    "client_email": "push@recovery-1.example.org",
    "token_uri": "https://oauth2.googleapis.com/token",
    "private_key": PEM,
}
APNS = {"APNS_KEY": PEM, "APNS_KEY_ID": "KEY1234567", "APNS_TEAM_ID": "TEAM123456", "APNS_TOPIC": "org.example.app"}
WEB_PUSH = {"WEB_PUSH_KEY": base64.b64encode(bytes(31) + b"\x07").decode(), "WEB_PUSH_CONTACT": "mailto:a@example.org"}


def test_without_a_key_no_push_provider_is_set_up() -> None:
    settings = Settings.from_env(NEEDED)

    assert (settings.fcm_credentials, settings.apns_key, settings.expo_url, settings.web_push_key) == (None,) * 4
    assert settings.web_push_hosts == DEFAULT_WEB_PUSH_HOSTS


def test_each_provider_can_be_set_up() -> None:
    env = APNS | WEB_PUSH | {"FCM_CREDENTIALS": json.dumps(ACCOUNT), "EXPO_URL": "https://exp.host/", "EXPO_TOKEN": "t"}

    settings = Settings.from_env(NEEDED | env | {"WEB_PUSH_HOSTS": "127.0.0.1, .push.example.org"})

    assert settings.fcm_credentials is not None
    assert settings.fcm_credentials.project_id == "recovery-1"
    assert (settings.apns_topic, settings.expo_url) == ("org.example.app", "https://exp.host")
    assert (settings.web_push_key, settings.web_push_hosts) == (7, ("127.0.0.1", ".push.example.org"))
    assert "PRIVATE" not in repr(settings)


def test_a_signing_key_may_come_in_either_alphabet_of_base64() -> None:
    number = int.from_bytes(b"\x3f\xff" * 16)
    key = number.to_bytes(32)
    spellings = (base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode().rstrip("="))

    assert [Settings.from_env(NEEDED | WEB_PUSH | {"WEB_PUSH_KEY": each}).web_push_key for each in spellings] == [
        number,
        number,
    ]


@pytest.mark.parametrize("missing", ["APNS_KEY_ID", "APNS_TEAM_ID", "APNS_TOPIC"])
def test_half_of_apples_settings_are_refused(missing: str) -> None:
    env = {name: value for name, value in APNS.items() if name != missing}

    assert problems_of(NEEDED | env) == (f"{missing}: expected together with APNS_KEY, got nothing",)


@pytest.mark.parametrize(
    ("env", "problem"),
    [
        ({"APNS_TOPIC": "org.example.app"}, "APNS_KEY: expected together with APNS_TOPIC, got nothing"),
        (
            {"WEB_PUSH_CONTACT": "https://c.example"},
            "WEB_PUSH_KEY: expected together with WEB_PUSH_CONTACT, got nothing",
        ),
        ({"EXPO_TOKEN": "hunter2"}, "EXPO_URL: expected together with EXPO_TOKEN, got nothing"),
    ],
)
def test_what_belongs_to_a_key_needs_the_key(env: dict[str, str], problem: str) -> None:
    assert problem in problems_of(NEEDED | env)


@pytest.mark.parametrize(
    ("env", "name"),
    [
        (APNS | {"APNS_URL": "http://apns.example.org"}, "APNS_URL"),
        ({"FCM_URL": "http://fcm.example.org"}, "FCM_URL"),
        ({"EXPO_URL": "http://exp.example.org"}, "EXPO_URL"),
        (
            {"FCM_CREDENTIALS": json.dumps(ACCOUNT | {"token_uri": "http://oauth2.example.org/token"})},
            "FCM_CREDENTIALS",
        ),
    ],
)
def test_no_secret_travels_in_clear(env: dict[str, str], name: str) -> None:
    (problem,) = problems_of(NEEDED | env)

    assert problem.startswith(f"{name}: expected https:// for a provider on another machine, got 'http'")


@pytest.mark.parametrize(
    "raw",
    [
        "hunter2",
        "[]",
        "{}",
        json.dumps(ACCOUNT | {"private_key": "hunter2"}),
        json.dumps(ACCOUNT | {"project_id": "../hunter2"}),
        json.dumps(ACCOUNT | {"token_uri": 5}),
        json.dumps(ACCOUNT | {"client_email": None}),
    ],
)
def test_what_is_no_service_account_is_refused_and_not_repeated(raw: str) -> None:
    (problem,) = problems_of(NEEDED | {"FCM_CREDENTIALS": raw})

    assert problem == (
        "FCM_CREDENTIALS: expected the JSON of a service account with project_id, client_email, private_key and "
        f"token_uri, got {len(raw)} characters"
    )


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("APNS_KEY", "hunter2"),
        ("APNS_KEY_ID", "a b"),
        ("APNS_TOPIC", "org/example"),
        ("EXPO_TOKEN", "two words"),
        ("WEB_PUSH_KEY", "hunter2"),
        ("WEB_PUSH_KEY", base64.b64encode(bytes(32)).decode()),
        ("WEB_PUSH_KEY", base64.b64encode(b"\xff" * 32).decode()),
        ("WEB_PUSH_CONTACT", "a@example.org"),
        ("WEB_PUSH_HOSTS", "https://fcm.googleapis.com"),
        ("WEB_PUSH_HOSTS", "*"),
        ("WEB_PUSH_HOSTS", "."),
        ("WEB_PUSH_HOSTS", "a,,b"),
    ],
)
def test_what_cannot_be_is_refused(name: str, raw: str) -> None:
    env = APNS | WEB_PUSH | {"EXPO_URL": "https://exp.host"}

    (problem,) = problems_of(NEEDED | env | {name: raw})

    assert problem.startswith(f"{name}: expected ")
    assert "hunter2" not in problem


@pytest.mark.parametrize(
    ("env", "wakes"),
    [
        ({}, False),
        ({"EXPO_URL": "https://exp.host"}, True),
        (APNS, True),
        ({"FCM_CREDENTIALS": json.dumps(ACCOUNT)}, True),
        (WEB_PUSH, False),
        ({"EXPO_URL": "https://exp.host", "WAKE_BY_PUSH": "false"}, False),
        ({"EXPO_URL": "https://exp.host", "SEND_TO_LOG": "true"}, False),
    ],
)
def test_devices_are_woken_where_a_provider_can_do_it_and_it_is_not_switched_off(
    env: dict[str, str], wakes: bool
) -> None:
    assert Settings.from_env(NEEDED | env).wakes_devices is wakes
