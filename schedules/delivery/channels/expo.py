"""Push through Expo's service, which hands on to Apple and Firebase for apps that are made with it.

It takes up to a hundred messages at once and answers with a ticket for each. What became of them it tells later, in
receipts. It knows no name by which a repeat would replace what came first: an app has the message's key.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import httpx
import orjson

from models.reminder import AttemptOutcome
from schedules.delivery.channels import Message, Refusal, Result, Wake
from schedules.delivery.channels.http import Answer, HttpLine, read_object
from schedules.delivery.channels.push import (
    MESSAGE_KEY,
    NOT_KNOWN,
    TOO_LATE,
    code_of,
    id_of,
    judge,
    notification,
    seconds_of_use,
)

MOST_MESSAGES = 100
MOST_RECEIPTS = 100  # it takes more, but an answer full of errors must not be too long to be read
_API = "/--/api/v2/push"
_DEAD = "DeviceNotRegistered"
_REFUSED: Mapping[str, Result] = MappingProxyType(
    {
        _DEAD: Result(AttemptOutcome.refused, _DEAD, Refusal.address),
        "MessageRateExceeded": Result(AttemptOutcome.refused, "MessageRateExceeded"),
        "InvalidCredentials": NOT_KNOWN,
        "MismatchSenderId": NOT_KNOWN,
    }
)


@dataclass(frozen=True, slots=True)
class ExpoService:
    """Where messages are handed over; `token`, where the project asks for one."""

    url: str
    token: str | None = field(default=None, repr=False)


class ExpoSender:
    """Hands messages to Expo."""

    most_at_once = most_wakes = MOST_MESSAGES

    def __init__(self, service: ExpoService, line: HttpLine | None = None) -> None:
        self._service = service
        self._line = line or HttpLine()

    def send(self, message: Message, deadline: timedelta) -> Result:
        """Hand the message over within `deadline` and return what became of it."""
        return self.send_many([message], deadline)[0]

    def send_many(self, messages: Sequence[Message], deadline: timedelta) -> list[Result]:
        """Hand the messages over in one request within `deadline`, and return what became of each.

        Raises ValueError for more than the service takes at once.
        """
        if len(messages) > MOST_MESSAGES:
            raise ValueError(f"expected at most {MOST_MESSAGES} messages, got {len(messages)}")
        going = [each for each in messages if seconds_of_use(each) >= 1]
        results = iter(self._hand_over([_compose(each) for each in going], deadline) if going else [])
        return [next(results) if seconds_of_use(each) >= 1 else TOO_LATE for each in messages]

    def wake(self, wakes: Sequence[Wake], deadline: timedelta) -> list[Result]:
        """Hand the wake-ups over in one request within `deadline`, and return what became of each."""
        return self._hand_over([_compose_wake(each) for each in wakes], deadline)

    def fetch_receipts(self, ids: Collection[str], deadline: timedelta) -> dict[str, Result]:
        """Return what became of messages by the ids of their tickets, as far as the service says so by now.

        Ask for at most `MOST_RECEIPTS`. An accepted message has been handed on to the phone's own provider.
        """
        answer = self._line.exchange(self._request("getReceipts", {"ids": sorted(ids)}), deadline)
        told = read_object(answer.body).get("data") if isinstance(answer, Answer) and answer.status == 200 else None
        known = told if isinstance(told, dict) else {}
        return {each: _result(known[each], each) for each in ids if isinstance(known.get(each), dict)}

    def _hand_over(self, contents: Sequence[dict[str, Any]], deadline: timedelta) -> list[Result]:
        answer = self._line.exchange(self._request("send", contents), deadline)
        if isinstance(answer, Result):
            return [answer] * len(contents)
        if answer.status != 200:
            return [judge(answer)] * len(contents)
        tickets = read_object(answer.body).get("data")
        if not isinstance(tickets, list) or len(tickets) != len(contents):
            return [Result(AttemptOutcome.unknown, "200")] * len(contents)
        return [_ticket(each) for each in tickets]

    def _request(self, name: str, content: Any) -> httpx.Request:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if self._service.token is not None:
            headers["Authorization"] = f"Bearer {self._service.token}"
        url = f"{self._service.url}{_API}/{name}"
        return httpx.Request("POST", url, headers=headers, content=orjson.dumps(content))


def _compose(message: Message) -> dict[str, Any]:
    return {
        "to": message.address,
        **notification(message),
        "data": {MESSAGE_KEY: message.key},
        "ttl": seconds_of_use(message),
        "priority": "high",
        "sound": "default",
    }


def _compose_wake(wake: Wake) -> dict[str, Any]:
    return {"to": wake.address, "_contentAvailable": True, "ttl": seconds_of_use(wake), "priority": "normal"}


def _ticket(told: Any) -> Result:
    return _result(told, id_of(told.get("id"))) if isinstance(told, dict) else Result(AttemptOutcome.unknown, "200")


def _result(told: dict[str, Any], message_id: str | None) -> Result:
    """Return what a ticket or a receipt means."""
    if told.get("status") == "ok" and message_id is not None:
        return Result(AttemptOutcome.accepted, "ok", message_id=message_id)
    if told.get("status") != "error":
        return Result(AttemptOutcome.unknown, "200")
    details = told.get("details")
    code = code_of(details.get("error")) if isinstance(details, dict) else None
    return _REFUSED.get(code or "", Result(AttemptOutcome.refused, code or "error", Refusal.message))
