"""What must hold between settings. Each rule yields a line for each problem, and passes over what did not parse."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
DEFAULT_MAIL_FROM = "reminders@localhost"


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
    yield from _clear_text_problems(values, "sms_url")


def _push_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem for half a configuration, and for a secret that would travel in clear over a network."""
    yield from _half_problems(values, "apns_key", "apns_key_id", "apns_team_id", "apns_topic")
    yield from _half_problems(values, "web_push_key", "web_push_contact")
    if values.get("expo_token") is not None and values.get("expo_url", "") is None:
        yield "EXPO_URL: expected together with EXPO_TOKEN, got nothing"
    for name in ("fcm_url", "apns_url", "expo_url"):
        yield from _clear_text_problems(values, name)
    account = values.get("fcm_credentials")
    if account is not None:
        for problem in _clear_text_problems({"fcm_credentials": account.token_uri}, "fcm_credentials"):
            yield f"{problem} in token_uri"


def _half_problems(values: Mapping[str, Any], *names: str) -> Iterator[str]:
    """Yield a problem for each of the settings that is missing where another of them is set."""
    given = [name for name in names if values.get(name) is not None]
    for name in names:
        if given and name in values and values[name] is None:
            yield f"{name.upper()}: expected together with {given[0].upper()}, got nothing"


def _clear_text_problems(values: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield a problem for a provider's address at which a secret would travel in clear over a network."""
    url = urlsplit(values.get(name) or "")
    if url.scheme == "http" and url.hostname not in LOOPBACK_HOSTS:
        yield f"{name.upper()}: expected https:// for a provider on another machine, got 'http'"


def _log_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem when patients would get nothing: messages go to the log, and the service is not a trial."""
    if values.get("send_to_log") and urlsplit(values.get("public_url", "")).hostname not in LOOPBACK_HOSTS:
        yield "SEND_TO_LOG: expected false unless PUBLIC_URL is on this machine, got 'true'"


def _broker_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem when senders on other machines could not reach the database."""
    if values.get("broker_url") is not None and values.get("database_url", "").startswith("sqlite"):
        yield "BROKER_URL: expected together with a PostgreSQL database, got SQLite, which serves one machine"


def _backup_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem when one key would open both the database and its backups."""
    key = values.get("backup_key")
    if key is not None and key in (values.get("seal_key"), values.get("audit_key")):
        yield "BACKUP_KEY: expected another key than SEAL_KEY and AUDIT_KEY, got the same"


def _key_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem for a key that anybody guesses, and for one that serves two purposes."""
    for name in ("seal_key", "audit_key"):
        key = values.get(name)
        if key is not None and len(set(key)) == 1:
            yield f"{name.upper()}: expected 32 random bytes, got one byte 32 times"
    if values.get("seal_key") is not None and values["seal_key"] == values.get("audit_key"):
        yield "AUDIT_KEY: expected another key than SEAL_KEY, got the same"
    if values.get("seal_key") is not None and values["seal_key"] in values.get("seal_former_keys", ()):
        yield "SEAL_FORMER_KEYS: expected keys that SEAL_KEY replaced, got SEAL_KEY itself"


RULES: tuple[Callable[[Mapping[str, Any]], Iterator[str]], ...] = (
    _key_problems,
    _lease_problems,
    _mail_problems,
    _sms_problems,
    _log_problems,
    _push_problems,
    _broker_problems,
    _backup_problems,
)
