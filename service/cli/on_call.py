"""`flask on-call list`, `set`, `remove`, `address`: who is on call, and where staff are told of alerts.

The same rules as `/api/v1/on-call`. An address is typed unseen or read from a file, never given as an option: options
stand in a shell's history.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from models import Practice, Staff, journal
from models.audit import ActorKind, AuditAction
from schedules.plan.vocabulary import Channel, OnCallPlace
from service.care.on_call import ShiftRecord, list_shifts, put_shift, remove_shift, tell_phones, who_watches
from service.care.staff import find_by_email
from service.care.staff_addresses import set_address
from service.cli.context import choose_practice, clock, fail, monitoring, sessions
from service.errors import InvalidError, NotFoundError

on_call_commands = AppGroup("on-call", help="Say who is on call, and where staff are told of alerts.")
_WALL = "%Y-%m-%dT%H:%M"
_PRACTICE = click.option("--practice", "slug", help="The clinic's slug; not needed while there is one clinic.")


@on_call_commands.command("list")
@_PRACTICE
def list_rota(slug: str | None) -> None:
    """Print the shifts from today on, and who is on call now."""
    with sessions() as make_session, make_session() as session:
        practice, now = choose_practice(session, slug), clock().now()
        for row in list_shifts(session, practice, since=None, now=now, after=None, limit=1000):
            begins, ends = (f"{on} {at:%H:%M}" for on, at in ((row.from_on, row.from_at), (row.until_on, row.until_at)))
            print(f"{row.id}  {begins} - {ends}  {row.place.value}  {row.staff_id}")
        watch = who_watches(session, practice, now, monitoring())
        for place in OnCallPlace:
            print(f"now {place.value}: {', '.join(watch.on_call[place]) or 'nobody'}")
        until = watch.monitored_until
        if until is None and any(watch.on_call.values()):
            print("no worker has reported: nobody would be told")
        print("monitored: no" if until is None else f"monitored until {until.isoformat()}")


@on_call_commands.command("set")
@click.argument("shift_id", metavar="ID")
@click.option("--staff", "email", required=True, help="The sign-in address of the member of staff.")
@click.option("--place", type=click.Choice([place.value for place in OnCallPlace]), required=True)
@click.option(
    "--from",
    "begins",
    type=click.DateTime([_WALL]),
    required=True,
    help="Such as 2026-04-20T18:00, in the clinic's zone.",
)
@click.option("--until", "ends", type=click.DateTime([_WALL]), required=True, help="The end, which is not part of it.")
@_PRACTICE
def set_shift(*, shift_id: str, email: str, place: str, begins: datetime, ends: datetime, slug: str | None) -> None:
    """Store a shift, in the place of an earlier one of that id."""
    with _changing(slug, f"shift {shift_id}") as (session, practice, now):
        record = ShiftRecord(
            staff_id=_person(session, practice, email).id,
            place=OnCallPlace(place),
            from_on=begins.date(),
            from_at=begins.time(),
            until_on=ends.date(),
            until_at=ends.time(),
        )
        put_shift(session, practice.id, shift_id, record, require_tag=lambda _tag: None)
        session.flush()
        tell_phones(session, practice.id, now, monitoring())


@on_call_commands.command("remove")
@click.argument("shift_id", metavar="ID")
@_PRACTICE
def remove(shift_id: str, slug: str | None) -> None:
    """Remove a shift."""
    with _changing(slug, f"shift {shift_id}") as (session, practice, now):
        remove_shift(session, practice.id, shift_id)
        session.flush()
        tell_phones(session, practice.id, now, monitoring())


@on_call_commands.command("address")
@click.option("--staff", "email", required=True, help="The sign-in address of the member of staff.")
@click.option("--channel", type=click.Choice([Channel.email.value, Channel.sms.value]), required=True)
@click.option("--file", "path", help="A file with the address; else it is asked for, unseen.")
@click.option("--rank", type=click.IntRange(0, 9), default=0, help="Which channel is tried first, from 0.")
@_PRACTICE
def set_person_address(email: str, channel: str, path: str | None, rank: int, slug: str | None) -> None:
    """Set where a member of staff is told of alerts on one channel."""
    address = click.prompt("Address", hide_input=True) if path is None else _read(Path(path))
    with _changing(slug, f"address of {channel}") as (session, practice, now):
        person = _person(session, practice, email)
        set_address(session, person, Channel(channel), address, rank=rank, now=now)
        session.flush()
        tell_phones(session, practice.id, now, monitoring())


@contextmanager
def _changing(slug: str | None, what: str) -> Iterator[tuple[Session, Practice, datetime]]:
    """Yield a transaction, committed with its audit entry. A refusal ends the command with one line."""
    with sessions() as make_session, make_session() as session:
        practice, now = choose_practice(session, slug), clock().now()
        try:
            yield session, practice, now
        except InvalidError as error:
            fail("; ".join(f"{each.pointer}: expected {each.expected}, got {each.got}" for each in error.faults))
        except NotFoundError:
            fail("There is no such thing.")
        act = journal.Act(ActorKind.command, None, AuditAction.write, "flask on-call", about={"changed": what})
        journal.append(session, practice.id, act, now)
        session.commit()


def _person(session: Session, practice: Practice, email: str) -> Staff:
    person = find_by_email(session, practice.id, email)
    if person is None:
        fail("Expected --staff with the address of a member of the clinic's staff.")
    return person


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        fail("Expected --file with a readable file.")


COMMANDS = (on_call_commands,)
