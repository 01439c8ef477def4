"""The nightly proof of the service's own promises, one practice at a time: read in pages, judged, stored as counts.

The sends of a span are audited once: from where the last run left off up to a minute ago, as what began since may not
be committed yet. What is open is audited as it stands.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session, sessionmaker

from models.engine import begin_reads
from models.ids import new_id
from models.watch import AuditMark, SelfAudit
from schedules.clock import Clock
from schedules.watch.finding import TELLABLE_AFTER, Finding, Subject
from schedules.watch.open_rows import audit_due, audit_open_deliveries, audit_plans
from schedules.watch.sends import audit_sends


@dataclass(frozen=True, slots=True)
class Audit:
    """What one run found in a practice, and up to when it looked at sends."""

    findings: tuple[Finding, ...]
    until: datetime

    @property
    def violations(self) -> int:
        """Return how often any invariant was broken."""
        return sum(each.violations for each in self.findings)


def audit_practice(
    make_session: sessionmaker[Session], practice_id: str, *, clock: Clock, now: datetime, overdue_after: timedelta
) -> Audit:
    """Return what a run finds in a practice at `now`. Writes nothing; `record_audit` stores it."""
    subject = Subject(make_session, practice_id, now, clock, overdue_after)
    with make_session() as session:
        begin_reads(session)
        mark = session.get(AuditMark, practice_id)
    since, until = None if mark is None else mark.audited_until, now - TELLABLE_AFTER
    findings = (
        *audit_sends(subject, since, until),
        audit_due(subject),
        audit_plans(subject),
        audit_open_deliveries(subject),
    )
    return Audit(findings, until)


def record_audit(session: Session, practice_id: str, audit: Audit, now: datetime) -> None:
    """Store the results of a run, and how far it came."""
    for each in audit.findings:
        row = SelfAudit(practice_id=practice_id, id=new_id(now), ran_at=now, invariant=each.invariant)
        row.checked, row.violations, row.examples = each.checked, each.violations, each.examples
        session.add(row)
    mark = session.get(AuditMark, practice_id) or AuditMark(practice_id=practice_id)
    mark.audited_until = audit.until
    session.add(mark)
