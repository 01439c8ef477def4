"""A push of a hundred rows is one transaction and as many statements as a push of ten."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import event

from schedules.plan.vocabulary import MilestoneKind
from service.db import db
from tests.api.conftest import Clinic, Look
from tests.sync.conftest import Phone, check_in


@contextmanager
def counted(app: Flask) -> Iterator[dict[str, int]]:
    """Yield the numbers of statements and commits of the application."""
    counts = {"statements": 0, "commits": 0}
    with app.app_context():
        engine = db.engine

    def count_statement(*_: Any) -> None:
        counts["statements"] += 1

    def count_commit(*_: Any) -> None:
        counts["commits"] += 1

    event.listen(engine, "before_cursor_execute", count_statement)
    event.listen(engine, "commit", count_commit)
    yield counts
    event.remove(engine, "before_cursor_execute", count_statement)
    event.remove(engine, "commit", count_commit)


def body(clinic: Clinic, phone: Phone, prefix: str, size: int) -> dict[str, Any]:
    """Return a push: six tenths check-ins, three tenths reports on milestones, one tenth acknowledgements."""
    after = [row for row in phone.rows["milestones"].values() if row["phase"] == "after_surgery"]
    # Therapy, after which other exercises are asked about, is in the small push too: that is paid once.
    in_order = sorted(after, key=lambda row: row["kind"] != MilestoneKind.pt_start)
    mine = [row["id"] for row in in_order if row["lifts"] is None]
    reminders = sorted(phone.rows["reminders"].values(), key=lambda row: str(row["due_at"]))
    at = 1_772_460_000_000
    rows = {
        "check_ins": [check_in(clinic, f"{prefix}-{place}", note=f"{place}") for place in range(6 * size)],
        "milestone_progress": [{"id": each, "achieved_on": "2026-03-02", "note": None} for each in mine[: 3 * size]],
        "reminder_acks": [
            {"id": f"{row['id']}.ack", "reminder_id": row["id"], "acknowledged_at": at} for row in reminders[:size]
        ],
    }
    return {name: {"created": [], "updated": each, "deleted": []} for name, each in rows.items()}


def test_a_push_of_a_hundred_rows_takes_one_transaction_and_a_fixed_number_of_statements(
    app: Flask, phone: Phone, second_phone: Phone, clinic: Clinic, look: Look
) -> None:
    few, many = body(clinic, phone, "few", 1), body(clinic, phone, "many", 10)

    with counted(app) as of_few:
        first = phone.push_body(few)
    phone.pull()
    with counted(app) as of_many:
        second = phone.push_body(many)

    assert first.json["refused"] == second.json["refused"] == 0
    assert first.json["stored"] == 10
    assert second.json["stored"] >= 60
    assert of_few["commits"] == of_many["commits"] == 1
    assert of_many["statements"] <= of_few["statements"]
