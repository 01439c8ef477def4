"""`flask self-audit`: proves the service's promises now, as the worker does every night."""

from datetime import datetime

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session, sessionmaker

from models import journal
from models.audit import ActorKind, AuditAction
from models.isolation import in_practice
from schedules.database_time import read_now
from schedules.keeping.terms import Terms
from schedules.watch.judgement import Rhythm
from schedules.watch.self_audit import Audit, audit_practice, record_audit
from service.cli.context import choose_practice, clock, fail, list_practices, sessions, settings


@click.command("self-audit")
@click.option("--practice", "slug", help="The clinic's slug; without it every clinic is audited.")
@with_appcontext
def self_audit(slug: str | None) -> None:
    """Look at what was sent since the last audit and at all that is open; store and print what was found.

    Exit code 1 when an invariant was broken. Reads only, but for the results.
    """
    violations = 0
    with sessions() as make_session:
        with make_session() as session:
            now = read_now(session, clock())
            practices = list_practices(session) if slug is None else [choose_practice(session, slug)]
        for practice in practices:
            found = _audit(make_session, practice.id, now)
            _print(practice.slug, found)
            violations += found.violations
    if violations:
        ids = "Ids are of episodes for plans, of entries for the trail, else of reminders: flask why REMINDER."
        fail(f"{violations} violations. {ids}")


def _audit(make_session: sessionmaker[Session], practice_id: str, now: datetime) -> Audit:
    rhythm = Rhythm.of_seconds(poll=settings().poll_seconds, lease=settings().lease_seconds)
    terms = Terms.of_days(**settings().kept_days)
    found = audit_practice(
        make_session, practice_id, clock=clock(), now=now, overdue_after=rhythm.late_after, terms=terms
    )
    with in_practice(make_session, practice_id) as session:
        record_audit(session, practice_id, found, now)
        about = {"violations": found.violations}
        act = journal.Act(ActorKind.command, None, AuditAction.write, "flask self-audit", about=about)
        journal.append(session, practice_id, act, clock().now())
    return found


def _print(slug: str, audit: Audit) -> None:
    print(f"{slug}:")
    for each in audit.findings:
        told = f"  {each.invariant.value}: {each.checked} looked at, {each.violations} broken"
        print(told + (f": {', '.join(each.examples)}" if each.examples else ""))


COMMANDS = (self_audit,)
