"""Whether a tick costs the same whatever the history: 1,000 due among 10 thousand and among a million that are over.

Run with `.venv/bin/python -m tests.bench.bench_tick`; prints two lines, for the claim of what is due and for a look
that finds nothing. `--ten-million` measures the tenfold too (minutes, and some 14 GB where the data is). Each stored
reminder has a delivery that was sent; patients and milestones are shared. Flat is 1. The sizes take turns.
"""

import argparse
import contextlib
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

from psycopg import sql
from sqlalchemy import Engine, Table
from sqlalchemy.orm import Session

from models.engine import make_engine, make_session_factory
from models.reminder import Delivery, Reminder
from schedules.clock import SystemClock
from schedules.delivery.deliver import DEFAULT_STEPS
from schedules.delivery.leases import Lease
from tests.bench import due
from tests.bench.children import leave_nothing_behind
from tests.database import Databases

DUE = 1_000
SMALL, LARGE, LARGEST = 10_000, 1_000_000, 10_000_000
ROUNDS = 9
LOOKS_A_ROUND = 20
BEFORE_ALL_OF_IT = timedelta(days=2)  # ago: what is due is so since nine in the morning of the day before
OF_TABLES = "indrelid IN ('reminder'::regclass, 'delivery'::regclass)"
LEASE = Lease("worker-1", timedelta(seconds=30), SystemClock())


def store(url: str, superuser_url: str, history: int) -> None:
    """Store a history of so many reminders that were sent, and beside it the 1,000 that are due."""
    [practice_id] = due.add_practices(url, 1)
    kind = due.walking(datetime.now(UTC))
    due.add_deliveries(url, practice_id, kind, DUE)
    with due.connect(superuser_url) as connection:
        # Its rows hold what the rows hold that they are copies of: no key needs to be looked up. Indexes are not
        # written row by row but built in the end, in a quarter of the time.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '512MB'")
        connection.execute(f"UPDATE pg_index SET indisready = false WHERE {OF_TABLES}")
        for statement in _history(times=history // DUE):
            connection.execute(statement)
        connection.execute("REINDEX TABLE reminder")
        connection.execute("REINDEX TABLE delivery")
        due.release(connection)
    due.settle(url)


def claim_seconds(engine: Engine) -> float:
    """Return how long the claim of all that is due takes; it is taken back."""
    with make_session_factory(engine)() as session:
        return _timed(lambda: _claim(session, DUE), 1)


def look_seconds(engine: Engine) -> float:
    """Return how long a look takes that finds nothing, since it asks for what was due before all of it."""
    with make_session_factory(engine)() as session:
        return _timed(lambda: _claim(session, 0), LOOKS_A_ROUND)


def _claim(session: Session, expected: int) -> None:
    """Claim as a tick does. Nothing was due yet on the day that is asked for when nothing is expected."""
    now = DEFAULT_STEPS.now(session, LEASE.clock)
    when = now if expected else now - BEFORE_ALL_OF_IT
    claims = DEFAULT_STEPS.claim(session, LEASE, now=when, limit=DUE)
    assert len(claims) == expected, f"expected {expected} claims, got {len(claims)}"
    if not expected:
        session.rollback()


def _timed(work: Callable[[], None], times: int) -> float:
    start = perf_counter()
    for _ in range(times):
        work()
    return (perf_counter() - start) / times


def _history(times: int) -> list[sql.Composed]:
    """Return the statements that copy what is due so many times, as sent day after day before."""
    over = {
        "state": sql.Literal("sent"),
        "finished_at": sql.SQL("original.due_at - many.number * interval '1 day'"),
        "due_at": sql.SQL("original.due_at - many.number * interval '1 day'"),
        "useful_until": sql.SQL("original.useful_until - many.number * interval '1 day'"),
    }
    reminders = over | {"id": _numbered("original.id"), "repeat": sql.SQL("many.number")}
    reminders["sent_at"] = reminders.pop("finished_at")
    deliveries = over | {
        "id": _numbered("original.id"),
        "reminder_id": _numbered("original.reminder_id"),
        "next_attempt_at": over["due_at"],
        "published": sql.Literal(True),
        "channel": sql.Literal("email"),
        "target": sql.SQL("sha256(original.id::bytea)"),
        "fence": sql.Literal(1),
        "attempts": sql.Literal(1),
    }
    return [_copies(Reminder, reminders, times), _copies(Delivery, deliveries, times)]


def _numbered(column: str) -> sql.Composable:
    return sql.SQL(f"{column} || '-' || many.number")


def _copies(model: type[Reminder | Delivery], changes: dict[str, sql.Composable], times: int) -> sql.Composed:
    assert isinstance(model.__table__, Table)
    names = model.__table__.columns.keys()
    return sql.SQL(
        "INSERT INTO {table} ({names}) SELECT {values} FROM (SELECT original.* FROM {table} AS original "
        "JOIN delivery AS waiting ON waiting.practice_id = original.practice_id AND {own} = original.id "
        "WHERE waiting.state = 'pending') AS original CROSS JOIN generate_series(1, {times}) AS many (number)"
    ).format(
        table=sql.Identifier(model.__table__.name),
        names=sql.SQL(", ").join(map(sql.Identifier, names)),
        values=sql.SQL(", ").join(changes.get(name, sql.Identifier("original", name)) for name in names),
        own=sql.Identifier("waiting", "id" if model is Delivery else "reminder_id"),
        times=sql.Literal(times),
    )


def compare(databases: Databases, sizes: list[int]) -> None:
    """Print how each cost grows from the first size to the last."""
    with contextlib.ExitStack() as stack:
        engines = {}
        for size in sizes:
            url = stack.enter_context(databases.migrated("postgresql"))
            store(url, databases.superuser_of(url), size)
            engines[size] = make_engine(url)
            stack.callback(engines[size].dispose)
            print(f"  {size:,} reminders stored: {_gigabytes(url):.2f} GB", flush=True)
        for name, cost in (("tick_claim", claim_seconds), ("tick_nothing", look_seconds)):
            rounds = [{size: cost(engine) for size, engine in engines.items()} for _ in range(ROUNDS + 1)][1:]
            ratio = max(median(each[size] / each[sizes[0]] for each in rounds) for size in sizes[1:])
            costs = ", ".join(f"{median(each[size] for each in rounds) * 1000:.2f} ms at {size:,}" for size in sizes)
            print(f"{name}: ratio {ratio:.2f} ({costs} stored)")


def _gigabytes(url: str) -> float:
    with due.connect(url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert row is not None
        return int(row[0]) / 1e9


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(prog="bench_tick")
    parser.add_argument("--ten-million", action="store_true", help="measure 10 million stored reminders too")
    parser.add_argument("--on-disk", action="store_true", help="data on disk instead of in memory")
    chosen = parser.parse_args()
    leave_nothing_behind()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        databases = Databases(Path(folder), stack, durable=chosen.on_disk)
        compare(databases, [SMALL, LARGE, *([LARGEST] if chosen.ten_million else [])])


if __name__ == "__main__":
    main()
