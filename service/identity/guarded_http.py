"""Requests to a server that a clinic named: judged by the same rules as its webhook, in bounded time, of bounded size.

The connection goes to the very address that was judged, and bears the name that the certificate is judged by. No
redirect is followed, and no proxy of the environment is used.
"""

from collections.abc import Collection
from concurrent.futures import Future
from datetime import timedelta
from typing import Final

import httpx

from schedules.addresses import AddressError, Resolve, check_url, find_addresses, look_up
from schedules.clock import Clock

WITHIN: Final = timedelta(seconds=10)  # all that one client asks, together
MOST_BYTES: Final = 256 * 1024


class GuardedTransport(httpx.BaseTransport):
    """Sends requests to servers that may be called. `trusted` are the hosts that the operator named.

    Raises httpx.TransportError for what may not be called, too.
    """

    def __init__(
        self,
        trusted: Collection[str],
        clock: Clock,
        resolve: Resolve = look_up,
        inner: httpx.BaseTransport | None = None,
    ) -> None:
        self._trusted, self._clock = trusted, clock
        self._resolve = resolve
        self._inner = inner or httpx.HTTPTransport(trust_env=False)
        self._ends_ms = clock.monotonic_ms() + WITHIN // timedelta(milliseconds=1)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the whole answer."""
        host = self._judge(request)
        left = self._left(request)
        extensions = {
            "sni_hostname": request.url.host,
            "timeout": dict.fromkeys(("connect", "read", "write", "pool"), left),
        }
        headers = httpx.Headers(request.headers)
        headers["Host"], headers["Accept-Encoding"] = request.url.netloc.decode("ascii"), "identity"
        sent = httpx.Request(
            request.method,
            request.url.copy_with(host=host),
            headers=headers,
            stream=request.stream,
            extensions=extensions,
        )
        answer = self._inner.handle_request(sent)
        try:
            return httpx.Response(answer.status_code, headers=answer.headers, content=self._read(answer, request))
        finally:
            answer.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._inner.close()

    def _judge(self, request: httpx.Request) -> str:
        try:
            endpoint = check_url(str(request.url), self._trusted)
            return find_addresses(endpoint, timedelta(seconds=self._left(request)), Future(), self._resolve)[0]
        except AddressError as error:
            raise httpx.UnsupportedProtocol(error.code, request=request) from None

    def _read(self, answer: httpx.Response, request: httpx.Request) -> bytes:
        body = b""
        for part in answer.iter_raw():
            body += part
            if len(body) > MOST_BYTES:
                raise httpx.ReadError("too_large", request=request)
            self._left(request)
        return body

    def _left(self, request: httpx.Request) -> float:
        """Return how many seconds are left."""
        left = (self._ends_ms - self._clock.monotonic_ms()) / 1000
        if left <= 0:
            raise httpx.ReadTimeout("deadline", request=request)
        return left
