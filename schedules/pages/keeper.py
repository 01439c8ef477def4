"""Keeps a worker's pages served by a process of their own. The parent opens the port, the child answers."""

import logging
import socket
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from config import Settings
from models.engine import make_engine, make_session_factory
from schedules.children import Child
from schedules.clock import Clock
from schedules.jobs.anchor_sign import AnchorSign
from schedules.pages.pulse import Pulse
from schedules.pages.server import Pages, Server
from schedules.watch.judgement import Rhythm

START_AGAIN_AFTER = timedelta(seconds=5)
CONNECTIONS = 2
_Now = Callable[[Session, Clock], datetime]
logger = logging.getLogger(__name__)


class PageKeeper:
    """Serves a worker's pages until it stops, and starts their process again if it dies.

    Its `pulse` must beat whenever the worker's scheduler has run a job.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        now: _Now,
        before_fork: Callable[[], None],
        anchors: AnchorSign | None = None,
    ) -> None:
        self.pulse = Pulse(clock)
        self._clock = clock
        self._start_at_ms = clock.monotonic_ms()
        self._listener = _listen(settings.worker_host, settings.worker_port) if settings.worker_port else None
        served = (self._listener, settings, clock, now, (self.pulse, anchors))
        self._child = Child("pages", _serve, served, before_fork)

    def tend(self) -> None:
        """Start the process if it is not there, though not too soon after its last start."""
        now_ms = self._clock.monotonic_ms()
        if self._listener is None or now_ms < self._start_at_ms or self._child.is_running():
            return
        self._start_at_ms = now_ms + START_AGAIN_AFTER // timedelta(milliseconds=1)
        self._child.start()

    def stop(self) -> None:
        """End the process and give back the port."""
        self._child.kill()
        if self._listener is not None:
            self._listener.close()


def _listen(host: str, port: int) -> socket.socket | None:
    """Return a listening socket; None, with a line in the log, if it cannot be had: reminders go out without pages."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        # No error: a second worker on the machine is seen through the heartbeats that the first one's pages show.
        told = "port %d cannot be had, so this worker has no health and metrics pages: %s"
        logger.warning(told, port, error.strerror)
        return None


def _serve(
    listener: socket.socket, settings: Settings, clock: Clock, now: _Now, signs: tuple[Pulse, AnchorSign | None]
) -> None:
    engine = make_engine(settings.database_url, pool_size=CONNECTIONS, max_overflow=0)
    rhythm = Rhythm.of_seconds(poll=settings.poll_seconds, lease=settings.lease_seconds)
    Server(listener, Pages(make_session_factory(engine), now, clock, rhythm, *signs)).serve_forever()
