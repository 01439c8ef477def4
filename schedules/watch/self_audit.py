"""The nightly proof of the service's own promises, one practice at a time: read in pages, judged, stored as counts.

The sends of a span are audited once: from where the last run left off up to a minute ago, as what began since may not
be committed yet. What is open is audited as it stands. The chain of the audit trail is followed from the last link up
to which it was unbroken: a fault stays until it is mended.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session, sessionmaker

from models.ids import first_id_at, new_id
from models.isolation import reading_practice
from models.watch import AuditMark, Invariant, SelfAudit
from schedules.clock import Clock
from schedules.keeping.terms import DEFAULT_TERMS, Terms, count_kept, count_past
from schedules.watch.finding import TELLABLE_AFTER, Finding, Subject
from schedules.watch.open_rows import audit_due, audit_open_deliveries, audit_plans
from schedules.watch.sends import audit_sends
from schedules.watch.trail import Point, prove

LEFT_BEHIND_AFTER = timedelta(days=2)  # past its term: one night may be missed
LOOSE_SINCE = timedelta(days=1)  # before the last audit: an entry may be committed, and sealed, later than it tells


@dataclass(frozen=True, slots=True)
class Audit:
    """What one run found in a practice, up to when it looked at sends, and up to which link the trail is proved."""

    findings: tuple[Finding, ...]
    until: datetime
    proved: Point

    @property
    def violations(self) -> int:
        """Return how often any invariant was broken."""
        return sum(each.violations for each in self.findings)


def audit_practice(
    make_session: sessionmaker[Session],
    practice_id: str,
    *,
    clock: Clock,
    now: datetime,
    overdue_after: timedelta,
    terms: Terms = DEFAULT_TERMS,
) -> Audit:
    """Return what a run finds in a practice at `now`. Writes nothing; `record_audit` stores it."""
    subject = Subject(make_session, practice_id, now, clock, overdue_after)
    with reading_practice(make_session, practice_id) as session:
        mark = session.get(AuditMark, practice_id) or AuditMark(practice_id=practice_id, proved_link=0)
    until = now - TELLABLE_AFTER
    trail, proved = _audit_trail(subject, mark)
    findings = (
        *audit_sends(subject, mark.audited_until, until),
        audit_due(subject),
        audit_plans(subject),
        audit_open_deliveries(subject),
        trail,
        _audit_terms(subject, terms),
    )
    return Audit(findings, until, proved)


def _audit_trail(subject: Subject, mark: AuditMark) -> tuple[Finding, Point]:
    """Return what became of the trail since the link up to which it was proved, and up to which it is now.

    That entries wait to be sealed is no fault here: whether a worker seals them is measured at every moment.
    """
    start = Point(mark.proved_link, mark.proved_digest or b"")
    since = "" if mark.audited_until is None else first_id_at(mark.audited_until - LOOSE_SINCE)
    proof = prove(subject.make_session, subject.practice_id, after=start, since=since)
    examples = [fault.entry_id or f"link-{fault.sequence}" for fault in proof.faults]
    finding = Finding(Invariant.audit_trail_is_unbroken, proof.links, proof.broken, examples)
    return finding, start if proof.broken else proof.head


def _audit_terms(subject: Subject, terms: Terms) -> Finding:
    """Return how much of what has a term is there, and how much of it two nights have left behind."""
    finding = Finding(Invariant.nothing_kept_past_its_term)
    with reading_practice(subject.make_session, subject.practice_id) as session:
        finding.checked = count_kept(session, subject.practice_id)
        past = count_past(session, subject.practice_id, terms, subject.now - LEFT_BEHIND_AFTER)
    finding.violations = sum(past.values())
    finding.examples = [name for name, count in past.items() if count]
    return finding


def record_audit(session: Session, practice_id: str, audit: Audit, now: datetime) -> None:
    """Store the results of a run, and how far it came."""
    for each in audit.findings:
        row = SelfAudit(practice_id=practice_id, id=new_id(now), ran_at=now, invariant=each.invariant)
        row.checked, row.violations, row.examples = each.checked, each.violations, each.examples
        session.add(row)
    mark = session.get(AuditMark, practice_id) or AuditMark(practice_id=practice_id)
    mark.audited_until = audit.until
    mark.proved_link, mark.proved_digest = audit.proved.sequence, audit.proved.digest
    session.add(mark)
