"""Settings: every problem at once, no secret shown, and the README's table kept true."""

import base64
import dataclasses
from pathlib import Path

import pytest

from config import ConfigError, Settings, settings_table

KEY = base64.b64encode(bytes(range(1, 33))).decode()
ZEROS = base64.b64encode(bytes(32)).decode()
OTHER_KEY = base64.b64encode(bytes(range(32))).decode()
NEEDED = {"SEAL_KEY": KEY, "AUDIT_KEY": OTHER_KEY}
ROOT = Path(__file__).parents[2]


def problems_of(env: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        Settings.from_env(env)
    return caught.value.problems


def test_two_keys_are_all_that_must_be_set() -> None:
    settings = Settings.from_env(NEEDED)

    assert settings.seal_key == bytes(range(1, 33))
    assert settings.audit_key == bytes(range(32))
    assert settings.database_url == "sqlite:///var/recovery.sqlite3"
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)


def test_no_secret_has_a_default() -> None:
    assert problems_of({}) == (
        "SEAL_KEY: must be set, or SEAL_KEY_FILE name a file that holds it",
        "AUDIT_KEY: must be set, or AUDIT_KEY_FILE name a file that holds it",
    )


def test_every_problem_is_listed_at_once() -> None:
    env = {"SEAL_KEY": "short", "PORT": "99999", "SMTP_TLS": "ssl", "DATABASE_URL": "mysql://h/d", "POLL_SECONDS": "-1"}

    names = [problem.partition(":")[0] for problem in problems_of(env)]

    assert names == ["DATABASE_URL", "SEAL_KEY", "AUDIT_KEY", "SMTP_TLS", "PORT", "POLL_SECONDS"]


def test_a_problem_says_what_was_expected_and_what_came() -> None:
    assert problems_of(NEEDED | {"PORT": "eighty"}) == ("PORT: expected a whole number from 1 to 65535, got 'eighty'",)


def test_a_file_of_breached_passwords_is_one(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text(f"{'0A' * 20}:3\r\n")
    wrong.write_text("password1234\n")

    assert Settings.from_env(NEEDED | {"BREACHED_PASSWORDS": str(right)}).breached_passwords == str(right)
    for path in (wrong, tmp_path / "missing"):
        (problem,) = problems_of(NEEDED | {"BREACHED_PASSWORDS": str(path)})
        assert "SHA-1 digest" in problem


@pytest.mark.parametrize("name", ["SEAL_KEY", "AUDIT_KEY", "DATABASE_URL"])
def test_a_problem_never_repeats_a_secret(name: str) -> None:
    (problem,) = problems_of(NEEDED | {name: "hunter2-hunter2"})

    assert "hunter2" not in problem
    assert "15 characters" in problem


def test_settings_never_show_a_secret() -> None:
    secrets = {"DATABASE_URL": "postgresql://u:hunter2@h/d", "SMTP_USERNAME": "clinic", "SMTP_PASSWORD": "hunter3"}

    shown = repr(Settings.from_env(NEEDED | secrets))

    assert "hunter" not in shown
    assert "seal_key" not in shown


def test_a_secret_can_be_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "seal.key"
    file.write_text(f"{OTHER_KEY}\n")

    settings = Settings.from_env({"SEAL_KEY_FILE": str(file), "AUDIT_KEY": KEY})

    assert settings.seal_key == bytes(range(32))


def test_a_secret_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    env = NEEDED | {"SEAL_KEY_FILE": str(tmp_path / "seal.key")}

    assert problems_of(env) == ("SEAL_KEY: expected SEAL_KEY or SEAL_KEY_FILE, got both",)


def test_a_missing_secret_file_is_named_by_its_variable(tmp_path: Path) -> None:
    env = {"SEAL_KEY_FILE": str(tmp_path / "absent"), "AUDIT_KEY": KEY}

    assert problems_of(env) == ("SEAL_KEY: expected SEAL_KEY_FILE to name a readable text file, got FileNotFoundError",)


def test_an_empty_variable_counts_as_unset() -> None:
    settings = Settings.from_env(NEEDED | {"PORT": "", "SMTP_PASSWORD": ""})

    assert settings.port == 8000
    assert settings.smtp_password is None


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file::memory:?uri=true", "mysql://h/d", "postgresql:"],
)
def test_a_database_that_web_and_worker_cannot_share_is_refused(url: str) -> None:
    (problem,) = problems_of(NEEDED | {"DATABASE_URL": url})

    assert problem.startswith("DATABASE_URL: expected sqlite:///PATH or postgresql://")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_uses_the_one_driver(scheme: str) -> None:
    settings = Settings.from_env(NEEDED | {"DATABASE_URL": f"{scheme}://clinic@db/recovery"})

    assert settings.database_url == "postgresql+psycopg://clinic@db/recovery"


def test_a_lease_that_could_run_out_during_a_send_is_refused() -> None:
    (problem,) = problems_of(NEEDED | {"LEASE_SECONDS": "19.9"})

    parts = "GATE_TO_SEND_SECONDS + SEND_DEADLINE_SECONDS + LEASE_MARGIN_SECONDS"
    assert problem == f"LEASE_SECONDS: expected at least {parts} = 20, got 19.9"


def test_a_lease_that_just_covers_a_send_is_accepted() -> None:
    assert Settings.from_env(NEEDED | {"LEASE_SECONDS": "20"}).lease_seconds == 20


@pytest.mark.parametrize("raw", ["nan", "inf", "1e3", "0", "3601", "1,5", "１"])
def test_a_duration_is_a_plain_number_of_seconds_within_bounds(raw: str) -> None:
    (problem,) = problems_of(NEEDED | {"POLL_SECONDS": raw})

    assert problem.startswith("POLL_SECONDS: expected a number of seconds from 0.1 to 3600")


def test_a_sign_in_at_another_machine_is_never_sent_in_clear() -> None:
    mail = {"SMTP_HOST": "mail.example.org", "SMTP_USERNAME": "u", "SMTP_PASSWORD": "p", "MAIL_FROM": "a@example.org"}

    assert problems_of(NEEDED | mail) == (
        "SMTP_TLS: expected starttls or implicit for a sign-in at another machine, got 'none'",
    )
    assert Settings.from_env(NEEDED | mail | {"SMTP_TLS": "starttls"}).smtp_tls == "starttls"


def test_the_keys_that_a_key_replaced_are_a_list() -> None:
    settings = Settings.from_env(NEEDED | {"AUDIT_FORMER_KEYS": f"{KEY}, {OTHER_KEY}"})
    (problem,) = problems_of(NEEDED | {"AUDIT_FORMER_KEYS": f"{KEY},short"})

    assert settings.audit_former_keys == (bytes(range(1, 33)), bytes(range(32)))
    assert problem.startswith("AUDIT_FORMER_KEYS: expected 32 bytes in base64")


@pytest.mark.parametrize(
    ("raw", "address"), [("/dev/log", "/dev/log"), ("logs:514", ("logs", 514)), ("[::1]:514", ("::1", 514))]
)
def test_a_syslog_server_is_a_socket_or_a_host_with_its_port(raw: str, address: object) -> None:
    settings = Settings.from_env(NEEDED | {"AUDIT_ANCHOR_SYSLOG": raw})

    assert settings.audit_anchor_syslog == address


@pytest.mark.parametrize("raw", ["logs", "logs:0", "logs:65536", "udp://logs:514", ":514"])
def test_what_is_no_syslog_server_is_refused(raw: str) -> None:
    (problem,) = problems_of(NEEDED | {"AUDIT_ANCHOR_SYSLOG": raw})

    assert problem.startswith("AUDIT_ANCHOR_SYSLOG: expected HOST:PORT")


def test_half_a_sign_in_is_refused() -> None:
    assert problems_of(NEEDED | {"SMTP_USERNAME": "u"}) == (
        "SMTP_USERNAME: expected together with SMTP_PASSWORD, got one without the other",
    )


def test_mail_through_another_machine_needs_a_sender_that_can_be_answered() -> None:
    assert problems_of(NEEDED | {"SMTP_HOST": "mail.example.org"}) == (
        "MAIL_FROM: expected the clinic's own address when SMTP_HOST is another machine, got the default",
    )


def test_half_an_sms_account_is_refused() -> None:
    assert problems_of(NEEDED | {"SMS_ACCOUNT": "AC1", "SMS_SENDER": "+12125550100"}) == (
        "SMS_TOKEN: expected together with SMS_ACCOUNT, got nothing",
    )


@pytest.mark.parametrize("url", ["http://sms.example.org", "http://127.0.0.1.example.org"])
def test_the_secret_of_an_sms_account_never_travels_in_clear(url: str) -> None:
    account = {"SMS_ACCOUNT": "AC1", "SMS_TOKEN": "t", "SMS_SENDER": "MG1"}

    assert problems_of(NEEDED | account | {"SMS_URL": url}) == (
        "SMS_URL: expected https:// for a provider on another machine, got 'http'",
    )
    assert Settings.from_env(NEEDED | account | {"SMS_URL": "http://127.0.0.1:9000"}).sms_account == "AC1"


def test_messages_go_to_the_log_only_where_the_service_is_tried_out() -> None:
    assert Settings.from_env(NEEDED | {"SEND_TO_LOG": "true"}).send_to_log
    assert problems_of(NEEDED | {"SEND_TO_LOG": "true", "PUBLIC_URL": "https://recovery.example.org"}) == (
        "SEND_TO_LOG: expected false unless PUBLIC_URL is on this machine, got 'true'",
    )
    assert problems_of(NEEDED | {"SEND_TO_LOG": "yes"}) == ("SEND_TO_LOG: expected true or false, got 'yes'",)


def test_hosts_of_webhooks_are_listed_with_or_without_their_ports() -> None:
    hosts = Settings.from_env(NEEDED | {"WEBHOOK_HOSTS": "ehr.internal, 10.0.0.5:8443"}).webhook_hosts

    assert hosts == ("ehr.internal", "10.0.0.5:8443")
    assert len(problems_of(NEEDED | {"WEBHOOK_HOSTS": "https://ehr.internal"})) == 1
    assert Settings.from_env(NEEDED | {"SIGN_IN_HOSTS": "login.internal:8443"}).sign_in_hosts == (
        "login.internal:8443",
    )


@pytest.mark.parametrize("raw", ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_short", "whsec_" + "A" * 33])
def test_a_secret_of_mail_events_that_is_none_is_refused_without_being_shown(raw: str) -> None:
    (problem,) = problems_of(NEEDED | {"MAIL_EVENTS_SECRET": raw})

    assert problem.startswith("MAIL_EVENTS_SECRET: expected whsec_")
    assert raw not in problem
    assert Settings.from_env(NEEDED | {"MAIL_EVENTS_SECRET": "whsec_" + "A" * 32}).mail_events_secret


@pytest.mark.parametrize("url", ["redis://127.0.0.1:6379/0", "rediss://cache/1", "amqp://guest:guest@127.0.0.1//"])
def test_a_broker_is_redis_or_rabbitmq(url: str) -> None:
    database = {"DATABASE_URL": "postgresql://clinic@localhost/recovery"}

    assert Settings.from_env(NEEDED | database | {"BROKER_URL": url}).broker_url == url
    (problem,) = problems_of(NEEDED | database | {"BROKER_URL": "sqs://secret@"})
    assert problem.startswith("BROKER_URL: expected redis://HOST/0 or amqp://")
    assert "secret" not in problem


def test_a_broker_needs_a_database_that_other_machines_reach() -> None:
    assert problems_of(NEEDED | {"BROKER_URL": "redis://cache/0"}) == (
        "BROKER_URL: expected together with a PostgreSQL database, got SQLite, which serves one machine",
    )


def test_paces_are_whole_numbers_for_known_providers() -> None:
    assert Settings.from_env(NEEDED | {"PROVIDER_PACES": "sms=10, smtp=5"}).provider_paces == (
        ("sms", 10.0),
        ("smtp", 5.0),
    )
    for raw in ("fax=1", "sms=0", "sms", "sms=-1", "sms=1.5"):
        assert problems_of(NEEDED | {"PROVIDER_PACES": raw})[0].startswith("PROVIDER_PACES: expected pairs such as")


def test_a_public_address_loses_its_last_slash() -> None:
    assert Settings.from_env(NEEDED | {"PUBLIC_URL": "https://r.example.org/"}).public_url == "https://r.example.org"


@pytest.mark.parametrize("raw", ["recovery.example.org", "http://", "https://h/?a=b", "ftp://h", "https://u:p@h"])
def test_a_public_address_that_links_could_not_begin_with_is_refused(raw: str) -> None:
    (problem,) = problems_of(NEEDED | {"PUBLIC_URL": raw})

    assert problem.startswith("PUBLIC_URL: expected an address such as https://recovery.example.org, got ")


def test_settings_cannot_be_changed() -> None:
    settings = Settings.from_env(NEEDED)

    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.port = 9000  # type: ignore[misc]  # that it cannot is the point


def test_every_setting_has_a_meaning_in_the_table() -> None:
    table = settings_table()

    assert len(table.splitlines()) == 2 + len(dataclasses.fields(Settings))
    assert all(len(field.metadata["meaning"]) > 5 for field in dataclasses.fields(Settings))


def test_the_readme_shows_the_table_of_settings_as_it_is() -> None:
    assert settings_table() in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"SEAL_KEY": ZEROS}, "SEAL_KEY: expected 32 random bytes, got one byte 32 times"),
        ({"AUDIT_KEY": ZEROS}, "AUDIT_KEY: expected 32 random bytes, got one byte 32 times"),
        ({"AUDIT_KEY": KEY}, "AUDIT_KEY: expected another key than SEAL_KEY, got the same"),
        ({"SEAL_FORMER_KEYS": KEY}, "SEAL_FORMER_KEYS: expected keys that SEAL_KEY replaced, got SEAL_KEY itself"),
    ],
)
def test_a_key_that_anybody_guesses_or_that_serves_twice_is_refused(changes: dict[str, str], problem: str) -> None:
    assert problems_of(NEEDED | changes) == (problem,)


def test_no_setting_comes_with_a_secret() -> None:
    fields = {field.name: field for field in dataclasses.fields(Settings) if field.metadata["secret"]}
    defaults = {name: field.default for name, field in fields.items() if field.default not in (None, ())}

    assert defaults == {
        "database_url": "sqlite:///var/recovery.sqlite3",
        "seal_key": dataclasses.MISSING,
        "audit_key": dataclasses.MISSING,
    }
