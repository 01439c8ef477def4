"""Requests that no client library would send, to the real web server over a plain socket."""

import contextlib
import json
import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.api.conftest import API
from tests.database import Databases
from tests.e2e.test_killed_service import running_service
from tests.processes import descendants, wait_for

Address = tuple[str, int]
IDLE = 8  # twice the threads: the server sets a connection aside that says nothing for five seconds
CHUNK = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
MOST_BODY = 2 * 1024 * 1024  # the service's default
MOST_GROWTH_KB = 32 * 1024
SECRET = "a-secret-of-a-link"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that the web server logs to."""
    return tmp_path_factory.mktemp("web") / "log"


@pytest.fixture(scope="module")
def server(databases: Databases, log: Path) -> Iterator[tuple[Address, int]]:
    """Yield where a web server listens that has an empty database, and the id of its process."""
    with (
        databases.migrated("sqlite") as url,
        log.open("wb") as lines,
        running_service(url, lines) as (address, process),
    ):
        place = urlsplit(address)
        assert place.hostname is not None
        assert place.port is not None
        where = (place.hostname, place.port)
        wait_for(lambda: _status(where, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n") == 200, "the web server")
        yield where, process.pid


def _status(where: Address, request: bytes, *more: bytes) -> int | None:
    """Return the status of the first answer, None if the connection ends without one."""
    with contextlib.suppress(ConnectionError, TimeoutError), socket.create_connection(where, timeout=20) as sock:
        sock.sendall(request)
        with contextlib.suppress(ConnectionError):  # who was answered already is not read to the end
            for part in more:
                sock.sendall(part)
        line = sock.makefile("rb").readline().split()
        return int(line[1]) if len(line) > 1 else None
    return None


def _post(headers: str, body: str) -> bytes:
    return f"POST {API}/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}\r\n{body}".encode()


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"),
        ("Content-Length: 2\r\nContent-Length: 40\r\n", "{}GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("Content-Length: 2, 40\r\n", "{}"),
        ("Content-Length: +2\r\n", "{}"),
        ("Content-Length: 0x2\r\n", "{}"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        ("X-Folded: a\r\n b\r\nContent-Length: 2\r\n", "{}"),
        ("Transfer-Encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n"),
    ],
)
def test_a_request_whose_end_can_be_read_in_two_ways_is_refused(
    server: tuple[Address, int], headers: str, body: str
) -> None:
    status = _status(server[0], _post(headers, body))

    assert status is None or 400 <= status <= 501
    assert status != 404  # what was smuggled in would be asked for, and found nowhere


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("request_line", "headers", "status", "code"),
    [
        (f"GET /m/{SECRET}", "", 400, "bad_request"),
        ("GET / HTTP/1.1", f"X Name: {SECRET}\r\n", 400, "bad_request"),
        (f"GET /m/{SECRET * 250} HTTP/1.1", "", 414, "uri_too_long"),
        ("GET / HTTP/1.1", f"X-Name: {SECRET * 500}\r\n", 431, "headers_too_large"),
        ("GET / HTTP/1.1", f"X-Name: {SECRET}\r\n" * 101, 431, "headers_too_large"),
        ("GET / HTTP/1.1", f"Expect: {SECRET}\r\n", 417, "expectation_failed"),
        ("GET / HTTP/1.1", f"Transfer-Encoding: {SECRET}\r\n", 501, "not_implemented"),
    ],
)
def test_what_the_web_server_itself_refuses_is_a_problem_that_repeats_and_logs_nothing(
    server: tuple[Address, int], log: Path, request_line: str, headers: str, status: int, code: str
) -> None:
    logged = log.stat().st_size
    with socket.create_connection(server[0], timeout=20) as sock:
        sock.sendall(f"{request_line}\r\nHost: x\r\n{headers}\r\n".encode())
        answer = HTTPResponse(sock)
        answer.begin()
        body = answer.read()

    told = json.loads(body)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert told == {"type": f"urn:problem:{code}", "title": told["title"], "status": status, "code": code}
    assert "{" not in told["title"]
    lines = log.read_text()[logged:]
    assert "refused what came" in lines
    assert SECRET not in lines + body.decode()


@pytest.mark.sqlite_only
def test_a_body_without_an_end_is_refused_and_fills_no_memory(server: tuple[Address, int]) -> None:
    where, pid = server
    before = _memory_kb(pid)

    status = _status(where, _post("Transfer-Encoding: chunked\r\n", ""), *[CHUNK] * 1600)

    assert status in (413, None)
    assert 1600 * len(CHUNK) > 40 * MOST_BODY
    assert _memory_kb(pid) - before < MOST_GROWTH_KB


@pytest.mark.sqlite_only
@pytest.mark.parametrize(("chunks", "status"), [(1, 400), (31, 400), (33, 413)])
def test_what_comes_in_chunks_is_refused_beyond_the_limit_and_never_cut(
    server: tuple[Address, int], chunks: int, status: int
) -> None:
    body = [CHUNK] * chunks

    assert _status(server[0], _post("Transfer-Encoding: chunked\r\n", ""), *body, b"0\r\n\r\n") == status


@pytest.mark.sqlite_only
def test_idle_connections_keep_no_thread(server: tuple[Address, int]) -> None:
    where, _ = server
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE):
            stack.enter_context(socket.create_connection(where, timeout=20))

        assert _status(where, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n") == 200


def _memory_kb(pid: int) -> int:
    """Return the memory of a process and all that it started."""
    pages = 0
    for each in {pid, *descendants(pid)}:
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{each}/statm").read_text().split()[1])
    return pages * 4
