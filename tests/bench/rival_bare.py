"""The limit: two processes that claim with `UPDATE ... SKIP LOCKED ... RETURNING` and write what our worker writes.

The very rows, in our tables, in batches of 500: the claim; an attempt, a decision and an audit entry with its subject
before the (absent) send; the attempt's outcome, the mark and a decision after it. Nothing is read, checked, rendered,
authenticated or sent, so nothing that does more can be faster. `python -m tests.bench.rival_bare URL` is one of them.
"""

import sys
from datetime import UTC, datetime
from typing import Any

from psycopg.types.json import Jsonb

from models.ids import new_id
from tests.bench import due
from tests.bench.children import await_go, module, seconds_of_all, started_all
from tests.database import Databases

BATCH = 500
OWNER = new_id(datetime(2026, 3, 2, tzinfo=UTC))
MAC = bytes(32)
CLAIM = """
UPDATE delivery SET state = 'leased', fence = fence + 1, attempts = attempts + 1, lease_owner = %s,
    lease_until = clock_timestamp() + interval '30 s'
WHERE (practice_id, id) IN (
    SELECT practice_id, id FROM delivery
    WHERE state IN ('pending', 'leased', 'sending') AND state = 'pending' AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING practice_id, id, fence, reminder_id, patient_id, generation, step"""
CLAIMED = "FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS claimed (practice_id, id, fence)"
MINE = (
    "WHERE delivery.practice_id = claimed.practice_id AND delivery.id = claimed.id AND delivery.fence = claimed.fence"
)
BEGIN_SENDING = f"""
UPDATE delivery SET state = 'sending', channel = 'email', target = %s,
    lease_until = clock_timestamp() + interval '30 s' {CLAIMED} {MINE} AND state = 'leased'"""
END = f"""
UPDATE delivery SET state = 'sent', finished_at = %s, published = false, lease_owner = NULL, lease_until = NULL,
    deaths = 0, solo = false {CLAIMED} {MINE} AND state = 'sending'"""
RESOLVE = f"""
UPDATE delivery_attempt AS delivery SET outcome = 'accepted', ended_at = %s, provider_code = '250' {CLAIMED}
WHERE delivery.practice_id = claimed.practice_id AND delivery.delivery_id = claimed.id
    AND delivery.fence = claimed.fence AND outcome IS NULL"""
Rows = list[tuple[Any, ...]]


def sent_a_second(databases: Databases, count: int) -> float:
    """Return how many due deliveries two processes bring to `sent` a second."""
    with databases.migrated("postgresql") as url:
        practices = due.add_practices(url, 4)
        for practice_id in practices:
            due.add_deliveries(url, practice_id, due.walking(datetime.now(UTC)), count // len(practices))
        with due.connect(url) as connection:
            due.release(connection)
            due.settle(url)
            with started_all([module("rival_bare", url)] * 2) as children:
                seconds = seconds_of_all(children)
            assert not due.is_any_open(connection)
        return count / seconds


def _serve(url: str) -> None:
    with due.connect(url) as connection:
        await_go()
        while claimed := connection.execute(CLAIM, [OWNER, BATCH]).fetchall():
            keys = [list(column) for column in zip(*(row[:3] for row in claimed), strict=True)]
            with connection.transaction():
                _begin(connection, claimed, keys)
            with connection.transaction():
                _end(connection, claimed, keys)
    print("done", flush=True)


def _begin(connection: due.Connection, claimed: Rows, keys: list[list[Any]]) -> None:
    now = datetime.now(UTC)
    connection.execute(BEGIN_SENDING, [MAC, *keys])
    attempts = [(row[0], row[1], row[2], "email", "smtp", now) for row in claimed]
    _copy(connection, "delivery_attempt (practice_id, delivery_id, fence, channel, provider, started_at)", attempts)
    _tell(connection, claimed, "sending", now)
    entries, subjects = [], []
    for practice_id, delivery_id, fence, reminder_id, patient_id, *_ in claimed:
        entry_id = new_id(now)
        about = {"reminder_id": reminder_id, "delivery_id": delivery_id, "fence": fence, "channel": "email"}
        entries.append((practice_id, entry_id, now, "worker", OWNER, "send", "worker.send", Jsonb(about), MAC))
        subjects.append((practice_id, entry_id, patient_id))
    columns = "practice_id, id, happened_at, actor_kind, actor_id, action, route, about, mac"
    _copy(connection, f"audit_entry ({columns})", entries)
    _copy(connection, "audit_subject (practice_id, entry_id, patient_id)", subjects)


def _end(connection: due.Connection, claimed: Rows, keys: list[list[Any]]) -> None:
    now = datetime.now(UTC)
    connection.execute(RESOLVE, [now, *keys])
    connection.execute(END, [now, *keys])
    _tell(connection, claimed, "sent", now)


def _tell(connection: due.Connection, claimed: Rows, kind: str, now: datetime) -> None:
    rows = [
        (practice_id, new_id(now), reminder_id, generation, step, now, kind, "email")
        for practice_id, _, _, reminder_id, _, generation, step in claimed
    ]
    columns = "practice_id, id, reminder_id, generation, step, decided_at, kind, channel"
    _copy(connection, f"decision ({columns})", rows)


def _copy(connection: due.Connection, target: str, rows: Rows) -> None:
    with connection.cursor().copy(f"COPY {target} FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)


if __name__ == "__main__":
    _serve(sys.argv[1])
