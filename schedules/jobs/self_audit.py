"""The nightly self-audit: of several workers one does each practice, in a process that nothing due waits for."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session, sessionmaker

from config import Settings
from models.isolation import in_practice
from models.watch import AuditMark
from schedules.clock import Clock
from schedules.jobs.apart import run_apart
from schedules.jobs.practices import for_each, practice_ids
from schedules.keeping.terms import DEFAULT_TERMS, Terms
from schedules.watch.judgement import Rhythm
from schedules.watch.self_audit import Audit, audit_practice, record_audit

ONE_NIGHT = timedelta(hours=1)  # all workers begin within it, by clocks that may differ
logger = logging.getLogger(__name__)


def self_audit(
    make_session: sessionmaker[Session],
    *,
    clock: Clock,
    now: datetime,
    overdue_after: timedelta,
    terms: Terms = DEFAULT_TERMS,
) -> None:
    """Prove the service's promises for every practice that no other worker has begun with this night."""

    def audit(practice_id: str) -> None:
        with in_practice(make_session, practice_id) as session:
            is_ours = _begin(session, practice_id, now)
        if is_ours:
            found = audit_practice(
                make_session, practice_id, clock=clock, now=now, overdue_after=overdue_after, terms=terms
            )
            with in_practice(make_session, practice_id) as session:
                record_audit(session, practice_id, found, now)
            _tell(practice_id, found)

    for_each(practice_ids(make_session), audit)


def audit_night(settings: Settings, clock: Clock, read_now: Callable[[Session, Clock], datetime]) -> None:
    """Do this night's audit, in a process of its own. What it raises is one line in the log."""
    rhythm = Rhythm.of_seconds(poll=settings.poll_seconds, lease=settings.lease_seconds)

    def audit(make_session: sessionmaker[Session], now: datetime) -> None:
        terms = Terms.of_days(**settings.kept_days)
        self_audit(make_session, clock=clock, now=now, overdue_after=rhythm.late_after, terms=terms)

    run_apart("self-audit", audit, settings, clock, read_now)


def _begin(session: Session, practice_id: str, now: datetime) -> bool:
    """Take this night's audit of a practice. Return whether nobody had."""
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(make(AuditMark).values(practice_id=practice_id).on_conflict_do_nothing())
    statement = (
        update(AuditMark)
        .where(AuditMark.practice_id == practice_id)
        .where(or_(AuditMark.began_at.is_(None), AuditMark.began_at < now - ONE_NIGHT))
        .values(began_at=now)
        .execution_options(synchronize_session=False)
    )
    result = session.execute(statement)
    return isinstance(result, CursorResult) and result.rowcount == 1


def _tell(practice_id: str, found: Audit) -> None:
    for each in found.findings:
        level = logging.ERROR if each.violations else logging.INFO
        told = (each.invariant.value, practice_id, each.checked, each.violations)
        logger.log(level, "self-audit %s of %s: %d looked at, %d broken", *told)
