"""How the text of a setting becomes its value. A parser returns it, or raises ExpectedError with what was expected."""

import base64
import binascii
import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

KEY_BYTES = 32
PROVIDERS = ("smtp", "sms", "fcm", "apns", "expo", "web_push", "webhook")


class ExpectedError(ValueError):
    """A value does not parse. The message says what was expected."""


def setting(
    parse: Callable[[str], Any], meaning: str, *, default: Any = dataclasses.MISSING, secret: bool = False
) -> Any:
    """Return a dataclass field; without a `default` the setting is required, a `secret` never shows in a repr."""
    metadata = {"parse": parse, "meaning": meaning, "secret": secret}
    return dataclasses.field(default=default, repr=not secret, metadata=metadata)


def text(raw: str) -> str:
    """Return the text as it is."""
    return raw


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a parser of one of these words."""

    def parse(raw: str) -> str:
        if raw not in choices:
            raise ExpectedError(f"one of {', '.join(choices)}")
        return raw

    return parse


def integer(lowest: int, highest: int) -> Callable[[str], int]:
    """Return a parser of a whole number between two bounds, both included."""

    def parse(raw: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", raw) or not lowest <= int(raw) <= highest:
            raise ExpectedError(f"a whole number from {lowest} to {highest}")
        return int(raw)

    return parse


def seconds(lowest: float, highest: float) -> Callable[[str], float]:
    """Return a parser of a number of seconds between two bounds, both included."""

    def parse(raw: str) -> float:
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", raw) or not lowest <= float(raw) <= highest:
            raise ExpectedError(f"a number of seconds from {lowest:g} to {highest:g}")
        return float(raw)

    return parse


def key(raw: str) -> bytes:
    """Return the 32 bytes that stand in base64."""
    try:
        key = base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ExpectedError(f"{KEY_BYTES} bytes in base64 (openssl rand -base64 {KEY_BYTES})")
    return key


def keys(raw: str) -> tuple[bytes, ...]:
    """Return the keys of a list that stand in base64."""
    return tuple(key(part) for part in raw.replace(",", " ").split())


def syslog(raw: str) -> str | tuple[str, int]:
    """Return where a syslog server listens: the path of a socket, or host and port."""
    if raw.startswith("/"):
        return raw
    found = re.fullmatch(r"(?P<host>[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):(?P<port>[0-9]{1,5})", raw)
    if found is None or not 1 <= int(found["port"]) <= 65535:
        raise ExpectedError("HOST:PORT, or the path of a socket such as /dev/log")
    return found["host"].strip("[]"), int(found["port"])


def database_url(raw: str) -> str:
    """Return the address of a database, with the driver that is installed."""
    scheme, separator, rest = raw.partition("://")
    if scheme in ("postgres", "postgresql", "postgresql+psycopg") and separator and rest:
        return f"postgresql+psycopg://{rest}"
    if scheme == "sqlite" and rest.startswith("/") and rest.strip("/") and ":memory:" not in rest:
        return raw
    raise ExpectedError(
        "sqlite:///PATH or postgresql://USER@HOST/NAME (web and worker share it: no in-memory database)"
    )


def broker_url(raw: str) -> str:
    """Return the address of a message broker: Redis or RabbitMQ."""
    if not re.fullmatch(r"(rediss?|amqps?)://[^\s]+", raw):
        raise ExpectedError("redis://HOST/0 or amqp://USER:PASSWORD@HOST//")
    return raw


def redis_url(raw: str) -> str:
    """Return the address of a Redis."""
    if not re.fullmatch(r"rediss?://[^\s]+", raw):
        raise ExpectedError("redis://HOST/1 or rediss://USER:PASSWORD@HOST/1")
    return raw


def public_url(raw: str) -> str:
    """Return an address of the web without a slash at its end."""
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", raw):
        raise ExpectedError("an address such as https://recovery.example.org")
    return raw.rstrip("/")


def mail_address(raw: str) -> str:
    """Return a bare e-mail address."""
    if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", raw):
        raise ExpectedError("a bare e-mail address")
    return raw


def flag(raw: str) -> bool:
    """Return whether it is true."""
    if raw not in ("true", "false"):
        raise ExpectedError("true or false")
    return raw == "true"


def hosts(raw: str) -> tuple[str, ...]:
    """Return the hosts of a list, each with or without its port."""
    found = tuple(raw.replace(",", " ").split())
    if not found or not all(re.fullmatch(r"[a-z0-9.-]{1,253}(:[0-9]{1,5})?", host) for host in found):
        raise ExpectedError("host names or addresses in small letters, each with or without its port")
    return found


def webhook_secret(raw: str) -> str:
    """Return a secret of Standard Webhooks."""
    if not re.fullmatch(r"whsec_[A-Za-z0-9+/]{32,86}={0,2}", raw) or len(raw) % 4 != 2:
        raise ExpectedError("whsec_ and 24 to 64 bytes in base64 (openssl rand -base64 32)")
    return raw


def paces(raw: str) -> tuple[tuple[str, float], ...]:
    """Return how many a second for which provider: `sms=10,smtp=5`."""
    pairs = [part.strip().partition("=") for part in raw.split(",")]
    if any(name not in PROVIDERS or not re.fullmatch(r"0*[1-9][0-9]{0,4}", rate) for name, _, rate in pairs):
        raise ExpectedError(f"pairs such as sms=10,smtp=5 of whole numbers, for {', '.join(PROVIDERS)}")
    return tuple((name, float(rate)) for name, _, rate in pairs)


def hash_file(raw: str) -> str:
    """Return the path of a file of SHA-1 digests, judged by its first line."""
    try:
        with Path(raw).open("rb") as file:
            first = file.readline(100)
    except OSError:
        first = b""
    if not re.fullmatch(rb"[0-9A-F]{40}(:[0-9]+)?\r?\n?", first):
        raise ExpectedError("a readable file whose lines begin with a SHA-1 digest in capital letters")
    return raw
