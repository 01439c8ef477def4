"""What a phone's pull of 50 changes costs, beside the least that can answer it, and as the practice grows.

Run with `.venv/bin/python -m tests.bench.bench_pull`. The whole application answers in this process, from the request's
headers to the last byte, with a real token and its audit entry committed. Whoever is compared takes turns; the median
of the rounds stands. PostgreSQL's own work is not in a process time, so there the ratio is of the time on the clock.
"""

import contextlib
import gc
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import TextIO

import orjson

from service.app import create_app
from service.db import db
from service.logs import JsonFormatter
from service.sync.collections import SCHEMA_VERSION
from tests.bench.children import leave_nothing_behind
from tests.bench.rival_bare_pull import BarePull, heard
from tests.bench.stored import CHANGES, Stored, store
from tests.bench.wsgi import Call, calling
from tests.database import KINDS, Databases, settings_for

ROUNDS, CALLS = 15, 12
PANEL = 30
OTHERS, MANY_OTHERS = 100, 100_000
OLD, MUCH_OLD = 10, 10_000


def pulling(stack: contextlib.ExitStack, stored: Stored, token: str) -> tuple[Call, BarePull]:
    """Return our application's pull, and the bare one of the same rows. Both answer the same."""
    app = create_app(settings_for(stored.url))
    with app.app_context():
        engine = db.engine
    stack.callback(engine.dispose)
    pull = calling(app, pull_path(stored), token)
    pull()
    with heard(engine) as said:
        answer = pull()
    assert changes_in(answer) == CHANGES, f"expected {CHANGES} changes, got {changes_in(answer)}"
    return pull, BarePull(engine, stored.practice_id, said, answer)


def log_into(stream: TextIO) -> None:
    """Have what applications of this process log written into a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)


def pull_path(stored: Stored) -> str:
    """Return the path of an incremental pull."""
    told = f"last_pulled_at={stored.since}&schema_version={SCHEMA_VERSION}&migration=null"
    return f"/api/v1/sync/watermelon?{told}"


def changes_in(answer: bytes) -> int:
    """Return how many rows an answer has."""
    return sum(len(lists["updated"]) for lists in orjson.loads(answer)["changes"].values())


def measured(calls: Mapping[str, Call]) -> dict[str, tuple[float, float]]:
    """Return seconds and process seconds of each call, the median of rounds in which they take turns."""
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    gc.collect()
    gc.freeze()  # as the web process does
    for each in range(ROUNDS + 2):
        for name, call in calls.items():
            start, cpu_start = perf_counter(), process_time()
            for _ in range(CALLS):
                call()
            passed, cpu = perf_counter() - start, process_time() - cpu_start
            if each > 1:  # statements are prepared by then, caches filled
                seen[name].append((passed / CALLS, cpu / CALLS))
    return {name: (median(one for one, _ in each), median(cpu for _, cpu in each)) for name, each in seen.items()}


def compare_with_bare(databases: Databases, kind: str) -> str:
    """Return the line about a pull beside the bare one."""
    with databases.migrated(kind) as url, contextlib.ExitStack() as stack:
        stored = store(url)
        pull, bare = pulling(stack, stored, stored.phone)
        stack.callback(bare.close)
        bare_call = calling(bare, pull_path(stored), stored.phone)
        assert orjson.loads(bare_call()) == orjson.loads(pull()), "the bare pull answers something else"
        cost = measured({"ours": pull, "bare": bare_call})
    (ours, our_cpu), (theirs, their_cpu) = cost["ours"], cost["bare"]
    ratio = ours / theirs if kind == "postgresql" else our_cpu / their_cpu
    return (
        f"pull_bare_{kind}: ratio {ratio:.2f} ({ours * 1e3:.2f} ms, bare {theirs * 1e3:.2f}; "
        f"process time {our_cpu * 1e3:.2f} ms, bare {their_cpu * 1e3:.2f})"
    )


def growth(databases: Databases, kind: str) -> Iterator[str]:
    """Yield the lines about the same pull in a small practice and in grown ones."""
    sizes = {
        "small": {"others": OTHERS, "old": OLD},
        "others": {"others": MANY_OTHERS, "old": OLD},
        "old": {"others": OTHERS, "old": MUCH_OLD},
        "panel": {"others": OTHERS, "old": OLD, "panel": PANEL},
        "panel_others": {"others": MANY_OTHERS, "old": OLD, "panel": PANEL},
        "panel_old": {"others": OTHERS, "old": MUCH_OLD, "panel": PANEL},
    }
    with contextlib.ExitStack() as stack:
        calls = {}
        for name, size in sizes.items():
            stored = store(stack.enter_context(databases.migrated(kind)), **size)
            calls[name], bare = pulling(stack, stored, stored.coordinator if "panel" in name else stored.phone)
            bare.close()
        cost = {name: seconds for name, (seconds, _) in measured(calls).items()}
    for name in ("others", "old", "panel_others", "panel_old"):
        small = "panel" if "panel" in name else "small"
        many = f"{MANY_OTHERS:,} of others" if "others" in name else f"{MUCH_OLD:,} old"
        told = f"{cost[small] * 1e3:.2f} ms, {cost[name] * 1e3:.2f} ms with {many}"
        yield f"pull_{name}_{kind}: ratio {cost[name] / cost[small]:.2f} ({told})"


def main() -> None:
    """Print the lines."""
    leave_nothing_behind()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        log_into(stack.enter_context(Path(os.devnull).open("w", encoding="utf-8")))
        databases = Databases(Path(folder), stack, durable=True)
        for kind in KINDS:
            print(compare_with_bare(databases, kind), flush=True)
        for kind in KINDS:
            for line in growth(databases, kind):
                print(line, flush=True)


if __name__ == "__main__":
    main()
