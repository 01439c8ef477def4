"""How many due reminders a second two of our workers bring to `sent`, beside what a clinic would use instead.

Run with `.venv/bin/python -m tests.bench.bench_engines`; prints a line for each rival, one for a slow provider and one
for HTTP. Ours is the product's worker with all that it writes: fences, attempts, decisions, audit entries. The provider
says yes at once. The rivals do nothing for a reminder but take note that it is done; only the bare loop writes our
rows. Engines take turns, each alone on the machine; the time is that from the release of what is due until all of it is
done. Data is on disk and commits are durable, as a clinic's are (`--in-memory`: neither).
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from models.reminder import DeliveryState
from tests.bench import due, rival_apscheduler, rival_bare, rival_celery, rival_procrastinate
from tests.bench.children import START_SECONDS, leave_nothing_behind, wait_until
from tests.bench.null_worker import running_workers, with_provider
from tests.database import Databases
from tests.worker.sms_peer import ACCOUNT, SENDER, TOKEN, sms_service

ROUNDS = 3
PRACTICES = 4
WARM_UP = 200
SECONDS, FEWEST, MOST = 5, 10_000, 20_000  # ours is measured for about so long, with at least and at most so many
JOBS = {"apscheduler": 2_000, "celery": 4_000, "procrastinate": 1_500, "bare_loop": 12_000}
WAITS = 0.2
MOST_IN_FLIGHT = 256  # what the settings allow, and what bounds a batch
THE_PRODUCTS = [sys.executable, "-m", "schedules.worker"]


def ours(databases: Databases) -> float:
    """Return how many reminders two workers, with one sending process each, bring to `sent` a second."""
    with (
        databases.migrated("postgresql") as url,
        running_workers(url, 2, sender_processes=1, sends_in_flight=MOST_IN_FLIGHT),
    ):
        return _pace(url)


def ours_waiting(databases: Databases) -> float:
    """Return how many reminders one worker sends a second when the provider takes its time for each."""
    command = with_provider(answers_after=(WAITS, WAITS))
    with databases.migrated("postgresql") as url, running_workers(url, 1, command, sends_in_flight=MOST_IN_FLIGHT):
        return _pace(url)


def ours_over_http(databases: Databases) -> float:
    """Return how many SMS two of the product's own workers send a second to an HTTP service in this process."""
    with databases.migrated("postgresql") as url, sms_service() as peer:
        settings = {"sms_url": peer.url, "sms_account": ACCOUNT, "sms_token": TOKEN, "sms_sender": SENDER}
        with running_workers(url, 2, THE_PRODUCTS, sender_processes=1, log_level="WARNING", **settings):
            return _pace(url, channel="sms")


def _pace(url: str, channel: str = "email") -> float:
    practices = due.add_practices(url, PRACTICES)
    warm = _send(url, practices, WARM_UP, channel, within=START_SECONDS)
    count = min(max(int(warm * SECONDS), FEWEST), MOST)
    return _send(url, practices, count, channel)


def _send(url: str, practices: list[str], count: int, channel: str, **bounds: float) -> float:
    """Release so many reminders to the running workers; return how many they bring to `sent` a second."""
    for practice_id in practices:
        due.add_deliveries(
            url, practice_id, due.walking(datetime.now(UTC)), count // len(practices), channels=[channel]
        )
    due.settle(url)
    with due.connect(url) as connection:
        before = due.count_in(connection, DeliveryState.sent)
        due.release(connection)
        start = time.monotonic()
        wait_until(lambda: not due.is_any_open(connection), "reminders sent", **bounds)
        seconds = time.monotonic() - start
        sent = due.count_in(connection, DeliveryState.sent) - before
    assert sent == count // len(practices) * len(practices), f"expected all of {count} sent, got {sent}"
    return sent / seconds


def measure(databases: Databases, folder: Path) -> dict[str, list[float]]:
    """Return how many a second each engine does, round by round."""
    engines: dict[str, Callable[[], float]] = {
        "ours": lambda: ours(databases),
        "apscheduler": lambda: rival_apscheduler.sent_a_second(databases, JOBS["apscheduler"]),
        "procrastinate": lambda: rival_procrastinate.sent_a_second(databases, JOBS["procrastinate"]),
        "bare_loop": lambda: rival_bare.sent_a_second(databases, JOBS["bare_loop"]),
    }
    if rival_celery.is_possible():
        engines["celery"] = lambda: rival_celery.sent_a_second(folder, JOBS["celery"])
    paces: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(ROUNDS):
        for name, engine in engines.items():
            paces[name].append(engine())
    return paces


def report(paces: dict[str, list[float]]) -> float:
    """Print a line for each rival: how many times as fast ours is, by the median of the rounds. Return our own pace."""
    mine = paces.pop("ours")
    for name, theirs in paces.items():
        ratio = median(our / their for our, their in zip(mine, theirs, strict=True))
        print(f"engine_{name}: ratio {ratio:.2f} ({median(mine):.0f} a second, theirs {median(theirs):.0f})")
    if "celery" not in paces:
        print("  engine_celery was not measured: this machine has no redis-server")
    return median(mine)


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(prog="bench_engines")
    parser.add_argument("--in-memory", action="store_true", help="data in memory, commits not durable")
    durable = not parser.parse_args().in_memory
    leave_nothing_behind()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        databases = Databases(Path(folder), stack, durable=durable)
        at_once = report(measure(databases, Path(folder)))
        pace = ours_waiting(databases)
        print(
            f"engine_waiting: ratio {pace * WAITS:.1f} ({pace:.0f} a second by one worker whose provider takes "
            f"{WAITS * 1000:.0f} ms; one at a time would be {1 / WAITS:.0f})"
        )
        pace = ours_over_http(databases)
        print(f"engine_http: ratio {pace / at_once:.2f} ({pace:.0f} a second to an SMS service on this machine)")


if __name__ == "__main__":
    main()
