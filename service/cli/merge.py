"""`flask doubles` lists records that may be of one person, `flask merge` makes one of two. Ids alone are told."""

from datetime import datetime
from typing import NoReturn

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from models import Practice, RecordMerge, journal
from models.audit import ActorKind, AuditAction
from models.ids import new_id
from service.care.doubles import find_doubles
from service.care.merging_checks import Merge
from service.care.merging_facts import Fact, Side
from service.care.merging_records import Merged, Rehearsal, apply_merge, preview_merge
from service.cli.context import choose_practice, clock, fail, sessions
from service.errors import ServiceError

_slug = click.option("--practice", "slug", help="The clinic's slug; not needed while there is one clinic.")


@click.command("doubles")
@_slug
@with_appcontext
def doubles(slug: str | None) -> None:
    """List pairs of records that may be of one person, the likeliest first."""
    with sessions() as make_session, make_session() as session:
        practice = choose_practice(session, slug)
        found = find_doubles(session, practice.id)
        ids = sorted({each for double in found.pairs for each in double.patient_ids})
        _record(session, practice, _act("flask doubles", ids))
        session.commit()
    for double in found.pairs:
        print(" ".join((*double.patient_ids, ",".join(double.grounds))))
    print(f"{len(found.pairs)} pairs" + (", and there are more." if found.has_more else "."))


@click.command("merge")
@click.argument("survivor_id")
@click.argument("absorbed_id")
@_slug
@click.option("--take", type=click.Choice(list(Fact)), multiple=True, help="Take this fact from ABSORBED_ID.")
@click.option("--keep", type=click.Choice(list(Fact)), multiple=True, help="Keep this fact of SURVIVOR_ID.")
@click.option("--confirm-birth-dates", is_flag=True, help="It is one person although the dates of birth differ.")
@click.option("--apply", is_flag=True, help="Do it; without it the command says what would happen.")
@with_appcontext
def merge(
    survivor_id: str, absorbed_id: str, slug: str | None, take: tuple[Fact, ...], keep: tuple[Fact, ...], **flags: bool
) -> None:
    """Make the record ABSORBED_ID part of SURVIVOR_ID, or say what would happen. It cannot be undone."""
    choices = {Fact(each): Side.absorbed for each in take} | {Fact(each): Side.survivor for each in keep}
    command = Merge(
        survivor_id=survivor_id,
        absorbed_id=absorbed_id,
        choices=choices,
        are_birth_dates_confirmed=flags["confirm_birth_dates"],
    )
    with sessions() as make_session, make_session() as session:
        practice, now = choose_practice(session, slug), clock().now()
        rehearsal = _preview(session, practice, command, now)
        _print(rehearsal.merged)
        ids = [survivor_id, absorbed_id]
        if flags["apply"]:
            merged = _apply(session, practice, command, rehearsal, now)
            _record(session, practice, _act("flask merge", ids, merge_id=merged.id, merged=merged.absorbed_id))
        else:
            _record(session, practice, _act("flask merge", ids))
        session.commit()
    print("Merged." if flags["apply"] else "Nothing was merged: give --apply to do it.")


def _preview(session: Session, practice: Practice, command: Merge, now: datetime) -> Rehearsal:
    try:
        return preview_merge(session, practice.id, command, now)
    except ServiceError as error:
        _refuse(error)


def _apply(session: Session, practice: Practice, command: Merge, rehearsal: Rehearsal, now: datetime) -> RecordMerge:
    merge_id, agreed = new_id(now), rehearsal.fingerprint
    try:
        return apply_merge(session, practice.id, command, merge_id=merge_id, agreed=agreed, by=None, now=now)
    except ServiceError as error:
        _refuse(error)


def _refuse(error: ServiceError) -> NoReturn:
    fail(" ".join((error.title, *(f"Expected {each.expected}, got {each.got}." for each in error.faults))))


def _print(merged: Merged) -> None:
    for difference in merged.differences:
        print(f"{difference.fact}: the {difference.stands}'s stands")
    for name, count in sorted(merged.carried.moved.items()):
        print(f"{count:>8} rows of {name} move")
    for name, count in sorted(merged.carried.ended.items()):
        print(f"{count:>8} of {name} end")
    fates = list(merged.messages.values())
    for fate in sorted(set(fates)):
        print(f"{fates.count(fate):>8} messages {fate}")
    print(f"{merged.kept:>8} messages stay as planned")


def _act(route: str, patient_ids: list[str], **about: str) -> journal.Act:
    action = AuditAction.write if about else AuditAction.read
    return journal.Act(ActorKind.command, None, action, route, about=about, patient_ids=patient_ids)


def _record(session: Session, practice: Practice, act: journal.Act) -> None:
    journal.append(session, practice.id, act, clock().now())


COMMANDS = (doubles, merge)
