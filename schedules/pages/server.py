"""The worker's pages: `/healthz` (this worker lives), `/readyz` (delivery goes well), `/metrics`.

Plain HTTP, no sign-in: they know no patient and show no practice. They run in a process of their own, since the
worker's parent forks and so has no threads.
"""

import json
import logging
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from models.isolation import reading_doors
from schedules.clock import Clock
from schedules.jobs.anchor_sign import AnchorSign
from schedules.pages.metrics import Measurements, metrics_text
from schedules.pages.pulse import Pulse
from schedules.watch.judgement import Rhythm, Status, judge
from schedules.watch.readings import read_readings

LONGEST_REQUEST_SECONDS = 5
JSON = "application/json"
NOT_ANCHORED = "audit_not_anchored"  # of this worker alone: it cannot tell the audit chains' ends to the outside
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A page, ready to send."""

    status: HTTPStatus
    body: bytes
    content_type: str = JSON


@dataclass(frozen=True, slots=True)
class Pages:
    """What the pages are made of."""

    make_session: sessionmaker[Session]
    now: Callable[[Session, Clock], datetime]
    clock: Clock
    rhythm: Rhythm
    pulse: Pulse
    anchors: AnchorSign | None = None

    def find(self, path: str) -> Answer:
        """Return the page at a path; 503 while the database is away."""
        page = {"/healthz": self._health, "/readyz": self._readiness, "/metrics": self._metrics}.get(path)
        if page is None:
            return _told(HTTPStatus.NOT_FOUND, status="not_found")
        try:
            return page()
        except SQLAlchemyError as error:
            logger.warning("page %s: the database is away, %s", path, type(error).__name__)
            return _told(HTTPStatus.SERVICE_UNAVAILABLE, status="database_away")

    def _health(self) -> Answer:
        """Say whether this worker's scheduler runs its jobs: a process that merely exists does not count."""
        age = self.pulse.age()
        is_alive = age <= self.rhythm.silent_after
        status = HTTPStatus.OK if is_alive else HTTPStatus.SERVICE_UNAVAILABLE
        return _told(status, status=Status.ok if is_alive else Status.stuck, seconds=int(age.total_seconds()))

    def _readiness(self) -> Answer:
        with reading_doors(self.make_session) as session:
            judged = judge(read_readings(session, self.clock, self.now(session, self.clock)), self.rhythm)
        causes, told = [asdict(cause) for cause in judged.causes], str(judged.status)
        if self.anchors is not None and self.anchors.is_failing:
            causes.append({"code": NOT_ANCHORED, "seconds": int(self.anchors.age().total_seconds()), "count": None})
            told = NOT_ANCHORED if judged.status is Status.ok else told
        status = HTTPStatus.OK if told == Status.ok else HTTPStatus.SERVICE_UNAVAILABLE
        return _told(status, status=told, causes=causes)

    def _metrics(self) -> Answer:
        with reading_doors(self.make_session) as session:
            readings = read_readings(session, self.clock, self.now(session, self.clock))
            text = metrics_text(Measurements(session, readings, self.rhythm, self.anchors))
        return Answer(HTTPStatus.OK, text, CONTENT_TYPE_PLAIN_0_0_4)


def _told(code: HTTPStatus, **told: Any) -> Answer:
    return Answer(code, json.dumps(told).encode())


class Server(ThreadingHTTPServer):
    """Serves the pages on a socket that listens already."""

    daemon_threads = True

    def __init__(self, listener: socket, pages: Pages) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket, self.pages = listener, pages

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what a page raised, in one line; say nothing of a caller that went away."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            logger.error("a page raised %s", type(error).__name__)


class _Handler(BaseHTTPRequestHandler):
    timeout = LONGEST_REQUEST_SECONDS
    server: Server
    server_version, sys_version = "worker", ""

    def do_GET(self) -> None:
        """Answer with the page, as HEAD does without its body."""
        answer = self.server.pages.find(self.path.partition("?")[0])
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Log no request: a monitor asks every few seconds."""
