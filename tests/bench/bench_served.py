"""A pull of 50 changes beside PouchDB Server's answer to `_changes?include_docs=true` for the very same rows.

Run with `.venv/bin/python -m tests.bench.bench_pouchdb`; it installs the server with npm. Both answer over HTTP on this
machine, one process each, over a connection that stays open. PouchDB Server signs nobody in, writes no audit entry and
holds nobody else's rows; its data is in memory, or in LevelDB. Ours is gunicorn as in a clinic, with a token and the
audit entry committed on disk, on PostgreSQL and on SQLite. They take turns; the median of the rounds stands.
"""

import contextlib
import http.client
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import orjson

from tests.bench.bench_pull import pull_path
from tests.bench.children import leave_nothing_behind
from tests.bench.rival_pouchdb import running_pouchdb, store_documents
from tests.bench.stored import CHANGES, store
from tests.bench.wsgi import Call
from tests.clients.service import running_service
from tests.database import KINDS, Databases

ROUNDS, CALLS = 12, 10


def getting(stack: contextlib.ExitStack, address: str, path: str, token: str = "") -> Call:
    """Return what sends a GET over an open connection, opened anew if the server has closed it."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
    stack.callback(connection.close)
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call() -> bytes:
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            connection.close()
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, f"expected 200, got {answer.status}"
        return body

    return call


def documents_in(answer: bytes) -> Iterator[dict[str, Any]]:
    """Yield the rows of a pull as documents of one database."""
    for name, lists in orjson.loads(answer)["changes"].items():
        for row in lists["updated"]:
            yield {"_id": f"{name}:{row['id']}", "collection": name} | row


def ours(stack: contextlib.ExitStack, databases: Databases, kind: str) -> tuple[Call, Call]:
    """Run our service. Return what pulls all, and what pulls the 50 changes."""
    stored = store(stack.enter_context(databases.migrated(kind)))
    address = stack.enter_context(running_service(stored.url, processes=1)).base.removesuffix("/api/v1")
    path = pull_path(stored)
    everything = path.replace(f"={stored.since}&", "=&")
    return getting(stack, address, everything, stored.phone), getting(stack, address, path, stored.phone)


def measured(calls: dict[str, Call]) -> dict[str, float]:
    """Return the seconds of each call, the median of rounds in which they take turns."""
    seen: dict[str, list[float]] = {name: [] for name in calls}
    for each in range(ROUNDS + 3):
        for name, call in calls.items():
            call()
            start = perf_counter()
            for _ in range(CALLS):
                call()
            if each > 2:  # compiled, cached and prepared by then
                seen[name].append((perf_counter() - start) / CALLS)
    return {name: median(each) for name, each in seen.items()}


def main() -> None:
    """Print the lines."""
    leave_nothing_behind()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        databases = Databases(Path(folder), stack, durable=True)
        calls: dict[str, Call] = {}
        everything, calls["sqlite"] = ours(stack, databases, "sqlite")
        _, calls["postgresql"] = ours(stack, databases, "postgresql")
        changed = list(documents_in(calls["sqlite"]()))
        known = {document["_id"] for document in changed}
        old = [document for document in documents_in(everything()) if document["_id"] not in known]
        for where in ("memory", "leveldb"):
            place = Path(folder) / f"pouchdb-{where}"
            place.mkdir()
            address = stack.enter_context(running_pouchdb(place, in_memory=where == "memory"))
            calls[where] = getting(stack, address, store_documents(address, old, changed))
            assert len(orjson.loads(calls[where]())["results"]) == CHANGES, "expected the same rows"
        seconds = measured(calls)
    for kind in KINDS:
        told = f"{seconds[kind] * 1e3:.1f} ms; PouchDB Server in memory {seconds['memory'] * 1e3:.1f}"
        told += f", in LevelDB {seconds['leveldb'] * 1e3:.1f}"
        print(f"pull_pouchdb_{kind}: ratio {seconds[kind] / seconds['memory']:.2f} ({told})")


if __name__ == "__main__":
    main()
