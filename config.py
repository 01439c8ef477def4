"""Settings of the service, read once from the environment: the only module that reads it.

It knows names, types and bounds. It refuses to know what the settings are used for, and imports the standard library
only. `python -m config` prints the table of settings that the README shows.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import config_values as parse
from config_push import PushSettings
from config_rules import DEFAULT_MAIL_FROM, RULES
from config_values import ExpectedError
from config_values import setting as _setting


class ConfigError(Exception):
    """The environment does not make valid settings. `problems` has one line for each fault; none repeats a secret."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("The settings are not valid:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(PushSettings):
    """All that can be set. Each field is the environment variable of the same name in capitals.

    `NAME_FILE` may name a file that holds the value of a secret. Times are seconds, sizes bytes.
    """

    database_url: str = _setting(
        parse.database_url,
        "The database: `sqlite:///PATH` (relative to the working directory) or `postgresql://USER:PASSWORD@HOST/NAME`.",
        default="sqlite:///var/recovery.sqlite3",
        secret=True,
    )
    database_owner_url: str | None = _setting(
        parse.database_url,
        "The same database as the role that owns the tables, for migrations; without it they use `DATABASE_URL`. On "
        "PostgreSQL the role of `DATABASE_URL` must own no table where `PUBLIC_URL` is https.",
        default=None,
        secret=True,
    )
    seal_key: bytes = _setting(
        parse.key, "Seals contact data and free text: 32 bytes in base64. Losing it loses what it sealed.", secret=True
    )
    seal_former_keys: tuple[bytes, ...] = _setting(
        parse.keys,
        "Keys that `SEAL_KEY` replaced, the latest first, parted by commas: what they sealed still opens. The oldest "
        "stays for good: addresses are found by it.",
        default=(),
        secret=True,
    )
    audit_key: bytes = _setting(parse.key, "Authenticates entries of the audit trail: 32 bytes in base64.", secret=True)
    audit_former_keys: tuple[bytes, ...] = _setting(
        parse.keys,
        "Keys that `AUDIT_KEY` replaced, the latest first, parted by commas: they still prove what they wrote.",
        default=(),
        secret=True,
    )
    backup_key: bytes | None = _setting(
        parse.key,
        "Seals backups: 32 bytes in base64, another key than the others. Only backup and restore need it.",
        default=None,
        secret=True,
    )
    audit_anchor_file: str | None = _setting(
        parse.text,
        "A file, best on another machine, that the worker appends the ends of the audit chains to.",
        default=None,
    )
    audit_anchor_syslog: str | tuple[str, int] | None = _setting(
        parse.syslog,
        "A syslog server that gets them too: `HOST:PORT` (UDP), or the path of a socket such as `/dev/log`.",
        default=None,
    )
    erasure_ledger: str = _setting(
        parse.text,
        "A file that erasures of patients are noted in, best on another machine and in no backup: from it they "
        "are done again after a restore.",
        default="var/erasures.jsonl",
    )
    smtp_host: str = _setting(parse.text, "The mail server that reminders are handed to.", default="127.0.0.1")
    smtp_port: int = _setting(parse.integer(1, 65535), "Its port.", default=25)
    smtp_username: str | None = _setting(parse.text, "Sign-in at the mail server, if it asks for one.", default=None)
    smtp_password: str | None = _setting(parse.text, "Password of that sign-in.", default=None, secret=True)
    smtp_tls: str = _setting(
        parse.one_of("none", "starttls", "implicit"),
        "Encryption to the mail server: `none`, `starttls` (usually port 587) or `implicit` (usually port 465).",
        default="none",
    )
    mail_from: str = _setting(
        parse.mail_address,
        "Sender of the reminders; must be set when the mail server is not this machine.",
        default=DEFAULT_MAIL_FROM,
    )
    sms_url: str = _setting(
        parse.public_url,
        "The SMS provider: Twilio, or a service that speaks its Messages API.",
        default="https://api.twilio.com",
    )
    sms_account: str | None = _setting(
        parse.text,
        "Account at the SMS provider; without it no SMS is sent. Needs `SMS_TOKEN` and `SMS_SENDER`.",
        default=None,
    )
    sms_token: str | None = _setting(parse.text, "Secret of that account.", default=None, secret=True)
    sms_sender: str | None = _setting(
        parse.text, "Whom SMS come from: a number in E.164 or the id of a messaging service (`MG...`).", default=None
    )
    webhook_hosts: tuple[str, ...] | None = _setting(
        parse.hosts,
        "Hosts (or `HOST:PORT`) inside your own network that a clinic's webhook may be on; others must be public, with "
        "port 443.",
        default=None,
    )
    sign_in_hosts: tuple[str, ...] | None = _setting(
        parse.hosts,
        "Hosts (or `HOST:PORT`) inside your own network that a clinic's provider of sign-ins may be on; others must be "
        "public, with port 443.",
        default=None,
    )
    mail_events_secret: str | None = _setting(
        parse.webhook_secret,
        "Signs what a mail service tells of bounces (Standard Webhooks, `whsec_...`); without it none is taken.",
        default=None,
        secret=True,
    )
    send_to_log: bool = _setting(
        parse.flag,
        "For trying out: `true` sends nothing, logs the ids of each message and counts it as accepted.",
        default=False,
    )
    public_url: str = _setting(
        parse.public_url,
        "Where patients and staff reach the service; links in messages begin with it.",
        default="http://127.0.0.1:8000",
    )
    host: str = _setting(parse.text, "Address the web server listens on.", default="127.0.0.1")
    port: int = _setting(parse.integer(1, 65535), "Port the web server listens on.", default=8000)
    web_threads: int = _setting(
        parse.integer(2, 256),
        "Requests that a web process works on at a time. Up to half of them may be phones that wait for a change.",
        default=16,
    )
    worker_host: str = _setting(parse.text, "Address of the worker's health and metrics pages.", default="127.0.0.1")
    worker_port: int = _setting(parse.integer(0, 65535), "Their port, one for each worker; 0: none.", default=8001)
    poll_seconds: float = _setting(parse.seconds(0.1, 3600), "How often the worker looks for what is due.", default=5.0)
    lease_seconds: float = _setting(parse.seconds(0.1, 3600), "How long a worker holds what it claimed.", default=30.0)
    send_deadline_seconds: float = _setting(parse.seconds(0.1, 3600), "Longest time for one whole send.", default=10.0)
    gate_to_send_seconds: float = _setting(
        parse.seconds(0.1, 3600), "Longest time from the last check to the send.", default=2.0
    )
    lease_margin_seconds: float = _setting(parse.seconds(0.1, 3600), "Time kept free at a lease's end.", default=8.0)
    sender_processes: int = _setting(parse.integer(1, 64), "Processes that send, in each worker.", default=2)
    sends_in_flight: int = _setting(
        parse.integer(1, 256), "Messages that each of these processes may have on their way at a time.", default=64
    )
    broker_url: str | None = _setting(
        parse.broker_url,
        "With it Celery delivers, on any number of machines: `redis://HOST/0` or `amqp://USER:PASSWORD@HOST//`.",
        default=None,
        secret=True,
    )
    broker_queues: str = _setting(parse.text, "What the names of the broker's queues begin with.", default="recovery")
    broker_claims: int = _setting(
        parse.integer(1, 100_000), "Claims that a worker may have waiting with the broker.", default=2000
    )
    provider_paces: tuple[tuple[str, float], ...] = _setting(
        parse.paces,
        "Most messages a second that a worker hands to a provider, such as `sms=10,smtp=5`; without it no limit.",
        default=(),
    )
    silence_minutes: int = _setting(
        parse.integer(1, 10_080), "After so long an unseen push goes on to another channel.", default=240
    )
    messages_a_patient_a_day: int = _setting(
        parse.integer(1, 1000),
        "More messages than so many in one day are held to the next, and the clinic is told.",
        default=8,
    )
    log_level: str = _setting(
        parse.one_of("DEBUG", "INFO", "WARNING", "ERROR"),
        "Least level that is logged; logs hold ids, never names.",
        default="INFO",
    )

    @property
    def reaches_patients(self) -> bool:
        """Whether patients and staff reach the service from elsewhere, which takes TLS: it is not just tried out."""
        return self.public_url.startswith("https://")

    @property
    def anchors_audit(self) -> bool:
        """Whether the ends of the audit chains are kept outside of the database."""
        return self.audit_anchor_file is not None or self.audit_anchor_syslog is not None

    @property
    def wakes_devices(self) -> bool:
        """Whether apps in the background are woken: it is wanted, and there is a provider that can do it."""
        can_wake = self.fcm_credentials is not None or self.apns_key is not None or self.expo_url is not None
        return self.wake_by_push and can_wake and not self.send_to_log

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Return the settings in `env`, by default the process's environment. An empty variable counts as unset.

        Raises ConfigError with every problem at once.
        """
        environment = os.environ if env is None else env
        values: dict[str, Any] = {}
        problems: list[str] = []
        for field in _fields():
            try:
                values[field.name] = _read(field, environment)
            except ExpectedError as error:
                problems.append(f"{field.name.upper()}: {error}")
        problems.extend(problem for rule in RULES for problem in rule(values))
        if problems:
            raise ConfigError(tuple(problems))
        return cls(**values)


def environment_with(changes: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of the process's environment with `changes` laid over it, for a child process."""
    return {**os.environ, **changes}


def _fields() -> list[dataclasses.Field[Any]]:
    """Return the fields of all settings, in the order in which they are told: what is inherited comes last."""
    inherited = {field.name for field in dataclasses.fields(PushSettings)}
    return sorted(dataclasses.fields(Settings), key=lambda field: field.name in inherited)


def _read(field: dataclasses.Field[Any], env: Mapping[str, str]) -> Any:
    """Return the parsed value of one setting, or its default. Raises ExpectedError with a full sentence."""
    raw = _raw(field, env)
    if raw is None:
        if field.default is dataclasses.MISSING:
            raise ExpectedError(f"must be set, or {field.name.upper()}_FILE name a file that holds it")
        return field.default
    try:
        return field.metadata["parse"](raw)
    except ExpectedError as error:
        came = f"{len(raw)} characters" if field.metadata["secret"] else repr(raw)
        raise ExpectedError(f"expected {error}, got {came}") from None


def _raw(field: dataclasses.Field[Any], env: Mapping[str, str]) -> str | None:
    name = field.name.upper()
    value, path = env.get(name) or None, env.get(f"{name}_FILE") or None
    if not field.metadata["secret"] or path is None:
        return value
    if value is not None:
        raise ExpectedError(f"expected {name} or {name}_FILE, got both")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ExpectedError(f"expected {name}_FILE to name a readable text file, got {type(error).__name__}") from None


def settings_table() -> str:
    """Return the Markdown table of all settings: variable, default, meaning."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for field in _fields():
        name = f"`{field.name.upper()}`" + (" (or `_FILE`)" if field.metadata["secret"] else "")
        rows.append(f"| {name} | {_shown_default(field.default)} | {field.metadata['meaning']} |")
    return "\n".join(rows)


def _shown_default(default: Any) -> str:
    if default is dataclasses.MISSING:
        return "**required**"
    if default in (None, ()):
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        return f"`{','.join(default)}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


if __name__ == "__main__":
    print(settings_table())  # noqa: T201
