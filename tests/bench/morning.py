"""A morning: 200,000 reminders of 20 clinics fall due at 09:00 in New York, and two workers drain them.

Run with `make morning`. The workers' clock is set so that nine o'clock comes once all is stored. The provider is in
their process and takes 50 to 200 ms. Some messages are corrections that must be heard at once, some are about safety,
most are neither; some were due the evening before and are useless by now, and some lose their use while the queue
drains. What comes of it is read from the rows alone: pace, order, fairness to small clinics, and whether each that came
too late has a row that says so.
"""

import argparse
import contextlib
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from schedules.plan.corrections import UrgentCorrection
from schedules.plan.vocabulary import MilestoneKind, ReminderCategory
from tests.bench import due
from tests.bench.children import leave_nothing_behind, wait_until
from tests.bench.memory import Watch
from tests.bench.morning_report import report
from tests.bench.null_worker import running_workers, with_provider
from tests.database import Databases

NINE = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)  # 09:00 in New York
COUNT, PRACTICES, WORKERS = 200_000, 20, 2
ANSWERS_AFTER = (0.05, 0.2)
IN_FLIGHT = 128
STARTED_WITHIN = 15.0  # seconds before nine that the workers are started
LOOKS_EVERY = 0.5


def _kind(
    milestone: MilestoneKind,
    key: str,
    category: ReminderCategory,
    *,
    useful: timedelta,
    due_at: datetime = NINE,
) -> due.Kind:
    return due.Kind(milestone, key, category, due_at, due_at + useful, next_attempt_at=due_at)


def kinds(seconds_to_drain: float) -> list[tuple[float, due.Kind]]:
    """Return what falls due at nine, each with its share: the protocols' rules of that hour, how long each is useful.

    Besides them corrections, and two that come too late: the evening's advice on fasting, which a worker that was down
    at night finds in the morning, and messages whose use ends halfway through `seconds_to_drain`.
    """
    kind, category = MilestoneKind, ReminderCategory
    hours = timedelta(hours=1)
    last_night = NINE - timedelta(hours=15)
    halfway = timedelta(seconds=seconds_to_drain / 2)
    moved = UrgentCorrection.surgery_moved.value
    return [
        (0.005, _kind(kind.fasting, moved, category.safety, useful=timedelta(days=7))),
        (0.040, _kind(kind.health_check, "d3", category.safety, useful=24 * hours)),
        (0.040, _kind(kind.health_check, "d1", category.safety, useful=10 * hours)),
        (0.020, _kind(kind.medicines_pause, "day", category.safety, useful=12 * hours)),
        (0.020, _kind(kind.medicines_restart, "day", category.safety, useful=12 * hours)),
        (0.060, _kind(kind.prom_baseline, "last", category.questionnaire, useful=12 * hours)),
        (0.100, _kind(kind.step_baseline, "start", category.activity, useful=72 * hours)),
        (0.100, _kind(kind.shower, "may_ask", category.wound, useful=36 * hours)),
        (0.250, _kind(kind.walk30, "encourage", category.activity, useful=48 * hours)),
        (0.205, _kind(kind.walk30, "goal", category.activity, useful=72 * hours)),
        (0.140, _kind(kind.sit60, "goal", category.activity, useful=72 * hours)),
        (0.010, _kind(kind.fasting, "evening", category.safety, useful=5 * hours, due_at=last_night)),
        (0.010, _kind(kind.shower, "may_ask", category.wound, useful=halfway)),
    ]


def store(url: str, count: int, seconds_to_drain: float) -> list[str]:
    """Store the morning of clinics each three quarters the size of the one before. Return them, largest first."""
    practices = due.add_practices(url, PRACTICES)
    sizes = [0.75**number for number in range(PRACTICES)]
    for practice_id, size in zip(practices, sizes, strict=True):
        for share, kind in kinds(seconds_to_drain):
            many = round(count * size / sum(sizes) * share)
            if many:
                due.add_deliveries(url, practice_id, kind, many)
    due.settle(url)
    return practices


def drain(url: str, within: float) -> tuple[float, list[float]]:
    """Let nine o'clock come; return the seconds until all is done, and what memory the workers held meanwhile."""
    nine = time.time() + STARTED_WITHIN
    command = with_provider(answers_after=ANSWERS_AFTER, clock_ahead=NINE.timestamp() - nine)
    running = running_workers(url, WORKERS, command, sends_in_flight=IN_FLIGHT)
    with due.connect(url) as connection, running as workers:
        time.sleep(max(nine - time.time(), 0))
        with Watch(workers) as watch:
            wait_until(lambda: not due.is_any_open(connection), "the morning's end", within=within, every=LOOKS_EVERY)
            passed = time.time() - nine
    return passed, watch.seen


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(
        prog="morning", description="200,000 reminders due at once, drained by two workers."
    )
    parser.add_argument("--count", type=int, default=COUNT, help=f"reminders (default {COUNT})")
    parser.add_argument("--pace", type=float, default=1_000, help="sends a second that are expected (default 1000)")
    parser.add_argument("--within", type=float, default=3_600, help="seconds it may take at most (default 3600)")
    chosen = parser.parse_args()
    leave_nothing_behind()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        databases = Databases(Path(folder), stack, durable=True)
        url = stack.enter_context(databases.migrated("postgresql"))
        start = time.monotonic()
        practices = store(url, chosen.count, chosen.count / chosen.pace)
        print(f"stored {chosen.count:,} in {time.monotonic() - start:.0f} s", flush=True)
        seconds, megabytes = drain(url, chosen.within)
        with due.connect(url) as connection:
            for line in report(connection, practices, NINE, seconds, megabytes):
                print(line)


if __name__ == "__main__":
    main()
