"""`flask why`: tells why a reminder went, waits or did not go. Knows no name, and no text of a message."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from models import Practice, Reminder, journal
from models.audit import ActorKind, AuditAction
from models.reminder import Decision
from schedules.planning.story_words import story_words
from service.care.reminders import list_decisions
from service.cli.context import choose_practice, clock, fail, sessions

MOST_LINES = 1000


@click.command("why")
@click.argument("reminder_id", metavar="REMINDER")
@click.option("--practice", "slug", help="The clinic's slug; not needed while there is one clinic.")
@with_appcontext
def why(reminder_id: str, slug: str | None) -> None:
    """Print every decision about the reminder of that id, in order, with times on the clinic's clock."""
    with sessions() as make_session, make_session() as session:
        practice = choose_practice(session, slug)
        reminder = session.get(Reminder, (practice.id, reminder_id))
        if reminder is None:
            fail("Expected the id of a reminder of this clinic, as the list of an episode's reminders shows it.")
        lines = list(_story(session, practice, reminder))
        about = {"reminder_id": reminder.id}
        act = journal.Act(
            ActorKind.command, None, AuditAction.read, "flask why", about=about, patient_ids=[reminder.patient_id]
        )
        journal.append(session, practice.id, act, clock().now())
        session.commit()
    print("\n".join(lines))


def _story(session: Session, practice: Practice, reminder: Reminder) -> Iterator[str]:
    zone = ZoneInfo(practice.time_zone)
    due, until = _at(reminder.due_at, zone), _at(reminder.useful_until, zone)
    yield f"{reminder.category} reminder, due {due}, useful until {until}: {reminder.state} (times in {zone.key})"
    decisions = list_decisions(session, practice.id, reminder.id, after=None, limit=MOST_LINES)
    for each in decisions:
        yield f"  {_at(each.decided_at, zone)}  {_line(each, zone)}"
    if not decisions:
        yield "  nothing was decided about it yet"


def _line(decision: Decision, zone: ZoneInfo) -> str:
    until = "" if decision.until is None else f", until {_at(decision.until, zone)}"
    again = "" if decision.generation == 1 else f" (planning {decision.generation})"
    return f"{story_words(decision.kind, decision.reason, decision.channel)}{until}{again}"


def _at(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M")


COMMANDS = (why,)
