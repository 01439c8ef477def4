"""A clinic with many due messages, and triggers that write down every state a delivery or a reminder ever had."""

import random
from datetime import datetime, timedelta

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests import builders

STARTS_AT = datetime.fromisoformat("2026-03-02T15:00:00+00:00")
USEFUL_FOR = timedelta(days=30)
CHANNELS = (["email"], ["sms"], ["email", "sms"], ["sms", "email"])
TABLE = """
    CREATE TABLE chaos_history (
        number {number}, kind TEXT NOT NULL, id TEXT NOT NULL,
        before TEXT NOT NULL, after TEXT NOT NULL, fence_before BIGINT NOT NULL, fence_after BIGINT NOT NULL
    )"""
INSERT = """
    INSERT INTO chaos_history (kind, id, before, after, fence_before, fence_after)
    VALUES ('{kind}', NEW.id, OLD.state, NEW.state, {old_fence}, {new_fence});"""
FUNCTION = "CREATE FUNCTION chaos_{kind}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {insert} RETURN NULL; END $$"
WATCHED = {"delivery": ("OLD.fence", "NEW.fence"), "reminder": ("0", "0")}


def keep_history(engine: Engine) -> None:
    """Have the database itself write down each change of a state or fence, in the transaction that makes it."""
    is_postgresql = engine.dialect.name == "postgresql"
    number = "BIGSERIAL PRIMARY KEY" if is_postgresql else "INTEGER PRIMARY KEY AUTOINCREMENT"
    with engine.begin() as connection:
        connection.execute(text(TABLE.format(number=number)))
        for kind, (old_fence, new_fence) in WATCHED.items():
            insert = INSERT.format(kind=kind, old_fence=old_fence, new_fence=new_fence)
            if is_postgresql:
                connection.execute(text(FUNCTION.format(kind=kind, insert=insert)))
            body = f"EXECUTE FUNCTION chaos_{kind}()" if is_postgresql else f"BEGIN {insert} END"
            columns = "state, fence" if kind == "delivery" else "state"
            connection.execute(
                text(f"CREATE TRIGGER chaos_{kind} AFTER UPDATE OF {columns} ON {kind} FOR EACH ROW {body}")
            )


def store_due(session: Session, count: int, *, within: timedelta, chance: random.Random) -> dict[str, str]:
    """Store so many patients with a reminder each that comes due `within` the start, and commit.

    Return the reminder's id by each of the patient's addresses.
    """
    clinic = builders.practice(session)
    reminder_ids: dict[str, str] = {}
    for number in range(count):
        email, phone = f"chaos-{number}@example.org", f"+1212556{number:04}"
        delivery = builders.due_delivery(
            session, clinic, channels=CHANNELS[number % len(CHANNELS)], email=email, phone=phone
        )
        due_at = STARTS_AT + within * chance.random()
        delivery.due_at = delivery.next_attempt_at = due_at
        delivery.useful_until = STARTS_AT + USEFUL_FOR
        reminder_ids |= {email: delivery.reminder_id, phone: delivery.reminder_id}
    session.commit()
    return reminder_ids
