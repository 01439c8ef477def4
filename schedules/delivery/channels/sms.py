"""SMS through Twilio's Messages API, or a service that speaks it. Says the notice alone.

The provider has no key that would make a repeat harmless. So where an earlier attempt may have been accepted, it is
asked first which messages went to that number; each notice bears a link that tells it from all others. If the
question fails, the message is repeated once: a missed instruction is worse than a double one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import httpx

from models.reminder import AttemptOutcome
from schedules.delivery.channels import Fault, Message, Refusal, Result
from schedules.delivery.channels.http import Answer, HttpLine, read_object, retry_after

LONGEST_VALIDITY_SECONDS = 14_400
_NEVER_ARRIVED = ("failed", "undelivered", "canceled")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# The provider's codes for a number that no message can reach; any other 400 is about the message.
_REFUSALS: Mapping[int, Refusal] = MappingProxyType(
    {21610: Refusal.opted_out} | dict.fromkeys((21211, 21214, 21217, 21612, 21614, 21635), Refusal.address)
)


@dataclass(frozen=True, slots=True)
class SmsProvider:
    """Where messages are handed over and in whose name. `sender` is a number, or the id of a messaging service."""

    url: str
    account: str
    token: str = field(repr=False)
    sender: str
    status_url: str | None = None  # where it tells what became of a message


class SmsSender:
    """Hands notices to one provider."""

    def __init__(self, provider: SmsProvider, line: HttpLine | None = None) -> None:
        self._provider = provider
        self._line = line or HttpLine()
        self._messages = f"{provider.url}/2010-04-01/Accounts/{provider.account}/Messages.json"

    def send(self, message: Message, deadline: timedelta) -> Result:
        """Hand the notice over within `deadline` and return what became of it."""
        if message.open_tries:
            deadline /= 2
            known = self._look_for(message, deadline)
            if known is not None:
                return known
        answer = self._line.exchange(self._request("POST", data=self._form(message)), deadline)
        return _judge(answer) if isinstance(answer, Answer) else answer

    def _form(self, message: Message) -> dict[str, str]:
        left = int((message.useful_until - message.written_at).total_seconds())
        told = {} if self._provider.status_url is None else {"StatusCallback": self._provider.status_url}
        return told | {
            "To": message.address,
            "MessagingServiceSid" if self._provider.sender.startswith("MG") else "From": self._provider.sender,
            "Body": message.notice,
            "ValidityPeriod": str(max(1, min(left, LONGEST_VALIDITY_SECONDS))),
        }

    def _look_for(self, message: Message, deadline: timedelta) -> Result | None:
        """Return the result of an earlier attempt if the provider has its message; None if it is to be sent (again)."""
        newest_first = {"To": message.address, "PageSize": "100"}
        answer = self._line.exchange(self._request("GET", params=newest_first), deadline)
        listed = (
            read_object(answer.body).get("messages") if isinstance(answer, Answer) and answer.status == 200 else None
        )
        if not isinstance(listed, list):
            return None if message.open_tries == 1 else Result(AttemptOutcome.refused, "not_reconciled")
        sent = (each for each in listed if isinstance(each, dict) and each.get("status") not in _NEVER_ARRIVED)
        found = next((each for each in sent if each.get("body") == message.notice), None)
        return None if found is None else Result(AttemptOutcome.accepted, "found", message_id=_id_of(found))

    def _request(self, method: str, **content: Any) -> httpx.Request:
        request = httpx.Request(method, self._messages, headers={"Accept-Encoding": "identity"}, **content)
        flow = httpx.BasicAuth(self._provider.account, self._provider.token).auth_flow(request)
        return next(flow)


def _judge(answer: Answer) -> Result:
    code = str(answer.status)
    if answer.status in (200, 201):
        sid = _id_of(read_object(answer.body))
        return Result(AttemptOutcome.unknown if sid is None else AttemptOutcome.accepted, code, message_id=sid)
    if answer.status in (401, 403):
        return Result(AttemptOutcome.refused, code, fault=Fault.credentials)
    if answer.status == 429:
        return Result(AttemptOutcome.refused, code, retry_after=retry_after(answer))
    if answer.status == 400:
        own_code = read_object(answer.body).get("code")
        known = own_code if isinstance(own_code, int) else 0
        return Result(AttemptOutcome.refused, str(known or code), _REFUSALS.get(known, Refusal.message))
    # A server error may come after the message was taken; any other answer took nothing.
    return Result(AttemptOutcome.unknown if answer.status >= 500 else AttemptOutcome.refused, code)


def _id_of(listed: Mapping[str, Any]) -> str | None:
    sid = listed.get("sid")
    return sid if isinstance(sid, str) and _MESSAGE_ID.fullmatch(sid) else None
