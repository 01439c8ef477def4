"""What a worker does at night by itself: a night of its own scheduler, at a pace of half an hour a second."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import AuditEntry, SelfAudit, SignInThrottle, journal
from models.audit import ActorKind, AuditAction
from models.engine import make_session_factory
from models.watch import AuditMark, Invariant
from schedules import jobs
from schedules.keeping.removal import ROUTE
from schedules.watch.anchors import compare
from tests import builders
from tests.database import service_engine_of, settings_for
from tests.failpoints import running_worker
from tests.worker.rows import wait_until

PACE = 1800
START = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)  # a busy machine needs seconds to start a worker
RETENTION, AUDIT = (datetime(2026, 3, 3, hour, tzinfo=UTC) for hour in (2, 3))


@pytest.mark.slow
def test_a_worker_removes_proves_and_anchors_in_its_night_without_being_asked(
    session: Session, engine: Engine, database_url: str, tmp_path: Path
) -> None:
    clinic, make_session = builders.practice(session), make_session_factory(service_engine_of(engine))
    # The one may be forgotten before this night and the other after it.
    for name, forgotten_at in (("past", START - timedelta(hours=1)), ("present", START + timedelta(days=1))):
        session.add(SignInThrottle(practice_id=clinic.id, id=name, failed_tries=1, forgotten_at=forgotten_at))
    act = journal.Act(ActorKind.staff, "staff-1", AuditAction.read, "GET /api/v1/patients", 200)
    journal.append(session, clinic.id, act, START)
    session.commit()
    jobs.seal_audit(make_session, START)
    anchors = tmp_path / "anchors"
    settings = settings_for(database_url, sender_processes=1, poll_seconds=60.0, audit_anchor_file=str(anchors))

    def is_audited() -> bool:
        found = session.scalars(select(SelfAudit.id)).all()
        session.rollback()  # which lets the worker write
        return len(found) == len(Invariant)

    with running_worker(settings, now=START, pace=PACE, schedules_by_it=True):
        wait_until(is_audited, within=60.0)

    removed = session.scalars(select(AuditEntry).filter_by(actor_kind=ActorKind.worker, route=ROUTE)).one()
    proofs = session.scalars(select(SelfAudit)).all()
    with anchors.open() as lines:
        by_practice, unread = compare(make_session, lines)
    assert session.scalars(select(SignInThrottle.id)).all() == ["present"]
    assert removed.happened_at >= RETENTION
    assert {each.invariant for each in proofs} == set(Invariant)
    assert {each.ran_at >= AUDIT > removed.happened_at for each in proofs} == {True}
    assert [each.invariant for each in proofs if each.violations] == []
    assert session.get_one(AuditMark, clinic.id).proved_link >= 2  # the night's removal too
    assert (unread, by_practice[clinic.id].first) == ([], None)
