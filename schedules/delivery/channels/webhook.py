"""Messages to a clinic's own system, which tells the patient by its own means: one signed POST of JSON each.

The URL is the clinic's, so it is judged again before each request, and the connection goes to the very address that was
judged: a name that leads elsewhere a moment later changes nothing. Ids are ours; there is no name in it.
"""

from collections.abc import Collection
from concurrent.futures import CancelledError, Future
from datetime import datetime, timedelta

import httpx
import orjson

from models.reminder import AttemptOutcome
from schedules.addresses import AddressError, Endpoint, Resolve, check_url, find_addresses, look_up
from schedules.delivery.channels import Message, Refusal, Result
from schedules.delivery.channels.http import Answer, HttpLine, retry_after
from schedules.delivery.deadline import may_be_cut
from schedules.signatures import signed

TYPE = "reminder"


class WebhookSender:
    """Hands messages to clinics' own systems. `trusted` are the hosts that the operator named."""

    def __init__(self, trusted: Collection[str], line: HttpLine | None = None, resolve: Resolve = look_up) -> None:
        self._trusted = trusted
        self._line = line or HttpLine()
        self._resolve = resolve

    def send(self, message: Message, deadline: timedelta) -> Result:
        """Hand the message over within `deadline` and return what became of it."""
        if message.webhook_secret is None:
            return Result(AttemptOutcome.refused, "no_secret", Refusal.message)
        try:
            endpoint = check_url(message.address, self._trusted)
            address = self._find(endpoint, deadline / 2)
        except AddressError as error:
            passing = error.code == "name_unknown"
            return Result(AttemptOutcome.refused, error.code, None if passing else Refusal.message)
        except CancelledError:
            return Result(AttemptOutcome.refused, "cut_short")
        answer = self._line.exchange(_request(message, message.webhook_secret, address), deadline / 2)
        return _judge(answer, message) if isinstance(answer, Answer) else answer

    def _find(self, endpoint: Endpoint, within: timedelta) -> str:
        found: Future[list[str]] = Future()
        with may_be_cut(found.cancel):
            return find_addresses(endpoint, within, found, self._resolve)[0]


def _request(message: Message, secret: str, address: str) -> httpx.Request:
    """Return the request to `address`, which bears the name that the certificate is judged by."""
    url = httpx.URL(message.address)
    body = orjson.dumps(body_of(message))
    headers = {
        "Host": url.netloc.decode("ascii"),
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "Connection": "close",  # or another clinic's request to that address could travel by it
        **signed(secret, message.key, message.written_at, body),
    }
    extensions = {"sni_hostname": url.host}
    return httpx.Request("POST", url.copy_with(host=address), headers=headers, content=body, extensions=extensions)


def body_of(message: Message) -> dict[str, object]:
    """Return what is told of a message. Ids are those of our API."""
    return {
        "type": TYPE,
        "timestamp": _told(message.written_at),
        "data": {
            "key": message.key,
            "patient_id": message.patient_id,
            "episode_id": message.episode_id,
            "language": message.language,
            "subject": message.subject,
            "text": message.body,
            "useful_until": _told(message.useful_until),
        },
    }


def _told(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _judge(answer: Answer, message: Message) -> Result:
    code = str(answer.status)
    if 200 <= answer.status < 300:
        return Result(AttemptOutcome.accepted, code, message_id=message.key)
    if answer.status == 410:
        return Result(AttemptOutcome.refused, code, Refusal.address)
    if answer.status == 429:
        return Result(AttemptOutcome.refused, code, retry_after=retry_after(answer))
    if answer.status >= 500:
        return Result(AttemptOutcome.unknown, code)
    # A redirect too: the next channel reaches the patient sooner than a URL is put right.
    return Result(AttemptOutcome.refused, code, Refusal.message)
