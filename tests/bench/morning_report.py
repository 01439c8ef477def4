"""What came of a morning, read from its rows: pace, order of urgency, fairness to small clinics, what came too late.

Order is that of the attempts' beginnings; those that began at the same instant count as being in order.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from tests.bench.due import Connection

WORDS = ("urgent", "safety", "other")
SMALLEST = 3
# How urgent a delivery is: what must be heard at once, what is about safety, the rest.
URGENCY = """CASE WHEN reminder.key IN ('surgery_moved', 'surgery_called_off') THEN 0
             WHEN reminder.category = 'safety' THEN 1 ELSE 2 END"""
OF_DELIVERY = """delivery JOIN reminder
    ON reminder.practice_id = delivery.practice_id AND reminder.id = delivery.reminder_id"""
BEGINNINGS = f"""
SELECT started_at, {URGENCY}, delivery.practice_id
FROM delivery_attempt JOIN {OF_DELIVERY}
    ON delivery.practice_id = delivery_attempt.practice_id AND delivery.id = delivery_attempt.delivery_id
WHERE delivery_attempt.fence = (SELECT min(fence) FROM delivery_attempt AS other
    WHERE other.practice_id = delivery.practice_id AND other.delivery_id = delivery.id)
ORDER BY started_at"""
ENDS = "SELECT state, count(*) FROM delivery GROUP BY state ORDER BY state"
# Each of these must be none. A reminder has one delivery here, and a patient one reminder.
FAULTS = {
    "begun when it was no longer useful": """
        SELECT count(*) FROM delivery_attempt JOIN delivery
            ON delivery.practice_id = delivery_attempt.practice_id AND delivery.id = delivery_attempt.delivery_id
        WHERE started_at >= useful_until""",
    "expired without a line in its story": """
        SELECT count(*) FROM delivery WHERE state = 'expired' AND NOT EXISTS (SELECT FROM decision
            WHERE decision.practice_id = delivery.practice_id AND decision.reminder_id = delivery.reminder_id
            AND decision.kind = 'expired' AND decision.reason IS NOT NULL)""",
    "sent without its attempt, story or audit entry": """
        SELECT count(*) FROM delivery WHERE state = 'sent' AND NOT (
            EXISTS (SELECT FROM delivery_attempt AS attempt WHERE attempt.practice_id = delivery.practice_id
                AND attempt.delivery_id = delivery.id AND attempt.outcome = 'accepted')
            AND EXISTS (SELECT FROM decision WHERE decision.practice_id = delivery.practice_id
                AND decision.reminder_id = delivery.reminder_id AND decision.kind = 'sent')
            AND EXISTS (SELECT FROM audit_subject WHERE audit_subject.practice_id = delivery.practice_id
                AND audit_subject.patient_id = delivery.patient_id))""",
    "sent twice": """
        SELECT count(*) FROM (SELECT FROM delivery_attempt WHERE outcome = 'accepted'
            GROUP BY practice_id, delivery_id HAVING count(*) > 1) AS twice""",
    "neither sent nor expired": """
        SELECT count(*) FROM delivery WHERE state NOT IN ('sent', 'expired')""",
}


def report(
    connection: Connection, practices: Sequence[str], nine: datetime, seconds: float, megabytes: Sequence[float]
) -> Iterator[str]:
    """Yield the report's lines. `practices` are from the largest to the smallest, `megabytes` in the order of time."""
    ends: dict[str, int] = {row[0]: row[1] for row in connection.execute(ENDS)}
    sends = connection.execute(BEGINNINGS.encode()).fetchall()
    sent = ends.get("sent", 0)
    told = ", ".join(f"{count:,} {state}" for state, count in ends.items())
    yield f"drained in {seconds:.0f} s: {told}; {sent / seconds:.0f} sent a second"
    yield from _order(sends)
    yield from _fairness(sends, practices, nine)
    for fault, query in FAULTS.items():
        row = connection.execute(query.encode()).fetchone()
        yield f"{fault}: {row[0] if row else 'not known'}"
    warm, late = megabytes[len(megabytes) // 20], max(megabytes[len(megabytes) // 20 :])
    yield f"memory of all workers: {warm:.0f} MB after the first 5 %, {late:.0f} MB at most, {late / warm:.2f} times"


def inversions(classes: Sequence[Sequence[int]]) -> float:
    """Return which share of pairs of different urgency went in the wrong order; each inner sequence began at once.

    >>> inversions([[0], [1, 2]]), inversions([[2], [0]]), inversions([[0], [2], [1], [2]])
    (0.0, 1.0, 0.2)
    """
    before: Counter[int] = Counter()
    wrong = 0
    for group in classes:
        for urgency in group:
            wrong += sum(count for other, count in before.items() if other > urgency)
        before.update(group)
    whole = sum(before.values())
    pairs = (whole**2 - sum(count**2 for count in before.values())) // 2
    return wrong / pairs if pairs else 0.0


def _order(sends: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    for urgency, word in enumerate(WORDS[:-1]):
        places = [place for place, row in enumerate(sends, 1) if row[1] == urgency]
        if places:
            yield f"{word}: {len(places):,}, the last of them in place {places[-1]:,} of {len(sends):,}"
    groups = [[row[1] for row in rows] for _, rows in groupby(sends, key=lambda row: row[0])]
    yield f"pairs in the wrong order of urgency: {inversions(groups):.4%}"


def _fairness(sends: Sequence[tuple[Any, ...]], practices: Sequence[str], nine: datetime) -> Iterator[str]:
    times: dict[str, list[float]] = {practice_id: [] for practice_id in practices}
    for started_at, _, practice_id in sends:
        times[practice_id].append((started_at - nine).total_seconds())
    for practice_id in [practices[0], *practices[-SMALLEST:]]:
        seconds = times[practice_id]
        if seconds:
            middle = seconds[len(seconds) // 2]
            yield (
                f"clinic of {len(seconds):,}: first after {seconds[0]:.1f} s, half by {middle:.1f} s, "
                f"last after {seconds[-1]:.1f} s"
            )
