"""Settings of the service, read once from the environment: the only module that reads it.

It knows names, types and bounds. It refuses to know what the settings are used for, and imports the standard library
only. `python -m config` prints the table of settings that the README shows.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

KEY_BYTES = 32
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
MEBIBYTE = 1024 * 1024
DEFAULT_MAIL_FROM = "reminders@localhost"


class ConfigError(Exception):
    """The environment does not make valid settings. `problems` has one line for each fault; none repeats a secret."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("The settings are not valid:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.problems = problems


class _ExpectedError(ValueError):
    """A value does not parse. The message says what was expected."""


def _text(raw: str) -> str:
    return raw


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw not in choices:
            raise _ExpectedError(f"one of {', '.join(choices)}")
        return raw

    return parse


def _integer(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", raw) or not lowest <= int(raw) <= highest:
            raise _ExpectedError(f"a whole number from {lowest} to {highest}")
        return int(raw)

    return parse


def _seconds(lowest: float, highest: float) -> Callable[[str], float]:
    def parse(raw: str) -> float:
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", raw) or not lowest <= float(raw) <= highest:
            raise _ExpectedError(f"a number of seconds from {lowest:g} to {highest:g}")
        return float(raw)

    return parse


def _key(raw: str) -> bytes:
    try:
        key = base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise _ExpectedError(f"{KEY_BYTES} bytes in base64 (openssl rand -base64 {KEY_BYTES})")
    return key


def _database_url(raw: str) -> str:
    scheme, separator, rest = raw.partition("://")
    if scheme in ("postgres", "postgresql", "postgresql+psycopg") and separator and rest:
        return f"postgresql+psycopg://{rest}"
    if scheme == "sqlite" and rest.startswith("/") and rest.strip("/") and ":memory:" not in rest:
        return raw
    raise _ExpectedError(
        "sqlite:///PATH or postgresql://USER@HOST/NAME (web and worker share it: no in-memory database)"
    )


def _public_url(raw: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", raw):
        raise _ExpectedError("an address such as https://recovery.example.org")
    return raw.rstrip("/")


def _mail_address(raw: str) -> str:
    if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", raw):
        raise _ExpectedError("a bare e-mail address")
    return raw


def _setting(
    parse: Callable[[str], Any], meaning: str, *, default: Any = dataclasses.MISSING, secret: bool = False
) -> Any:
    """Return a dataclass field; without a `default` the setting is required, a `secret` never shows in a repr."""
    metadata = {"parse": parse, "meaning": meaning, "secret": secret}
    return dataclasses.field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that can be set. Each field is the environment variable of the same name in capitals.

    `NAME_FILE` may name a file that holds the value of a secret. Times are seconds, sizes bytes.
    """

    database_url: str = _setting(
        _database_url,
        "The database: `sqlite:///PATH` (relative to the working directory) or `postgresql://USER:PASSWORD@HOST/NAME`.",
        default="sqlite:///var/recovery.sqlite3",
        secret=True,
    )
    database_owner_url: str | None = _setting(
        _database_url,
        "The same database as the role that owns the tables, for migrations; without it they use `DATABASE_URL`.",
        default=None,
        secret=True,
    )
    seal_key: bytes = _setting(
        _key, "Seals contact data and free text: 32 bytes in base64. Losing it loses what it sealed.", secret=True
    )
    audit_key: bytes = _setting(_key, "Authenticates entries of the audit trail: 32 bytes in base64.", secret=True)
    smtp_host: str = _setting(_text, "The mail server that reminders are handed to.", default="127.0.0.1")
    smtp_port: int = _setting(_integer(1, 65535), "Its port.", default=25)
    smtp_username: str | None = _setting(_text, "Sign-in at the mail server; without it none is tried.", default=None)
    smtp_password: str | None = _setting(_text, "Password of that sign-in.", default=None, secret=True)
    smtp_tls: str = _setting(
        _one_of("none", "starttls", "implicit"),
        "Encryption to the mail server: `none`, `starttls` (usually port 587) or `implicit` (usually port 465).",
        default="none",
    )
    mail_from: str = _setting(
        _mail_address,
        "Sender of the reminders; must be set when the mail server is not this machine.",
        default=DEFAULT_MAIL_FROM,
    )
    sms_url: str = _setting(
        _public_url,
        "The SMS provider: Twilio, or a service that speaks its Messages API.",
        default="https://api.twilio.com",
    )
    sms_account: str | None = _setting(
        _text,
        "Account at the SMS provider; without it no SMS is sent. Needs `SMS_TOKEN` and `SMS_SENDER`.",
        default=None,
    )
    sms_token: str | None = _setting(_text, "Secret of that account.", default=None, secret=True)
    sms_sender: str | None = _setting(
        _text, "Whom SMS come from: a number in E.164 or the id of a messaging service (`MG...`).", default=None
    )
    public_url: str = _setting(
        _public_url,
        "Where patients and staff reach the service; links in messages begin with it.",
        default="http://127.0.0.1:8000",
    )
    host: str = _setting(_text, "Address the web server listens on.", default="127.0.0.1")
    port: int = _setting(_integer(1, 65535), "Port the web server listens on.", default=8000)
    poll_seconds: float = _setting(_seconds(0.1, 3600), "How often the worker looks for what is due.", default=5.0)
    lease_seconds: float = _setting(_seconds(0.1, 3600), "How long one worker holds a claimed delivery.", default=30.0)
    send_deadline_seconds: float = _setting(_seconds(0.1, 3600), "Longest time for one whole send.", default=10.0)
    gate_to_send_seconds: float = _setting(_seconds(0.1, 3600), "Longest time from last check to send.", default=2.0)
    lease_margin_seconds: float = _setting(_seconds(0.1, 3600), "Time kept free at the end of a lease.", default=8.0)
    sender_processes: int = _setting(_integer(1, 64), "Processes that send, in each worker.", default=2)
    sends_in_flight: int = _setting(
        _integer(1, 256), "Messages that each of these processes may have on their way at a time.", default=16
    )
    silence_minutes: int = _setting(_integer(1, 10_080), "Then an unseen push goes on to another channel.", default=240)
    messages_a_patient_a_day: int = _setting(
        _integer(1, 1000),
        "More messages than so many in one day are held to the next, and the clinic is told.",
        default=8,
    )
    max_body_bytes: int = _setting(_integer(1024, 64 * MEBIBYTE), "Largest request body.", default=2 * MEBIBYTE)
    max_import_bytes: int = _setting(_integer(1024, 256 * MEBIBYTE), "Largest caseload file.", default=16 * MEBIBYTE)
    log_level: str = _setting(
        _one_of("DEBUG", "INFO", "WARNING", "ERROR"),
        "Least level that is logged; logs hold ids, never names.",
        default="INFO",
    )

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Return the settings in `env`, by default the process's environment. An empty variable counts as unset.

        Raises ConfigError with every problem at once.
        """
        environment = os.environ if env is None else env
        values: dict[str, Any] = {}
        problems: list[str] = []
        for field in dataclasses.fields(cls):
            try:
                values[field.name] = _read(field, environment)
            except _ExpectedError as error:
                problems.append(f"{field.name.upper()}: {error}")
        problems.extend(problem for rule in _RULES for problem in rule(values))
        if problems:
            raise ConfigError(tuple(problems))
        return cls(**values)


def environment_with(changes: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of the process's environment with `changes` laid over it, for a child process."""
    return {**os.environ, **changes}


def _read(field: dataclasses.Field[Any], env: Mapping[str, str]) -> Any:
    """Return the parsed value of one setting, or its default. Raises _ExpectedError with a full sentence."""
    raw = _raw(field, env)
    if raw is None:
        if field.default is dataclasses.MISSING:
            raise _ExpectedError(f"must be set, or {field.name.upper()}_FILE name a file that holds it")
        return field.default
    try:
        return field.metadata["parse"](raw)
    except _ExpectedError as error:
        came = f"{len(raw)} characters" if field.metadata["secret"] else repr(raw)
        raise _ExpectedError(f"expected {error}, got {came}") from None


def _raw(field: dataclasses.Field[Any], env: Mapping[str, str]) -> str | None:
    name = field.name.upper()
    value, path = env.get(name) or None, env.get(f"{name}_FILE") or None
    if not field.metadata["secret"] or path is None:
        return value
    if value is not None:
        raise _ExpectedError(f"expected {name} or {name}_FILE, got both")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _ExpectedError(f"expected {name}_FILE to name a readable text file, got {type(error).__name__}") from None


def _lease_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem when a lease could run out during a send: then two workers would hold one delivery."""
    names = ("gate_to_send_seconds", "send_deadline_seconds", "lease_margin_seconds", "lease_seconds")
    if not all(name in values for name in names):
        return
    *parts, lease = (values[name] for name in names)
    if sum(parts) > lease:
        needed = " + ".join(name.upper() for name in names[:-1])
        yield f"LEASE_SECONDS: expected at least {needed} = {sum(parts):g}, got {lease:g}"


def _mail_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem for half a sign-in, a sign-in in clear over a network, and mail that nobody could answer."""
    username, password = values.get("smtp_username"), values.get("smtp_password")
    remote = values.get("smtp_host") not in (None, *LOOPBACK_HOSTS)
    if (username is None) != (password is None) and {"smtp_username", "smtp_password"} <= values.keys():
        yield "SMTP_USERNAME: expected together with SMTP_PASSWORD, got one without the other"
    if username is not None and remote and values.get("smtp_tls") == "none":
        yield "SMTP_TLS: expected starttls or implicit for a sign-in at another machine, got 'none'"
    if remote and values.get("mail_from") == DEFAULT_MAIL_FROM:
        yield "MAIL_FROM: expected the clinic's own address when SMTP_HOST is another machine, got the default"


def _sms_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem for half an account, and for a secret that would travel in clear over a network."""
    if values.get("sms_account") is None:
        return
    for name in ("sms_token", "sms_sender"):
        if name in values and values[name] is None:
            yield f"{name.upper()}: expected together with SMS_ACCOUNT, got nothing"
    url = urlsplit(values.get("sms_url", ""))
    if url.scheme == "http" and url.hostname not in LOOPBACK_HOSTS:
        yield "SMS_URL: expected https:// for a provider on another machine, got 'http'"


_RULES: tuple[Callable[[Mapping[str, Any]], Iterator[str]], ...] = (_lease_problems, _mail_problems, _sms_problems)


def settings_table() -> str:
    """Return the Markdown table of all settings: variable, default, meaning."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for field in dataclasses.fields(Settings):
        name = f"`{field.name.upper()}`" + (" (or `_FILE`)" if field.metadata["secret"] else "")
        rows.append(f"| {name} | {_shown_default(field.default)} | {field.metadata['meaning']} |")
    return "\n".join(rows)


def _shown_default(default: Any) -> str:
    if default is dataclasses.MISSING:
        return "**required**"
    if default is None:
        return "none"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


if __name__ == "__main__":
    print(settings_table())  # noqa: T201
