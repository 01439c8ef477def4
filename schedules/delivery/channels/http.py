"""One exchange with a provider over HTTP: no redirect, a bounded answer, and one deadline for the whole of it.

A time limit of the library is one on each read, which a server that drips bytes never meets; so exchanges run in an
event loop, in a thread of its own, that leaves each at its deadline. Until the request's first byte nothing can have
been accepted; what breaks later leaves the outcome unknown.
"""

import asyncio
import ssl
from concurrent.futures import CancelledError
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from threading import Lock, Thread
from typing import Any

import httpx
import orjson

from models.reminder import AttemptOutcome
from schedules.delivery.channels import Fault, Result
from schedules.delivery.deadline import may_be_cut

MAX_ANSWER_BYTES = 64 * 1024
LONGEST_RETRY_AFTER = timedelta(hours=1)
# As many connections as there are exchanges at once: none waits for another's.
_NO_QUEUE = httpx.Limits(max_connections=None, max_keepalive_connections=None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider answered, whole."""

    status: int
    headers: httpx.Headers
    body: bytes


class HttpLine:
    """Connections to HTTP providers, shared by threads. `context` judges certificates; by default the machine's.

    With `http2` many exchanges share one connection, where the provider speaks it.
    """

    def __init__(self, context: ssl.SSLContext | None = None, *, http2: bool = False) -> None:
        self._context = context or ssl.create_default_context()
        self._http2 = http2
        self._opening = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._client: httpx.AsyncClient | None = None

    def exchange(self, request: httpx.Request, deadline: timedelta) -> Answer | Result:
        """Send the request and return the answer, or what became of a request that got none within `deadline`."""
        loop, client = self._open()
        progress = _Progress()
        request.extensions = {**request.extensions, "trace": progress.note}
        running = asyncio.run_coroutine_threadsafe(_exchange(client, request, deadline.total_seconds()), loop)
        try:
            with may_be_cut(running.cancel):
                return running.result()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError, CancelledError) as error:
            codes = {TimeoutError: "deadline", CancelledError: "cut_short"}
            code = codes.get(type(error), type(error).__name__[:64])
            if progress.is_begun:
                return Result(AttemptOutcome.unknown, code)
            return Result(AttemptOutcome.refused, code, fault=Fault.unreachable)

    def close(self) -> None:
        """Let go of all connections. Nothing may be on its way any more."""
        if self._loop is None or self._client is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._client.aclose(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = self._client = None

    def _open(self) -> tuple[asyncio.AbstractEventLoop, httpx.AsyncClient]:
        with self._opening:
            if self._loop is None or self._client is None:
                self._loop = asyncio.new_event_loop()
                # Proxies, netrc and certificates of the environment are not the service's settings.
                self._client = httpx.AsyncClient(
                    verify=self._context,
                    http2=self._http2,
                    limits=_NO_QUEUE,
                    follow_redirects=False,
                    trust_env=False,
                )
                self._thread = Thread(target=self._loop.run_forever, name="http", daemon=True)
                self._thread.start()
            return self._loop, self._client


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that an answer holds; an empty one for anything else."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def retry_after(answer: Answer) -> timedelta | None:
    """Return the wait that a busy provider asks for, in seconds or as a date beside its own; at most an hour."""
    asked = answer.headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(timedelta(seconds=int(asked[:9])), LONGEST_RETRY_AFTER)
    try:
        wait = parsedate_to_datetime(asked) - parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError, TypeError):
        return None
    return min(wait, LONGEST_RETRY_AFTER) if wait > timedelta(0) else None


class _Progress:
    """Learns from the connection whether the request's first byte may have left."""

    def __init__(self) -> None:
        self.is_begun = False

    async def note(self, event: str, _info: dict[str, Any]) -> None:
        """Take note of a step of the exchange."""
        self.is_begun = self.is_begun or event.endswith("send_request_headers.started")


async def _exchange(client: httpx.AsyncClient, request: httpx.Request, seconds: float) -> Answer | Result:
    async with asyncio.timeout(seconds):
        response = await client.send(request, stream=True)
        try:
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > MAX_ANSWER_BYTES:
                    return Result(AttemptOutcome.unknown, "answer_too_long")
            return Answer(response.status_code, response.headers, bytes(body))
        finally:
            await response.aclose()
