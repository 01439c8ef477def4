"""The worker's pages: what they answer, and that no patient and no process stands on them."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from models import Patient, SelfAudit, SyncHeal
from models.engine import make_engine, make_session_factory
from models.reminder import DecisionKind
from models.wake import WakeTally
from models.watch import Invariant
from schedules import jobs
from schedules.pages.pulse import Pulse
from schedules.pages.server import Pages
from schedules.plan.vocabulary import Channel
from schedules.planning.story import step_of, tell
from schedules.watch.judgement import Rhythm
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import service_engine_of

Open = Callable[[str], tuple[int, dict[str, object]]]
LATER = MONDAY_AFTERNOON + timedelta(seconds=61)


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    return make_session_factory(service_engine_of(engine))


def pages_of(make_session: sessionmaker[Session], clock: FixedClock) -> Pages:
    """Return pages that follow the test's clock on both databases."""
    rhythm = Rhythm.of_seconds(poll=5, lease=30)
    return Pages(make_session, lambda _session, clock: clock.now(), clock, rhythm, Pulse(clock))


def told(pages: Pages, path: str) -> tuple[int, dict[str, object]]:
    answer = pages.find(path)
    return answer.status, json.loads(answer.body)


def test_a_worker_whose_scheduler_ran_no_job_for_three_polls_is_not_alive(
    make_session: sessionmaker[Session], clock: FixedClock
) -> None:
    pages = pages_of(make_session, clock)
    clock.advance(timedelta(seconds=15))
    alive = told(pages, "/healthz")
    clock.advance(timedelta(seconds=1))
    hanging = told(pages, "/healthz")
    pages.pulse.beat()

    assert alive == (200, {"status": "ok", "seconds": 15})
    assert hanging == (503, {"status": "stuck", "seconds": 16})
    assert told(pages, "/healthz")[0] == 200


def test_readiness_is_how_delivery_stands_with_its_causes(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock
) -> None:
    pages = pages_of(make_session, clock)
    silent = told(pages, "/readyz")
    builders.due_delivery(session, builders.practice(session))
    session.commit()
    jobs.beat(make_session, "worker-1", clock.now())

    assert silent == (503, {"status": "silent", "causes": [{"code": "no_tick", "seconds": None, "count": None}]})
    assert told(pages, "/readyz") == (
        503,
        {"status": "late", "causes": [{"code": "delivery_overdue", "seconds": 3600, "count": None}]},
    )


def test_metrics_count_decisions_and_tell_nothing_of_patients_practices_or_the_process(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock
) -> None:
    practice = builders.practice(session, name="Hudson Spine Clinic")
    delivery = builders.due_delivery(session, practice)
    audit = SelfAudit(practice_id=practice.id, id="audit-1", ran_at=clock.now(), checked=5, violations=2, examples=[])
    audit.invariant = Invariant.nothing_sent_twice
    session.add(audit)
    patient = session.get_one(Patient, (practice.id, delivery.patient_id))
    builders.conflict(session, patient)
    for days in (1, 8):
        builders.refused_row(session, patient, refused_at=clock.now() - timedelta(days=days))
    for device, rows in (("device-1", 2), ("device-2", 5)):
        heal = {"practice_id": practice.id, "actor_id": device, "collection": "milestones", "healed_at": clock.now()}
        session.add(SyncHeal(**heal, heals=1, rows=rows))
    for number, outcome in ((2, "accepted"), (1, "refused")):
        session.add(WakeTally(practice_id=practice.id, provider="apns", outcome=outcome, count=number))
    for channel in (Channel.email, Channel.email, Channel.sms):
        tell(session, step_of(delivery), DecisionKind.sent, now=clock.now(), channel=channel)
    session.commit()
    clock.advance(timedelta(seconds=61))
    jobs.tally(make_session, clock.now())
    jobs.beat(make_session, "worker-1", clock.now() - timedelta(seconds=4))

    text = pages_of(make_session, clock).find("/metrics").body.decode()

    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert 'recovery_decisions_total{channel="email",kind="sent",reason=""} 2.0' in lines
    assert 'recovery_decisions_total{channel="sms",kind="sent",reason=""} 1.0' in lines
    assert 'recovery_wakes_total{outcome="accepted",provider="apns"} 2.0' in lines
    assert 'recovery_wakes_total{outcome="refused",provider="apns"} 1.0' in lines
    assert 'recovery_deliveries_due{state="pending"} 1.0' in lines
    assert "recovery_oldest_overdue_seconds 61.0" in lines
    assert 'recovery_delivery_status{status="late"} 1.0' in lines
    assert "recovery_workers_alive 1.0" in lines
    assert "recovery_heartbeat_age_seconds 4.0" in lines
    assert 'recovery_self_audit_violations{invariant="nothing_sent_twice"} 2.0' in lines
    assert "recovery_sync_conflicts_open 1.0" in lines
    assert "recovery_sync_rows_refused 1.0" in lines
    assert "recovery_sync_heals_total 2.0" in lines
    assert "recovery_sync_healed_rows_total 7.0" in lines
    assert {line.partition("_")[0] for line in lines} == {"recovery"}
    assert not [word for word in (practice.id, practice.name, delivery.patient_id) if word in text]


@pytest.mark.sqlite_only
def test_while_the_database_is_away_the_worker_lives_and_is_not_ready(clock: FixedClock) -> None:
    engine = make_engine("postgresql+psycopg://nobody@127.0.0.1:1/nowhere")
    pages = pages_of(make_session_factory(service_engine_of(engine)), clock)

    assert told(pages, "/healthz")[0] == 200
    assert told(pages, "/readyz") == (503, {"status": "database_away"})
    assert told(pages, "/metrics") == (503, {"status": "database_away"})
    assert told(pages, "/patients") == (404, {"status": "not_found"})
    engine.dispose()
