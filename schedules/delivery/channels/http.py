"""One exchange with a provider over HTTP: no redirect, a bounded answer, and one deadline for the whole of it.

A time limit of the library is one on each read, which a server that drips bytes never meets; so the exchange runs in an
event loop that is left at the deadline. Until the request's first byte nothing can have been accepted; what breaks
later leaves the outcome unknown.
"""

import asyncio
import ssl
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from models.reminder import AttemptOutcome
from schedules.delivery.channels import Result
from schedules.delivery.deadline import CutShortError

MAX_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider answered, whole."""

    status: int
    headers: httpx.Headers
    body: bytes


class HttpLine:
    """Connections to HTTP providers, kept between messages. `context` judges certificates; by default the machine's."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context or ssl.create_default_context()
        self._loop: asyncio.Runner | None = None
        self._client: httpx.AsyncClient | None = None

    def exchange(self, request: httpx.Request, deadline: timedelta) -> Answer | Result:
        """Send the request and return the answer, or what became of a request that got none within `deadline`."""
        progress = _Progress()
        request.extensions = {**request.extensions, "trace": progress.note}
        if self._loop is None or self._client is None:
            self._loop = asyncio.Runner()
            self._client = self._open()
        try:
            return self._loop.run(_exchange(self._client, request, deadline.total_seconds()))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            if isinstance(error, CutShortError):
                self._abandon()
            code = "deadline" if isinstance(error, TimeoutError) else type(error).__name__[:64]
            return Result(AttemptOutcome.unknown if progress.is_begun else AttemptOutcome.refused, code)

    def close(self) -> None:
        """Let go of all connections. The next exchange makes new ones."""
        if self._loop is not None and self._client is not None:
            self._loop.run(self._client.aclose())
        self._abandon()

    def _abandon(self) -> None:
        """End what still runs: an exchange that was cut short must not go on with the next."""
        if self._loop is not None:
            self._loop.close()
        self._loop = self._client = None

    def _open(self) -> httpx.AsyncClient:
        # Proxies, netrc and certificates of the environment are not the service's settings.
        return httpx.AsyncClient(verify=self._context, follow_redirects=False, trust_env=False)


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
