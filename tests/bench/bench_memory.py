"""Whether a worker's memory stays flat while it sends what is due: its peak by what it held after the first twentieth.

Run with `.venv/bin/python -m tests.bench.bench_memory`; prints one line. Flat is 1. Parent and senders together, their
resident bytes, with a provider that says yes at once. It stops after a time, whether all were sent or not; `--count
1000000 --seconds 3600` is the whole million (some 8 GB where the data is).
"""

import argparse
import contextlib
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from models.reminder import DeliveryState
from tests.bench import due
from tests.bench.children import START_SECONDS, leave_nothing_behind, wait_until
from tests.bench.memory import Watch
from tests.bench.null_worker import running_workers
from tests.database import Databases

PRACTICES = 4
IN_FLIGHT = 128
COUNT, SECONDS = 50_000, 45.0
WARM = 20  # the memory of a twentieth is that of a worker at work: code is loaded, pools are full
LOOKS_EVERY = 0.5  # seconds


def measure(databases: Databases, count: int, seconds: float) -> str:
    """Return the line about a worker that sends `count` messages, or as many as it can in so many seconds."""
    with databases.migrated("postgresql") as url:
        for practice_id in due.add_practices(url, PRACTICES):
            due.add_deliveries(url, practice_id, due.walking(datetime.now(UTC)), count // PRACTICES)
        due.settle(url)
        with due.connect(url) as connection, running_workers(url, 1, sends_in_flight=IN_FLIGHT) as workers:
            due.release(connection)
            wait_until(lambda: _sent(connection) > 0, "a first message sent", within=START_SECONDS, every=0.1)
            with Watch(workers) as watch:
                passed = _until_done(connection, seconds)
            sent = _sent(connection)
    warm, late = watch.seen[len(watch.seen) // WARM], max(watch.seen[len(watch.seen) // WARM :])
    return (
        f"memory_flat: ratio {late / warm:.2f} ({warm:.0f} MB after the first {100 // WARM} %, {late:.0f} MB at most, "
        f"{sent} of {count} sent in {passed:.0f} s)"
    )


def _until_done(connection: due.Connection, seconds: float) -> float:
    start = time.monotonic()
    while due.is_any_open(connection) and time.monotonic() - start < seconds:
        time.sleep(LOOKS_EVERY)
    return time.monotonic() - start


def _sent(connection: due.Connection) -> int:
    return due.count_in(connection, DeliveryState.sent)


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(prog="bench_memory")
    parser.add_argument("--count", type=int, default=COUNT, help=f"messages that are due (default {COUNT})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"the longest it may take (default {SECONDS:g})")
    chosen = parser.parse_args()
    leave_nothing_behind()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        print(measure(Databases(Path(folder), stack), chosen.count, chosen.seconds))


if __name__ == "__main__":
    main()
