"""`flask held list`, `release`, `drop`: what may have gone out after the backup that was restored."""

from collections.abc import Callable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from models import Delivery, Practice, journal
from models.audit import ActorKind, AuditAction
from schedules.database_time import read_now
from service.care.held import HeldDelivery, drop_held, list_held, release_held
from service.cli.context import choose_practice, clock, fail, sessions
from service.errors import ConflictError, NotFoundError

AT_ONCE = 100
_slug = click.option("--practice", "slug", help="The clinic's slug; not needed while there is one clinic.")
_all = click.option("--all", "every", is_flag=True, help="Everything that is held, instead of IDs.")
_Settle = Callable[[Session, str, str, datetime], Delivery]


@click.group("held")
def held() -> None:
    """What may have gone out after the backup that was restored: none of it goes out by itself."""


@held.command("list")
@_slug
@with_appcontext
def list_all(slug: str | None) -> None:
    """Print what is held, with times on the clinic's clock: id, category, rule, due, useful until, since when held."""
    with sessions() as make_session, make_session() as session:
        practice = choose_practice(session, slug)
        found = list(_every(session, practice.id))
        lines = [_line(each, ZoneInfo(practice.time_zone)) for each in found]
        _record(session, practice, "flask held list", AuditAction.read, [each.patient_id for each in found])
        session.commit()
    for line in lines:
        print(line)
    print(f"{len(lines)} held.")


@held.command("release")
@click.argument("ids", nargs=-1)
@_slug
@_all
@with_appcontext
def release(ids: tuple[str, ...], slug: str | None, every: bool) -> None:  # noqa: FBT001 - an option
    """Have them sent, each if it is still of use: the worker's last check decides as ever."""
    print(f"{_settle(release_held, 'flask held release', ids, slug, every=every)} released.")


@held.command("drop")
@click.argument("ids", nargs=-1)
@_slug
@_all
@with_appcontext
def drop(ids: tuple[str, ...], slug: str | None, every: bool) -> None:  # noqa: FBT001 - an option
    """End them without sending."""
    print(f"{_settle(drop_held, 'flask held drop', ids, slug, every=every)} dropped.")


def _settle(settle: _Settle, command: str, ids: tuple[str, ...], slug: str | None, *, every: bool) -> int:
    """Settle the deliveries, all or none of those that are named, and return how many."""
    if bool(ids) == every:
        fail("Expected either IDs, as flask held list prints them, or --all.")
    with sessions() as make_session, make_session() as session:
        practice, now = choose_practice(session, slug), read_now(session, clock())
        chosen = [each.id for each in _every(session, practice.id)] if every else sorted(set(ids))
        try:
            settled = [settle(session, practice.id, each, now) for each in chosen]
        except (NotFoundError, ConflictError):
            fail("Expected IDs of what is held, as flask held list prints them. Nothing was changed.")
        _record(session, practice, command, AuditAction.write, [each.patient_id for each in settled])
        session.commit()
    return len(settled)


def _every(session: Session, practice_id: str) -> Iterator[HeldDelivery]:
    after: str | None = None
    while page := list_held(session, practice_id, after=after, limit=AT_ONCE):
        yield from page
        after = page[-1].id


def _record(session: Session, practice: Practice, command: str, action: AuditAction, patient_ids: list[str]) -> None:
    about = {"deliveries": len(patient_ids)}
    act = journal.Act(ActorKind.command, None, action, command, about=about, patient_ids=patient_ids)
    journal.append(session, practice.id, act, clock().now())


def _line(each: HeldDelivery, zone: ZoneInfo) -> str:
    due, until = _at(each.due_at, zone), _at(each.useful_until, zone)
    since = "?" if each.held_since is None else _at(each.held_since, zone)
    return f"{each.id}  {each.category} {each.key}, due {due}, useful until {until}, held since {since}"


def _at(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M")


COMMANDS = (held,)
