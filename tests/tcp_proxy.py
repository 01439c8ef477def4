"""A network between a program and PostgreSQL that a test can cut, slow down, have swallow everything, or hold up."""

import contextlib
import ctypes
import socket
import struct
import threading
import time
from collections.abc import Iterator

from sqlalchemy import URL, make_url

WAYS = REQUESTS, ANSWERS = "requests", "answers"
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27  # linux/socket.h
_TAKE_NOTHING = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # linux/filter.h: return 0


class Proxy:
    """Passes bytes on in both directions, until something is done to it. `url` is the database as seen through it."""

    def __init__(self, url: str) -> None:
        self._target = make_url(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[tuple[socket.socket, socket.socket]] = []
        self._is_cut = False
        self._seconds = 0.0
        self._stranded: list[dict[str, threading.Event]] = []
        self._passes = _open_ways()
        host, port = self._listener.getsockname()[:2]
        through = self._target.set(host=host, port=port, query={})
        self.url = through.render_as_string(hide_password=False)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection, and let no new one through."""
        self._is_cut = True
        for each in self._sockets():
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for ways in (self._passes, *self._stranded):
            _let_pass(ways)

    def slow_down(self, seconds: float) -> None:
        """Let every byte take so long in each direction."""
        self._seconds = seconds

    def swallow(self) -> None:
        """Drop every packet of the program's, as a black hole does: nothing is acknowledged, nothing refused."""
        self.hold()
        for each in (self._listener, *(ours for ours, _ in self._open)):
            each.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _filter_program())

    def hold(self, *ways: str) -> None:
        """Take everything and pass nothing on (default: either way), as a proxy does that hangs, until it is mended."""
        for way in ways or WAYS:
            self._passes[way].clear()

    def strand(self) -> None:
        """Pass nothing on for the connections that are open, without a word and for good; new ones are let through."""
        self.hold()
        self._stranded.append(self._passes)
        self._passes = _open_ways()

    def mend(self) -> None:
        """Let everything through again, at once, what was held too."""
        self._is_cut, self._seconds = False, 0.0
        for each in (self._listener, *(ours for ours, _ in self._open)):
            with contextlib.suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
        _let_pass(self._passes)

    def close(self) -> None:
        """End for good."""
        self.cut()
        self._listener.close()
        for each in self._sockets():
            each.close()

    def _sockets(self) -> list[socket.socket]:
        return [each for pair in self._open for each in pair]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                ours, _ = self._listener.accept()
                if self._is_cut:
                    ours.close()
                    continue
                theirs = _connect(self._target)
                self._open.append((ours, theirs))
                for way, source, sink in ((REQUESTS, ours, theirs), (ANSWERS, theirs, ours)):
                    passes = self._passes[way]
                    threading.Thread(target=self._pass_on, args=(passes, source, sink), daemon=True).start()

    def _pass_on(self, passes: threading.Event, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                time.sleep(self._seconds)
                passes.wait()
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


def _open_ways() -> dict[str, threading.Event]:
    ways = {way: threading.Event() for way in WAYS}
    _let_pass(ways)
    return ways


def _let_pass(ways: dict[str, threading.Event]) -> None:
    for each in ways.values():
        each.set()


def _filter_program() -> bytes:
    return struct.pack("HP", 1, ctypes.addressof(_TAKE_NOTHING))


def _connect(url: URL) -> socket.socket:
    host, port = url.query.get("host", url.host), url.port or 5432
    if isinstance(host, str) and host.startswith("/"):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(f"{host}/.s.PGSQL.{port}")
        return connection
    return socket.create_connection((str(host), port))


@contextlib.contextmanager
def network_to(url: str) -> Iterator[Proxy]:
    """Yield a network to the PostgreSQL database at `url`."""
    proxy = Proxy(url)
    try:
        yield proxy
    finally:
        proxy.close()
