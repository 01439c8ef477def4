"""gunicorn's worker of threads. What it refuses before the application sees it, it answers with problem+json too.

Imports nothing of the service's: gunicorn's parent loads this, and keeps it when it loads the application anew.
"""

import json
from contextlib import suppress
from http import HTTPStatus
from socket import socket

from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

_OURS = errors.ConfigurationProblem, errors.InvalidResponseHeader, errors.InvalidResponseHeaderName
_REFUSALS = {
    errors.LimitRequestLine: (
        HTTPStatus.REQUEST_URI_TOO_LONG,
        "uri_too_long",
        "Method and address are longer than {0.limit_request_line} bytes.",
    ),
    errors.LimitRequestHeaders: (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "headers_too_large",
        "There are more than {0.limit_request_fields} headers, or more than {0.limit_request_field_size} bytes of one.",
    ),
    errors.ExpectationFailed: (HTTPStatus.EXPECTATION_FAILED, "expectation_failed", "Expect may be 100-continue."),
    errors.UnsupportedTransferCoding: (HTTPStatus.NOT_IMPLEMENTED, "not_implemented", "Transfer-Encoding is unknown."),
    errors.ParseException: (HTTPStatus.BAD_REQUEST, "bad_request", "The request cannot be read as HTTP/1.1."),
}


class WebWorker(ThreadWorker):
    """Serves the application."""

    def handle_error(self, req: object, client: socket, addr: object, exc: Exception) -> None:
        """Answer what cannot be read, and log of which kind it is: gunicorn would log and repeat what stands in it."""
        refusal = next((_REFUSALS[kind] for kind in type(exc).__mro__ if kind in _REFUSALS), None)
        if refusal is None or isinstance(exc, _OURS):
            super().handle_error(req, client, addr, exc)
            return
        status, code, title = refusal
        self.log.warning("refused what came: %s", type(exc).__name__)
        with suppress(OSError):  # who sent it is gone
            client.sendall(_problem(status, code, title.format(self.cfg)))


def _problem(status: HTTPStatus, code: str, title: str) -> bytes:
    """Return a whole response, after which the connection ends."""
    body = json.dumps({"type": f"urn:problem:{code}", "title": title, "status": status, "code": code})
    head = f"HTTP/1.1 {status:d} {status.phrase}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
