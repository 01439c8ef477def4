"""Push through Apple, over HTTP/2, with a signing key: one key serves all of a team's apps.

Apple has no key that would make a repeat harmless; a repeat bears the same ids, so that a phone shows one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any
from uuid import UUID

import httpx
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from models.reminder import AttemptOutcome
from schedules.delivery.channels import Message, Refusal, Result, Wake
from schedules.delivery.channels.http import Answer, HttpLine, read_object
from schedules.delivery.channels.push import (
    MESSAGE_KEY,
    TOO_LATE,
    WAKE_KEY,
    code_of,
    judge,
    notification,
    read_key,
    seconds_of_use,
)

# Apple refuses a token that is older than an hour, and a sender who makes one more than every 20 minutes.
_TOKEN_USE = timedelta(minutes=50)


@dataclass(frozen=True, slots=True)
class ApnsApp:
    """Where messages are handed over, for which app, and signed by which key."""

    url: str
    topic: str
    team_id: str
    key_id: str
    key: str = field(repr=False)


class ApnsSender:
    """Hands messages to the devices of one app. Raises ValueError for a key that cannot sign."""

    most_wakes = 1

    def __init__(self, app: ApnsApp, line: HttpLine | None = None) -> None:
        self._app = app
        self._key = read_key(app.key, EllipticCurvePrivateKey, "APNS_KEY")
        self._line = line or HttpLine(http2=True)
        self._signing = Lock()
        self._token: str | None = None
        self._signed_at: datetime | None = None

    def send(self, message: Message, deadline: timedelta) -> Result:
        """Hand the message over within `deadline` and return what became of it."""
        if seconds_of_use(message) < 1:
            return TOO_LATE
        aps = {"alert": notification(message), "sound": "default"}
        headers = {
            "apns-id": str(UUID(hex=message.key)),
            "apns-collapse-id": message.key,
            "apns-push-type": "alert",
            "apns-priority": "10",
        }
        return self._deliver(message, headers, {"aps": aps, MESSAGE_KEY: message.key}, deadline)

    def wake(self, wakes: Sequence[Wake], deadline: timedelta) -> list[Result]:
        """Hand a wake-up over within `deadline` and return what became of it. Apple lets no other priority be."""
        headers = {"apns-collapse-id": WAKE_KEY, "apns-push-type": "background", "apns-priority": "5"}
        return [self._deliver(each, headers, {"aps": {"content-available": 1}}, deadline) for each in wakes]

    def _deliver(
        self, message: Message | Wake, headers: Mapping[str, str], content: Mapping[str, Any], deadline: timedelta
    ) -> Result:
        of_all = {
            "authorization": f"bearer {self._token_at(message.written_at)}",
            "apns-topic": self._app.topic,
            "apns-expiration": str(int(message.written_at.timestamp()) + seconds_of_use(message)),
        }
        url = f"{self._app.url}/3/device/{message.address}"
        request = httpx.Request("POST", url, headers={**of_all, **headers}, content=orjson.dumps(content))
        answer = self._line.exchange(request, deadline)
        return self._judge(answer) if isinstance(answer, Answer) else answer

    def _token_at(self, now: datetime) -> str:
        with self._signing:
            if self._token is None or self._signed_at is None or now - self._signed_at >= _TOKEN_USE:
                claims = {"iss": self._app.team_id, "iat": now}
                key_id = {"kid": self._app.key_id}
                self._token = jwt.encode(claims, self._key, algorithm="ES256", headers=key_id)
                self._signed_at = now
            return self._token

    def _judge(self, answer: Answer) -> Result:
        if answer.status == 200:
            message_id = _uuid(answer.headers.get("apns-id", ""))
            outcome = AttemptOutcome.unknown if message_id is None else AttemptOutcome.accepted
            return Result(outcome, "200", message_id=message_id)
        told = read_object(answer.body)
        code = code_of(told.get("reason"))
        if code == "ExpiredProviderToken":
            self._token = None  # the clocks differ: the next message is signed anew
        if answer.status == 410:
            since = _instant(told.get("timestamp"))
            return Result(AttemptOutcome.refused, code or "410", Refusal.address, address_dead_since=since)
        return judge(answer, code)


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


def _instant(milliseconds: object) -> datetime | None:
    if not isinstance(milliseconds, int):
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
