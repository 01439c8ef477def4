"""Two providers that fail one request in five, and keep a ledger: for whom, when, and whether it was taken."""

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession

from tests.worker.peers import MailPeer, mail_server
from tests.worker.sms_peer import Reply, SmsPeer, refusal, sms_service

ERROR_SHARE = 0.2
REFUSALS = {"refuse": "450 not now", "refuse_for_good": "550 no such user"}
UNREACHABLE_NUMBER = 21211


@dataclass(slots=True)
class Request:
    """One request that reached a provider. `begun` and `taken` are monotonic seconds.

    Of what was taken `key` is equal in repeats, and `text` is what it said.
    """

    address: str
    begun: float
    taken: float | None = None
    key: str | None = None
    text: str = ""


@dataclass(slots=True)
class Ledger:
    """Every request to either provider, in the order of their beginning, and the errors that were dealt out."""

    chance: random.Random
    requests: list[Request] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    is_kind: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, address: str) -> Request:
        """Note that a request for the address has begun."""
        request = Request(address, time.monotonic())
        with self._lock:
            self.requests.append(request)
        return request

    def take(self, request: Request, key: str, text: str) -> None:
        """Note that the message was taken."""
        request.key, request.text, request.taken = key, text, time.monotonic()

    def fate(self, *errors: str) -> str:
        """Return what happens to a request: usually `take`, else one of the errors."""
        with self._lock:
            if self.is_kind or self.chance.random() >= ERROR_SHARE:
                return "take"
            error = self.chance.choice(errors)
            self.errors.append(error)
            return error


@dataclass
class HostileMailPeer(MailPeer):
    """A mail server that refuses for now or for good, resets, or takes a message and hangs up without a word."""

    ledger: Ledger = field(default_factory=lambda: Ledger(random.Random(0)))
    fates: dict[int, tuple[Request, str]] = field(default_factory=dict)  # by conversation, until its message has come

    async def handle_RCPT(  # noqa: N802 - the server's own name
        self, server: SMTP, session: SmtpSession, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        request = self.ledger.begin(address)
        fate = self.ledger.fate("refuse", "refuse_for_good", "refuse_content", "reset", "take_and_close", "500")
        self.fates[id(session)] = request, fate
        if fate in REFUSALS:
            return REFUSALS[fate]
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(self, server: SMTP, session: SmtpSession, envelope: Envelope) -> str:  # noqa: N802
        request, fate = self.fates.pop(id(session))
        if fate == "refuse_content":
            return "451 not now"
        if fate == "500":
            return "554 no"
        if fate in ("reset", "take_and_close"):
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        if fate != "reset":
            await super().handle_DATA(server, session, envelope)
            self.ledger.take(request, self.keys[-1], self.mails[-1].get_content())
        return "250 OK"


def hostile_answer(ledger: Ledger, peer: SmsPeer, form: dict[str, str]) -> Reply | None:
    """Answer as the SMS provider. Raises ConnectionResetError to hang up."""
    request = ledger.begin(form["To"])
    fate = ledger.fate("busy", "refuse", "refuse_for_good", "500", "reset", "take_and_close")
    errors = {
        "busy": refusal(429, Retry_After="2"),
        "refuse": refusal(400, 20001),
        "refuse_for_good": refusal(400, UNREACHABLE_NUMBER),
        "500": refusal(503),
    }
    if fate in errors:
        return errors[fate]
    if fate == "reset":
        raise ConnectionResetError
    ledger.take(request, form["Body"], form["Body"])
    if fate == "take_and_close":
        peer.forms.append(form)
        raise ConnectionResetError
    return None


@contextlib.contextmanager
def hostile_providers(ledger: Ledger) -> Iterator[tuple[MailPeer, SmsPeer]]:
    """Run both providers on free ports of this machine."""
    with mail_server(peer=HostileMailPeer(ledger=ledger)) as mail, sms_service() as sms:
        sms.answer = lambda form: hostile_answer(ledger, sms, form)
        yield mail, sms
