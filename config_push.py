"""The settings of push: one group for each provider, none of them needed. Standard library only."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field

from config_limits import LimitSettings
from config_values import ExpectedError, flag, integer, public_url, setting

DEFAULT_WEB_PUSH_HOSTS = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    ".push.apple.com",
    ".notify.windows.com",
)
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_PEM = re.compile(r"-----BEGIN PRIVATE KEY-----\s[A-Za-z0-9+/=\s]+-----END PRIVATE KEY-----\s*")
_HOST = re.compile(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)*")


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Who we are to Firebase: what its console gives as a JSON file."""

    project_id: str
    client_email: str
    token_uri: str
    private_key: str = field(repr=False)


def _service_account(raw: str) -> ServiceAccount:
    expected = "the JSON of a service account with project_id, client_email, private_key and token_uri"
    try:
        told = json.loads(raw)
        account = ServiceAccount(**{name: told[name] for name in ServiceAccount.__dataclass_fields__})
        texts = (account.project_id, account.client_email, account.token_uri, account.private_key)
        if not all(isinstance(text, str) for text in texts) or not re.fullmatch("[a-z0-9:.-]{1,64}", texts[0]):
            raise ExpectedError(expected)
        public_url(account.token_uri)
        _pem(account.private_key)
    except (ValueError, KeyError, TypeError):
        raise ExpectedError(expected) from None
    return account


def _pem(raw: str) -> str:
    if not _PEM.fullmatch(raw):
        raise ExpectedError("a private key in PEM (-----BEGIN PRIVATE KEY-----)")
    return raw


def _signing_key(raw: str) -> int:
    """Return the private number of a key on the curve P-256, from base64 of either alphabet."""
    try:
        key = base64.b64decode(raw.rstrip("=").translate(str.maketrans("-_", "+/")) + "=", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    number = int.from_bytes(key)
    if len(key) != 32 or not 0 < number < _P256_ORDER:
        raise ExpectedError("32 bytes in base64 (openssl rand -base64 32)")
    return number


def _contact(raw: str) -> str:
    if not re.fullmatch(r"mailto:[^@\s<>]+@[^@\s<>]+|https://[^\s<>]+", raw):
        raise ExpectedError("mailto:ADDRESS or https://PAGE")
    return raw


def _hosts(raw: str) -> tuple[str, ...]:
    hosts = tuple(host.strip() for host in raw.split(","))
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise ExpectedError("names of hosts, parted by commas")
    return hosts


def _token(raw: str) -> str:
    if not re.fullmatch("[!-~]{1,512}", raw):
        raise ExpectedError("a token without spaces")
    return raw


def _name(raw: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,128}", raw):
        raise ExpectedError("letters, digits, dots and hyphens")
    return raw


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSettings(LimitSettings):
    """What can be set of push. A provider without its key is one that no push goes by."""

    fcm_credentials: ServiceAccount | None = setting(  # noqa: RUF009 - it returns a field
        _service_account,
        "Firebase: the JSON of a service account; without it no push goes by FCM.",
        default=None,
        secret=True,
    )
    fcm_url: str = setting(public_url, "Where Firebase takes messages (HTTP v1).", default="https://fcm.googleapis.com")
    apns_key: str | None = setting(
        _pem,
        "Apple: the signing key (`.p8`); without it no push goes by APNs. Needs the next three.",
        default=None,
        secret=True,
    )
    apns_key_id: str | None = setting(_name, "Id of that key.", default=None)
    apns_team_id: str | None = setting(_name, "Id of the team whose key it is.", default=None)
    apns_topic: str | None = setting(_name, "The app's bundle id.", default=None)
    apns_url: str = setting(
        public_url,
        "Where Apple takes messages; apps under development: `https://api.sandbox.push.apple.com`.",
        default="https://api.push.apple.com",
    )
    expo_url: str | None = setting(
        public_url, "Expo's push service: `https://exp.host`; without it no push goes by Expo.", default=None
    )
    expo_token: str | None = setting(
        _token, "Access token of Expo, where the project asks for one.", default=None, secret=True
    )
    web_push_key: int | None = setting(
        _signing_key,
        "Browsers: the VAPID private key, 32 bytes in base64; without it no push goes to browsers. Needs the next.",
        default=None,
        secret=True,
    )
    web_push_contact: str | None = setting(
        _contact, "Whom a push service may ask about our messages: `mailto:ADDRESS` or a page.", default=None
    )
    web_push_hosts: tuple[str, ...] = setting(
        _hosts,
        "Hosts that a browser's address may lie on, parted by commas; a leading dot admits all below.",
        default=DEFAULT_WEB_PUSH_HOSTS,
    )
    wake_by_push: bool = setting(
        flag,
        "Whether a change wakes the patient's app in the background, by a silent push through FCM, APNs or Expo.",
        default=True,
    )
    wake_minutes: int = setting(
        integer(1, 1440),
        "A device is woken at most once in so many minutes; Apple advises two or three times an hour.",
        default=20,
    )
