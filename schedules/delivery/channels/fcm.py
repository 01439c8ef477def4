"""Push through Firebase Cloud Messaging, HTTP v1: Android, and what else an app registers there.

Firebase has no key that would make a repeat harmless; a repeat bears the same tag, so that a phone shows one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from models.reminder import AttemptOutcome
from schedules.delivery.channels import Message, Refusal, Result, Wake
from schedules.delivery.channels.http import Answer, HttpLine, read_object, retry_after
from schedules.delivery.channels.push import (
    MESSAGE_KEY,
    NOT_KNOWN,
    TOO_LATE,
    WAKE_KEY,
    code_of,
    id_of,
    judge,
    notification,
    read_key,
    seconds_of_use,
)

_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_LIFE = timedelta(hours=1)
_KEPT_BACK = timedelta(minutes=5)  # of a token's life: it is renewed before it could end on the way
_TOKEN = re.compile(r"[!-~]{1,4096}")


@dataclass(frozen=True, slots=True)
class FcmProject:
    """Where messages are handed over, and as whom."""

    url: str
    project_id: str
    client_email: str
    token_uri: str
    private_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str = field(repr=False)
    ends_at: datetime


class FcmSender:
    """Hands messages to one project of Firebase. Raises ValueError for a key that cannot sign."""

    most_wakes = 1

    def __init__(self, project: FcmProject, line: HttpLine | None = None) -> None:
        self._project = project
        self._key = read_key(project.private_key, RSAPrivateKey, "FCM_CREDENTIALS")
        self._line = line or HttpLine(http2=True)  # it takes one message a request, many at a time on one connection
        self._token: _Token | None = None

    def send(self, message: Message, deadline: timedelta) -> Result:
        """Hand the message over within `deadline` and return what became of it."""
        if seconds_of_use(message) < 1:
            return TOO_LATE
        return self._deliver(compose(message), message.written_at, deadline)

    def wake(self, wakes: Sequence[Wake], deadline: timedelta) -> list[Result]:
        """Hand a wake-up over within `deadline` and return what became of it."""
        return [self._deliver(compose_wake(each), each.written_at, deadline) for each in wakes]

    def _deliver(self, content: dict[str, Any], now: datetime, deadline: timedelta) -> Result:
        known = self._token
        if known is None or known.ends_at <= now:
            return self._sign_in_and_hand_over(content, now, deadline)
        result = self._hand_over(content, known, deadline / 2)
        if result != NOT_KNOWN:
            return result
        # A token may be called back before its end: one new one is tried, and no more.
        return self._sign_in_and_hand_over(content, now, deadline / 2)

    def _sign_in_and_hand_over(self, content: dict[str, Any], now: datetime, deadline: timedelta) -> Result:
        token = self._sign_in(now, deadline / 2)
        return token if isinstance(token, Result) else self._hand_over(content, token, deadline / 2)

    def _sign_in(self, now: datetime, deadline: timedelta) -> _Token | Result:
        """Return a new token, kept for the messages to come; a refusal if there is none: nothing has been sent."""
        form = {"grant_type": _GRANT, "assertion": self._assertion(now)}
        answer = self._line.exchange(httpx.Request("POST", self._project.token_uri, data=form), deadline)
        if isinstance(answer, Result):
            return replace(answer, outcome=AttemptOutcome.refused)
        told = read_object(answer.body)
        text, seconds = told.get("access_token"), told.get("expires_in")
        if answer.status == 200 and isinstance(text, str) and _TOKEN.fullmatch(text) and isinstance(seconds, int):
            self._token = _Token(text, now + timedelta(seconds=min(seconds, 86_400)) - _KEPT_BACK)
            return self._token
        if answer.status in (400, 401, 403):
            return NOT_KNOWN
        return Result(AttemptOutcome.refused, f"token_{answer.status}", retry_after=retry_after(answer))

    def _assertion(self, now: datetime) -> str:
        claims = {"iss": self._project.client_email, "scope": _SCOPE, "aud": self._project.token_uri}
        times = {"iat": now, "exp": now + _ASSERTION_LIFE}
        return jwt.encode(claims | times, self._key, algorithm="RS256")

    def _hand_over(self, content: dict[str, Any], token: _Token, deadline: timedelta) -> Result:
        request = httpx.Request(
            "POST",
            f"{self._project.url}/v1/projects/{self._project.project_id}/messages:send",
            headers={"Authorization": f"Bearer {token.text}", "Content-Type": "application/json"},
            content=orjson.dumps({"message": content}),
        )
        answer = self._line.exchange(request, deadline)
        return _judge(answer) if isinstance(answer, Answer) else answer


def compose(message: Message) -> dict[str, Any]:
    """Return the message for whichever system the address belongs to."""
    seconds, key = seconds_of_use(message), message.key
    return {
        "token": message.address,
        "notification": notification(message),
        "data": {MESSAGE_KEY: key},
        "android": {"ttl": f"{seconds}s", "priority": "HIGH", "collapse_key": key, "notification": {"tag": key}},
        "apns": {
            "headers": {
                "apns-expiration": str(int(message.written_at.timestamp()) + seconds),
                "apns-priority": "10",
                "apns-collapse-id": key,
            }
        },
        "webpush": {
            "headers": {"TTL": str(seconds), "Urgency": "high", "Topic": key},
            "notification": {"tag": key},
        },
    }


def compose_wake(wake: Wake) -> dict[str, Any]:
    """Return a message without words and data. One without words goes to the app itself, on Android and on iOS."""
    seconds = seconds_of_use(wake)
    return {
        "token": wake.address,
        "android": {"ttl": f"{seconds}s", "priority": "NORMAL", "collapse_key": WAKE_KEY},
        "apns": {
            "headers": {
                "apns-expiration": str(int(wake.written_at.timestamp()) + seconds),
                "apns-push-type": "background",
                "apns-priority": "5",
                "apns-collapse-id": WAKE_KEY,
            },
            "payload": {"aps": {"content-available": 1}},
        },
    }


def _judge(answer: Answer) -> Result:
    told = read_object(answer.body)
    if answer.status == 200:
        name = told.get("name")
        message_id = id_of(name.rpartition("/messages/")[2]) if isinstance(name, str) else None
        outcome = AttemptOutcome.unknown if message_id is None else AttemptOutcome.accepted
        return Result(outcome, "200", message_id=message_id)
    code = _own_code(told)
    if answer.status == 404 and code == "UNREGISTERED":
        return Result(AttemptOutcome.refused, code, Refusal.address)
    return judge(answer, code)


def _own_code(told: dict[str, Any]) -> str | None:
    error = told.get("error")
    details = error.get("details") if isinstance(error, dict) else None
    if not isinstance(details, list):
        return None
    codes = (code_of(each.get("errorCode")) for each in details if isinstance(each, dict))
    return next((code for code in codes if code is not None), None)
