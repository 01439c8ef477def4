"""A pull of 50 changes over HTTP: beside the bare one in the same server, and beside PouchDB Server's answer.

Run with `.venv/bin/python -m tests.bench.bench_served`; it installs PouchDB Server with npm, which answers
`_changes?include_docs=true` for the very same rows. All answer on this machine, one process each, over a connection
that stays open. PouchDB Server signs nobody in, writes no audit entry and holds nobody else's rows; its data is in
memory, or in LevelDB. Ours and the bare one are gunicorn as in a clinic, with a token and the audit entry committed on
disk, on PostgreSQL and on SQLite. They take turns; the median of the rounds stands.
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
from tests.bench.rival_bare_pull import LEARNT
from tests.bench.rival_pouchdb import running_pouchdb, store_documents
from tests.bench.stored import CHANGES, store
from tests.bench.wsgi import Call
from tests.clients.service import running_service
from tests.database import KINDS, Databases

ROUNDS, CALLS = 12, 10
BARE = "tests.bench.bare_pull_app:app"


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


def serving(stack: contextlib.ExitStack, url: str, app: str) -> str:
    """Run our service with an application, and return its address."""
    return stack.enter_context(running_service(url, app, processes=1)).base.removesuffix("/api/v1")


def pulling(stack: contextlib.ExitStack, databases: Databases, kind: str) -> tuple[Call, Call, Call]:
    """Return what pulls all from our service, what pulls the 50 changes, and what pulls them from the bare one."""
    stored = store(stack.enter_context(databases.migrated(kind)))
    address, path = serving(stack, stored.url, "wsgi:app"), pull_path(stored)
    everything = path.replace(f"={stored.since}&", "=&")
    pull = getting(stack, address, path, stored.phone)
    bare = getting(stack, serving(stack, stored.url, BARE), path, stored.phone)
    answers = [bare() for _ in range(LEARNT + 1)]
    assert orjson.loads(answers[-1]) == orjson.loads(pull()), "the bare pull answers something else"
    return getting(stack, address, everything, stored.phone), pull, bare


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
        everything, calls["sqlite"], calls["bare_sqlite"] = pulling(stack, databases, "sqlite")
        _, calls["postgresql"], calls["bare_postgresql"] = pulling(stack, databases, "postgresql")
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
        ours, bare = seconds[kind], seconds[f"bare_{kind}"]
        print(f"pull_served_{kind}: ratio {ours / bare:.2f} ({ours * 1e3:.1f} ms, bare {bare * 1e3:.1f})")
        for where in ("memory", "leveldb"):
            theirs = seconds[where]
            told = f"{ours * 1e3:.1f} ms, theirs {theirs * 1e3:.1f}; bare {bare / theirs:.2f}"
            print(f"pull_pouchdb_{where}_{kind}: ratio {ours / theirs:.2f} ({told})")


if __name__ == "__main__":
    main()
