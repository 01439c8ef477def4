"""What is read of workers and deliveries: signs of life, what lies about, what was set aside."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from models import AuditEntry, WorkerHeartbeat, journal
from models.audit import ActorKind, AuditAction
from models.engine import make_session_factory
from models.reminder import DecisionKind, Delivery, DeliveryState
from schedules import jobs
from schedules.planning.story import step_of, tell
from schedules.watch.judgement import Rhythm, Status, judge
from schedules.watch.readings import count_due, count_quarantined, count_unsealed, read_readings
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import service_engine_of
from tests.worker.desks import claim_all, lapse

RHYTHM = Rhythm.of_seconds(poll=5, lease=30)


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    return make_session_factory(service_engine_of(engine))


def status_at(session: Session, clock: FixedClock) -> Status:
    session.rollback()
    return judge(read_readings(session, clock, clock.now()), RHYTHM).status


def test_without_a_worker_it_turns_red_within_three_polls(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock
) -> None:
    before = status_at(session, clock)
    session.rollback()
    jobs.beat(make_session, "worker-1", clock.now())
    ticking = status_at(session, clock)
    clock.advance(timedelta(seconds=15))
    three_polls_later = status_at(session, clock)
    clock.advance(timedelta(seconds=1))

    assert (before, ticking, three_polls_later) == (Status.silent, Status.ok, Status.ok)
    assert status_at(session, clock) is Status.silent


def test_a_worker_beats_in_one_row_and_signs_off(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock
) -> None:
    for _ in range(2):
        jobs.beat(make_session, "worker-1", clock.now())
        clock.advance(timedelta(seconds=5))
    jobs.sign_off(make_session, "worker-1", clock.now())

    (row,) = session.scalars(select(WorkerHeartbeat)).all()
    assert row.started_at == MONDAY_AFTERNOON
    assert row.ticked_at == MONDAY_AFTERNOON + timedelta(seconds=5)
    assert row.stopped_at == MONDAY_AFTERNOON + timedelta(seconds=10)


def test_heartbeats_of_over_a_week_ago_go_when_another_worker_starts(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock
) -> None:
    for name, days in (("old", 7), ("recent", 6)):
        jobs.beat(make_session, name, clock.now() - timedelta(days=days))

    jobs.beat(make_session, "new", clock.now())

    assert sorted(session.scalars(select(WorkerHeartbeat.worker_id))) == ["new", "recent"]


def test_what_nobody_holds_lies_about_and_what_a_live_worker_holds_does_not(
    session: Session, clock: FixedClock
) -> None:
    builders.due_delivery(session, builders.practice(session))
    session.commit()

    def since() -> datetime | None:
        session.rollback()
        return read_readings(session, clock, clock.now()).untouched_since

    pending = since()
    claim_all(session, clock)
    held = since()
    lapse(session, clock)

    assert (pending, held, since()) == (builders.DUE_AT, None, builders.DUE_AT)


def test_what_was_planned_for_a_time_already_past_lies_about_since_it_was_planned(
    session: Session, clock: FixedClock
) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    tell(session, step_of(delivery), DecisionKind.planned, now=clock.now())
    session.commit()
    clock.advance(timedelta(seconds=40))

    assert read_readings(session, clock, clock.now()).untouched_since == MONDAY_AFTERNOON


def test_what_is_due_is_counted_by_state_and_practice(session: Session, clock: FixedClock) -> None:
    here, there = builders.practice(session), builders.practice(session)
    for practice in (here, here, there):
        builders.due_delivery(session, practice)
    later = builders.due_delivery(session, here)
    later.next_attempt_at = clock.now() + timedelta(seconds=1)
    session.commit()
    claim_all(session, clock, limit=1)

    everywhere, of_here = (count_due(session, clock.now(), each) for each in (None, here.id))

    assert sum(everywhere.values()) == 3
    assert sum(of_here.values()) == 2
    assert everywhere[DeliveryState.leased] == 1
    assert everywhere[DeliveryState.sending] == 0


def test_what_was_set_aside_in_the_last_day_is_counted(session: Session, clock: FixedClock) -> None:
    practice = builders.practice(session)

    def set_aside(ago: timedelta) -> Delivery:
        delivery = builders.due_delivery(session, practice)
        delivery.state, delivery.finished_at = DeliveryState.quarantined, clock.now() - ago
        return delivery

    set_aside(timedelta(hours=23)), set_aside(timedelta(hours=25))
    session.commit()

    assert count_quarantined(session, clock.now()) == 1
    assert count_quarantined(session, clock.now(), "another practice") == 0


def test_entries_that_are_in_no_chain_after_a_minute_are_counted(
    session: Session, make_session: sessionmaker[Session], clock: FixedClock
) -> None:
    practice_id = builders.practice(session).id
    act = journal.Act(ActorKind.worker, "worker-1", AuditAction.send, "worker.send")
    for seconds in (30, 61, 90):
        journal.append(session, practice_id, act, clock.now() - timedelta(seconds=seconds))
    session.commit()

    before = count_unsealed(session, clock.now())
    session.rollback()
    jobs.seal_audit(make_session, clock.now())

    assert (before, count_unsealed(session, clock.now())) == (2, 0)
    assert len(session.scalars(select(AuditEntry.id)).all()) == 3
