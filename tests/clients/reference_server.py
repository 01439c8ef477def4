"""A sync server in memory, on a free port: brings HTTP requests to `reference_protocols.py`."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.clients.reference_protocols import (
    Json,
    Store,
    powersync_crud,
    powersync_stream,
    rxdb_pull,
    rxdb_push,
    watermelon_pull,
    watermelon_push,
)

TOKEN = "a-token-of-the-tests"


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    method: str
    path: str
    body: Json


class Handler(BaseHTTPRequestHandler):
    """Brings requests to the protocols' functions."""

    protocol_version = "HTTP/1.1"
    server: "ReferenceServer"

    def do_GET(self) -> None:
        """Answer a pull, or hold a stream open."""
        self.answer(None)

    def do_POST(self) -> None:
        """Answer a push."""
        self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def answer(self, body: Json) -> None:
        """Let in who has the token, and go by the protocol."""
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        _, _, protocol, *rest = parts.path.split("/")
        # PowerSync's SDK has a scheme of its own for what it asks by itself; uploads are the app's.
        scheme = "Token" if protocol == "powersync" and rest != ["crud"] else "Bearer"
        if self.headers["Authorization"] != f"{scheme} {TOKEN}":
            self.send_json(401, {"title": "expected a token"})
            return
        self.server.receive(Request(self.command, parts.path, body))
        match protocol:
            case "watermelon":
                self.answer_watermelon(query, body)
            case "rxdb":
                self.answer_rxdb(rest, query, body)
            case "events":
                self.send_stream(self.server.wake_ups)
            case _:
                self.answer_powersync(rest, body)

    def answer_watermelon(self, query: dict[str, str], body: Json) -> None:
        """Answer a pull, or a push: 409 where it is refused."""
        since = int(query.get("last_pulled_at", 0))
        if body is None:
            self.send_json(200, watermelon_pull(self.server.store, since, json.loads(query["migration"])))
        else:
            stored = watermelon_push(self.server.store, since, body)
            self.send_json(409 if stored is None else 200, stored)

    def answer_rxdb(self, path: list[str], query: dict[str, str], body: Json) -> None:
        """Answer one collection's pull or push, or hold its stream."""
        collection, _, what = path
        if what == "pullStream":
            self.send_stream(self.server.one_wake_up)
        elif what == "push":
            self.send_json(200, rxdb_push(self.server.store, collection, body))
        else:
            lwt, row_id, limit = int(query["lwt"]), query.get("id", ""), int(query["limit"])
            self.send_json(200, rxdb_pull(self.server.store, collection, lwt=lwt, row_id=row_id, limit=limit))

    def answer_powersync(self, path: list[str], body: Json) -> None:
        """Answer with one checkpoint and the end of the stream, with the revision, or take an upload."""
        match path:
            case ["sync", "stream"]:
                lines = [json.dumps(line) + "\n" for line in powersync_stream(self.server.store, body["buckets"])]
                self.send_text(200, "application/x-ndjson", "".join(lines))
            case ["crud"]:
                self.send_json(200, powersync_crud(self.server.store, body["crud"]))
            case _:
                self.send_json(200, {"data": {"write_checkpoint": str(self.server.store.revision)}})

    def send_json(self, status: int, value: Json) -> None:
        """Answer with JSON."""
        self.send_text(status, "application/json", json.dumps(value))

    def send_text(self, status: int, kind: str, text: str) -> None:
        """Answer with a whole body."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def send_stream(self, events: Callable[[], Iterator[str]]) -> None:
        """Answer with events until they or the connection end."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for event in events():
                self.wfile.write(event.encode())
        except ConnectionError:
            return

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class ReferenceServer(ThreadingHTTPServer):
    """The server on a free port of this machine, for as long as it is entered."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.store = Store()
        self.requests: list[Request] = []
        self.before: dict[str, Callable[[], None]] = {}
        self.listeners = 0
        self._stopped = False
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def base(self) -> str:
        """The address that clients are given."""
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> "ReferenceServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        with self.store.bell:
            self.store.bell.notify_all()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def receive(self, request: Request) -> None:
        """Note a request. The first of a method in `before` finds done what stands there."""
        self.requests.append(request)
        self.before.pop(request.method, lambda: None)()

    def wake_ups(self) -> Iterator[str]:
        """Yield that something changed, again and again, and never what."""
        yield "retry: 100\n\n"
        while self._changes():
            yield "data: RESYNC\n\n"

    def one_wake_up(self) -> Iterator[str]:
        """Yield nothing until something changes; the end of the answer is the wake-up."""
        yield "retry: 100\n\n"
        self._changes()

    def _changes(self) -> bool:
        with self.store.bell:
            seen = self.store.revision
            self.listeners += 1
            self.store.bell.wait_for(lambda: self._stopped or self.store.revision > seen)
            self.listeners -= 1
        return not self._stopped
