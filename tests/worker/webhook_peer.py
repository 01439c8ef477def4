"""A clinic's own system: takes signed messages over HTTP, and answers as it is told."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PATH = "/messages?to=patients"
Reply = tuple[int, dict[str, str], bytes]


@dataclass(slots=True)
class WebhookPeer:
    """The system's memory and manners."""

    port: int = 0
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[], Reply] = lambda: (204, {}, b"")

    @property
    def host(self) -> str:
        """Return its place as the operator names it."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Return its address without encryption."""
        return f"http://{self.host}{PATH}"


@contextlib.contextmanager
def webhook_service(context: ssl.SSLContext | None = None) -> Iterator[WebhookPeer]:
    """Run the system on a free port of this machine, encrypted with `context`."""
    peer = WebhookPeer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"peer": peer}))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    peer.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    peer: WebhookPeer

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.peer.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
        status, headers, content = self.peer.answer()
        self.send_response_only(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""
