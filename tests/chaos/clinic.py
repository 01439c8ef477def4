"""A clinic with many due messages, and triggers that write down every state a delivery or a reminder ever had."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from models.people import Patient
from models.reminder import Delivery
from schedules.plan.library import load_library
from schedules.plan.vocabulary import MilestoneKind
from tests import builders

STARTS_AT = datetime.fromisoformat("2026-03-02T15:00:00+00:00")
USEFUL_FOR = timedelta(days=30)
SHORT_USE = timedelta(minutes=20)
ITEMS = (("walk30", "encourage"), ("sit60", "goal"), ("drive", "ask"))
CHANNELS = (["email"], ["sms"], ["email", "sms"], ["sms", "email"])
TABLE = """
    CREATE TABLE chaos_history (
        number {number}, kind TEXT NOT NULL, id TEXT NOT NULL,
        before TEXT NOT NULL, after TEXT NOT NULL, fence_before BIGINT NOT NULL, fence_after BIGINT NOT NULL
    )"""
INSERT = """
    INSERT INTO chaos_history (kind, id, before, after, fence_before, fence_after)
    VALUES ('{kind}', NEW.id, OLD.state, NEW.state, {old_fence}, {new_fence});"""
# As its owner, since whoever works as the service may write to no table of ours.
FUNCTION = """
    CREATE FUNCTION chaos_{kind}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN {insert} RETURN NULL; END $$"""
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


@dataclass(frozen=True, slots=True)
class Due:
    """A reminder that is due, and the words that tell it from what else is said in one message."""

    reminder_id: str
    text: str


def store_due(session: Session, count: int, *, within: timedelta, chance: random.Random) -> dict[str, list[Due]]:
    """Store so many reminders that come due `within` the start, and commit. Return them by their patients' addresses.

    Each fourth patient has several that are due at one time and go by e-mail; each tenth reminder's use is short.
    """
    clinic = builders.practice(session)
    by_address: dict[str, list[Due]] = {}
    left, number = count, 0
    while left > 0:
        email, phone = f"chaos-{number}@example.org", f"+1212556{number:04}"
        several = number % 4 == 0
        items = ITEMS[: min(left, 2 + number // 4 % 2)] if several else ITEMS[:1]
        channels = ["email"] if several else CHANNELS[number % len(CHANNELS)]
        patient = builders.patient(session, clinic, channels=channels, email=email, phone=phone)
        due_at = STARTS_AT + within * chance.random()
        by_address[email] = by_address[phone] = store_items(session, patient, items, due_at)
        left, number = left - len(items), number + 1
    for row in session.scalars(select(Delivery).order_by(Delivery.id)):
        row.useful_until = row.due_at + (SHORT_USE if chance.random() < 0.1 else USEFUL_FOR)
    session.commit()
    return by_address


def store_items(session: Session, patient: Patient, items: Sequence[tuple[str, str]], due_at: datetime) -> list[Due]:
    """Store reminders of these kinds and keys for one patient, all due at one time, each with a delivery."""
    surgery = builders.surgery(session, builders.episode(session, patient))
    rules = load_library().protocol(surgery.protocol_id, surgery.protocol_version).reminders
    found = []
    for kind, key in items:
        milestone = builders.milestone(session, surgery, key=kind, kind=kind)
        reminder = builders.reminder(session, milestone, key=key)
        delivery = builders.delivery(session, reminder)
        delivery.due_at = delivery.next_attempt_at = due_at
        (text,) = (each.text.en for each in rules.for_kind(MilestoneKind(kind)) if each.key == key)
        found.append(Due(reminder.id, text))
    return found
