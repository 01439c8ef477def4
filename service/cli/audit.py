"""`flask audit`: proves the audit trail now, and hands it out in a form that others read."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from models import Practice, journal
from models.audit import ActorKind, AuditAction
from models.ids import first_id_at
from models.isolation import in_practice, see
from schedules.database_time import read_now
from schedules.watch.anchors import Compared, compare
from schedules.watch.trail import SEALED_WITHIN, Point, Proof, prove
from schedules.watch.trail_rows import find_head
from service.cli.context import choose_practice, clock, fail, list_practices, sessions, settings

INSTANT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"])


class CouldNotCheckError(click.ClickException):
    """It could not be looked at, which is not to say that anything is wrong."""

    exit_code = 2


@click.group("audit")
def audit() -> None:
    """Prove the audit trail, or hand it out."""


@audit.command("verify")
@click.option("--practice", "slug", help="The clinic's slug; without it every clinic's trail is proved.")
@click.option("--since", type=INSTANT, help="Follow the chain from here on (UTC); without it from its beginning.")
@click.option(
    "--anchors",
    type=click.Path(path_type=Path),
    help="The file of anchors to hold the chains against; without it AUDIT_ANCHOR_FILE, if that is set.",
)
@with_appcontext
def verify(slug: str | None, since: datetime | None, anchors: Path | None) -> None:
    """Prove each entry, each link and each anchor, and name the first that is wrong.

    Exit code 0: all is well. 1: something is wrong. 2: it could not be looked at.
    """
    with _whatever_happens(), sessions() as make_session:
        practices = practices_of(make_session, slug)
        path = anchors or _anchor_file()
        by_practice, unread = _compared(make_session, path)
        broken = sum(_verify(make_session, each, since, by_practice.get(each.id)) for each in practices)
        if slug is None:
            known = {each.id for each in practices}
            strangers = sorted(set(by_practice) - known)
            for practice_id in strangers:
                print(f"FAULT a practice that is gone was anchored: {practice_id}")
            broken += len(strangers)
        for number in unread[:1]:
            print(f"FAULT line {number} of {path}: tells no anchor, or was changed ({len(unread)} such lines)")
        broken += len(unread)
    if broken:
        fail(f"{broken} faults. The first of each clinic is the one to look at: docs/audit.md")


@contextmanager
def _whatever_happens() -> Iterator[None]:
    """End the command with the exit code for what could not be looked at, unless all of it was."""
    try:
        yield
    except click.ClickException as error:
        raise CouldNotCheckError(error.message) from None
    except (SQLAlchemyError, OSError) as error:
        raise CouldNotCheckError(f"It could not be looked at: {type(error).__name__}.") from None


def practices_of(make_session: sessionmaker[Session], slug: str | None) -> list[Practice]:
    """Return the practice of a slug, or every one. Ends the command if there is none."""
    with make_session() as session:
        if slug is not None:
            return [choose_practice(session, slug)]
        return list(list_practices(session))


def _anchor_file() -> Path | None:
    name = settings().audit_anchor_file
    return None if name is None else Path(name)


def _compared(make_session: sessionmaker[Session], path: Path | None) -> tuple[dict[str, Compared], list[int]]:
    if path is None:
        return {}, []
    with path.open(encoding="utf-8", errors="replace") as lines:
        return compare(make_session, lines)


def _verify(
    make_session: sessionmaker[Session], practice: Practice, since: datetime | None, anchored: Compared | None
) -> int:
    """Print what one practice's trail is like and return how much of it is wrong."""
    start, first_id = None, ""
    with make_session() as session:
        see(session, practice.id)
        now = read_now(session, clock())
        if since is not None:
            at = since.replace(tzinfo=UTC)
            head, first_id = find_head(session, practice.id, before=at), first_id_at(at)
            start = None if head is None else Point(*head)
    sealed_before = now - SEALED_WITHIN
    proof = prove(make_session, practice.id, after=start, since=first_id, sealed_before=sealed_before)
    broken = proof.broken + (0 if anchored is None else anchored.broken)
    _tell(practice.slug, proof, anchored)
    with in_practice(make_session, practice.id) as session:
        about = {"links": proof.links, "faults": broken}
        act = journal.Act(ActorKind.command, None, AuditAction.read, "flask audit verify", about=about)
        journal.append(session, practice.id, act, clock().now())
    return broken


def _tell(slug: str, proof: Proof, anchored: Compared | None) -> None:
    anchors = "no anchor" if anchored is None else f"{anchored.anchors} anchors up to link {anchored.newest}"
    print(f"{slug}: {proof.links} links up to {proof.head.sequence}, {proof.loose} entries in no chain yet, {anchors}")
    for number, fault in enumerate(proof.faults):
        print(f"  {'FAULT' if number == 0 else '  and'} {fault}")
    if proof.broken > len(proof.faults):
        print(f"    and {proof.broken - len(proof.faults)} more")
    if anchored is not None and anchored.first is not None:
        print(f"  FAULT by an anchor: {anchored.first} ({anchored.broken} anchors differ)")


COMMANDS = (audit,)
