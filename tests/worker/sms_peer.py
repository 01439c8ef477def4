"""A service that speaks Twilio's Messages API: it checks who asks, keeps what it takes and lists it, newest first."""

import base64
import contextlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import orjson

from schedules.delivery.channels.sms import SmsProvider

ACCOUNT, TOKEN, SENDER = "AC0123456789", "sms-token", "+12125550100"
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
Reply = tuple[int, dict[str, str], bytes]


@dataclass(slots=True)
class SmsPeer:
    """The service's memory and manners. `answer` and `answer_list` may take over from how it usually answers."""

    url: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)  # of the messages that were taken
    asked: list[dict[str, str]] = field(default_factory=list)  # the queries of lists
    connections: int = 0
    answer: Callable[[dict[str, str]], Reply | None] = lambda _form: None
    answer_list: Callable[[], Reply | None] = lambda: None

    @property
    def provider(self) -> SmsProvider:
        """Return the settings with which it is reached."""
        return SmsProvider(self.url, ACCOUNT, TOKEN, SENDER)

    def take(self, form: dict[str, str]) -> Reply:
        """Take a message, unless it is told to answer otherwise."""
        other = self.answer(form)
        if other is not None and other[0] >= 400:
            return other
        self.forms.append(form)
        return other or (201, {}, orjson.dumps({"sid": sid_of(len(self.forms)), "status": "queued"}))

    def show(self, query: dict[str, str]) -> Reply:
        """Return what went to a number, the newest first."""
        self.asked.append(query)
        sent = [
            {"body": each["Body"], "status": "sent", "sid": sid_of(number)}
            for number, each in enumerate(self.forms, 1)
            if each["To"] == query["To"]
        ]
        return self.answer_list() or (200, {}, orjson.dumps({"messages": sent[::-1]}))


def sid_of(number: int) -> str:
    """Return the service's name for the message that it took as the `number`-th, from 1."""
    return f"SM{number:032x}"


def refusal(status: int, code: int | None = None, **headers: str) -> Reply:
    """Return an answer that takes nothing, with the provider's own code."""
    return status, headers, orjson.dumps({"code": code, "message": "no", "status": status})


@contextlib.contextmanager
def sms_service(context: ssl.SSLContext | None = None) -> Iterator[SmsPeer]:
    """Run the service on a free port of this machine, encrypted with `context`."""
    peer = SmsPeer()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"peer": peer}))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "http" if context is None else "https"
    peer.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 256  # workers connect by the hundred at once; of the usual 5, Linux drops the rest


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    peer: SmsPeer

    def setup(self) -> None:
        super().setup()
        self.peer.connections += 1

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        content = self.rfile.read(length)
        if len(content) < length:  # whoever asked died in the middle
            raise ConnectionAbortedError
        self._reply(self.peer.take(_flat(content.decode())) if self._may_ask() else refusal(401, 20003))

    def do_GET(self) -> None:
        query = _flat(urlsplit(self.path).query)
        self._reply(self.peer.show(query) if self._may_ask() else refusal(401, 20003))

    def _may_ask(self) -> bool:
        signed_in = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        return urlsplit(self.path).path == PATH and self.headers["Authorization"] == signed_in

    def _reply(self, reply: Reply) -> None:
        status, headers, body = reply
        self.send_response_only(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        pause = 0.05 if "X_Drip" in headers else 0.0
        for start in range(0, len(body), 1 if pause else max(1, len(body))):
            self.wfile.write(body[start : start + 1] if pause else body)
            time.sleep(pause)

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


def _flat(encoded: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(encoded, strict_parsing=bool(encoded)).items()}
