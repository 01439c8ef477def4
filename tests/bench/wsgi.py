"""Calls a WSGI application in this process, as a server would that costs nothing."""

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from werkzeug.test import EnvironBuilder

ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
Call = Callable[[], bytes]


def calling(application: Any, path: str, token: str) -> Call:
    """Return what sends a GET with a token and returns the body. It raises AssertionError unless it is answered 200."""
    environ = EnvironBuilder(path, headers=[("Authorization", f"Bearer {token}")]).get_environ()
    said: list[str] = []

    def start_response(status: str, _headers: object, _exc_info: object = None) -> None:
        said.append(status)

    def call() -> bytes:
        said.clear()
        answer = application(dict(environ), start_response)
        try:
            body = b"".join(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        assert said[0].startswith("200"), f"expected 200, got {said[0]}"
        return body

    return call
