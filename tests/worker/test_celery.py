"""Celery delivers what a worker claims, on any machine; what the broker loses is claimed again (nothing is lost)."""

import base64
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from kombu.connection import Connection
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from config import Settings, environment_with
from models.care import Milestone
from models.engine import make_session_factory
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState, Reminder
from schedules.clock import SystemClock
from schedules.delivery.book import Claim
from schedules.delivery.broker import ALONE, PARTS, make_broker, queue_of
from schedules.delivery.claim import claim_due
from schedules.delivery.leases import Lease
from schedules.delivery.remote_crew import RemoteCrew
from schedules.plan.vocabulary import Channel
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import AUDIT_KEY, SEAL_KEY, service_engine_of, settings_for
from tests.failpoints import running_worker
from tests.processes import descendants, wait_for
from tests.worker.brokers import Broker, rabbitmq_broker, redis_broker
from tests.worker.desks import SHORT_LEASE, lapse, lease_of
from tests.worker.peers import MailPeer, mail_server
from tests.worker.rows import open_count, outcomes, story, wait_until

pytestmark = [pytest.mark.postgresql_only]
TOGETHER = 12


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Broker]:
    with redis_broker(tmp_path) as broker:
        yield broker


@pytest.fixture(params=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    with redis_broker(tmp_path) if request.param == "redis" else rabbitmq_broker() as broker:
        yield broker


def celery_settings(database_url: str, broker: Broker, smtp_port: int, **changes: object) -> Settings:
    """Return settings with short leases, so that what is lost is soon claimed again."""
    names = {"broker_url": broker.url, "broker_queues": broker.queues, "smtp_port": smtp_port}
    patient = {"lease_seconds": 4.0, "send_deadline_seconds": 2.0}  # a slow machine is to give up on no message
    return settings_for(database_url, **(SHORT_LEASE | patient | names | changes))


@contextlib.contextmanager
def celery_workers(settings: Settings, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run Celery's own command with two processes, and leave none of them."""
    environment = {
        "DATABASE_URL": settings.database_url,
        "SEAL_KEY": base64.b64encode(SEAL_KEY).decode(),
        "AUDIT_KEY": base64.b64encode(AUDIT_KEY).decode(),
        "BROKER_URL": settings.broker_url or "",
        "BROKER_QUEUES": settings.broker_queues,
        "SMTP_PORT": str(settings.smtp_port),
        "LEASE_SECONDS": str(settings.lease_seconds),
        "GATE_TO_SEND_SECONDS": str(settings.gate_to_send_seconds),
        "SEND_DEADLINE_SECONDS": str(settings.send_deadline_seconds),
        "LEASE_MARGIN_SECONDS": str(settings.lease_margin_seconds),
    }
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    command = [sys.executable, "-m", "celery", "-A", "tests.worker.celery_entry", "worker", "-c", "2", *quiet, *options]
    with subprocess.Popen(command, env=environment_with(environment), start_new_session=True) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def due(session: Session) -> list[Delivery]:
    """Store a message each for a number of patients of two practices."""
    clinics = [builders.practice(session) for _ in range(2)]
    deliveries = [builders.due_delivery(session, clinics[number % 2]) for number in range(TOGETHER)]
    session.commit()
    return deliveries


@pytest.mark.slow
def test_celery_delivers_each_message_once(
    engine: Engine, session: Session, database_url: str, broker: Broker, due: list[Delivery]
) -> None:
    with mail_server() as peer:
        settings = celery_settings(database_url, broker, peer.port)
        with celery_workers(settings), running_worker(settings, now=MONDAY_AFTERNOON) as parent:
            wait_until(lambda: open_count(engine) == 0)
            own_senders = [each for each in descendants(parent.pid) if _is_sender(each)]

        assert len(peer.recipients) == len(set(peer.recipients)) == TOGETHER

    assert own_senders == []
    assert set(session.scalars(select(Delivery.state))) == {DeliveryState.sent}
    assert broker.waiting(*PARTS) == 0
    assert len(due) == TOGETHER


def _is_sender(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"sender" in Path(f"/proc/{pid}/comm").read_bytes()
    return False


@pytest.mark.slow
def test_what_a_flushed_redis_has_lost_is_claimed_again_and_sent(
    engine: Engine, session: Session, database_url: str, redis: Broker, due: list[Delivery]
) -> None:
    with mail_server() as peer:
        settings = celery_settings(database_url, redis, peer.port)
        with running_worker(settings, now=MONDAY_AFTERNOON):
            wait_for(lambda: redis.waiting(Channel.email), "claims in the queue")
            redis.flush()
            with celery_workers(settings):
                wait_until(lambda: open_count(engine) == 0)

        assert sorted(peer.recipients) == sorted(set(peer.recipients))
        assert len(peer.recipients) == len(due)

    fences = set(session.scalars(select(Delivery.fence)))
    assert min(fences) >= 2  # each was claimed once more after the first claim was lost
    assert set(session.scalars(select(DeliveryAttempt.outcome))) == {AttemptOutcome.accepted}


@pytest.mark.slow
def test_what_celerys_processes_were_sending_when_they_were_killed_is_sent_once_more_and_the_story_tells_it(
    engine: Engine, session: Session, database_url: str, redis: Broker, due: list[Delivery]
) -> None:
    killed: set[int] = set()

    def kill_all_once() -> str:
        if not killed:
            killed.update(descendants(celery.pid))
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
        return "250 OK"

    with mail_server(peer=MailPeer(answer_data=kill_all_once)) as peer:
        settings = celery_settings(database_url, redis, peer.port, sends_in_flight=2)
        with celery_workers(settings) as celery, running_worker(settings, now=MONDAY_AFTERNOON):
            wait_until(lambda: open_count(engine) == 0)
            is_still_there, processes = celery.poll() is None, descendants(celery.pid)

    tried = {each.id: outcomes(session, each) for each in due}
    hit = [each for each in due if len(tried[each.id]) == 2]
    assert set(session.scalars(select(Delivery.state))) == {DeliveryState.sent}
    assert 1 <= len(hit) <= 4  # two processes with two messages each
    assert all(tried[each.id] == [AttemptOutcome.abandoned, AttemptOutcome.accepted] for each in hit)
    assert all(tried[each.id] == [AttemptOutcome.accepted] for each in due if each not in hit)
    assert len(set(peer.keys)) == len(due)
    assert 1 <= len(peer.keys) - len(due) <= len(hit)
    assert {tuple(story(session, each)) for each in hit} == {(("sending", None), ("sending", None), ("sent", None))}
    assert is_still_there
    assert processes.isdisjoint(killed)


def test_celery_runs_in_processes_only(redis: Broker, database_url: str) -> None:
    settings = celery_settings(database_url, redis, 1)

    with celery_workers(settings, "--pool", "solo") as process:
        code = process.wait(60)

    assert code != 0


def crew_on(engine: Engine, settings: Settings, clock: FixedClock) -> RemoteCrew:
    return RemoteCrew(settings, lease_of(clock), make_session_factory(service_engine_of(engine)), make_broker(settings))


def claimed(session: Session, clock: FixedClock) -> list[Claim]:
    claims = claim_due(session, lease_of(clock), now=clock.now(), limit=100)
    session.commit()
    return claims


def test_claims_wait_by_channel_and_what_killed_a_worker_waits_alone(
    engine: Engine, session: Session, clock: FixedClock, database_url: str, redis: Broker
) -> None:
    clinic = builders.practice(session)
    for channels in (["sms", "email"], ["email"], ["email"], ["email"]):
        builders.due_delivery(session, clinic, channels=channels)
    builders.due_delivery(session, clinic, channels=["sms", "email"], opted_out=["sms"]).solo = True
    session.commit()
    settings = celery_settings(database_url, redis, 1, sends_in_flight=2, provider_paces=(("sms", 1.0),))

    left = crew_on(engine, settings, clock).hand_out(claimed(session, clock))

    counts = {part: redis.waiting(part) for part in PARTS}
    assert left == []
    assert counts == {"email": 2, "sms": 1, "push": 0, "webhook": 0, ALONE: 1}  # e-mails in batches of two


def test_a_patients_claims_stay_together(
    engine: Engine, session: Session, clock: FixedClock, database_url: str, redis: Broker
) -> None:
    first = builders.due_delivery(session, builders.practice(session))
    row = session.get_one(Reminder, (first.practice_id, first.reminder_id))
    milestone = session.get_one(Milestone, (row.practice_id, row.milestone_id))
    for repeat in (1, 2):
        builders.delivery(session, builders.reminder(session, milestone, repeat=repeat))
    session.commit()
    settings = celery_settings(database_url, redis, 1, sends_in_flight=2, provider_paces=(("smtp", 1.0),))

    crew_on(engine, settings, clock).hand_out(claimed(session, clock))

    assert redis.waiting(Channel.email) == 1


def test_a_queue_holds_ids_and_numbers_only(
    engine: Engine, session: Session, clock: FixedClock, database_url: str, redis: Broker
) -> None:
    delivery = builders.due_delivery(session, builders.practice(session), email="alex@example.org")
    session.commit()
    settings = celery_settings(database_url, redis, 1)
    (claim,) = claimed(session, clock)

    crew_on(engine, settings, clock).hand_out([claim])

    with Connection(redis.url) as connection:
        message = connection.SimpleQueue(queue_of(settings, Channel.email)).get(timeout=5)
    wire = [claim.practice_id, claim.patient_id, delivery.id, 1, False]
    assert message.payload[0] == [[wire]]
    assert "alex" not in str(message.payload) + str(message.headers)


def test_a_broker_that_does_not_answer_leaves_the_claims_with_the_worker(
    engine: Engine, session: Session, clock: FixedClock, database_url: str, due: list[Delivery]
) -> None:
    settings = celery_settings(database_url, Broker("redis://127.0.0.1:1/0", "recovery"), 1)
    claims = claimed(session, clock)

    left = crew_on(engine, settings, clock).hand_out(claims)

    assert set(left) == set(claims)
    assert len(due) == len(claims)


def test_a_claim_is_out_of_hand_once_it_is_done_or_its_lease_is_over(
    engine: Engine, session: Session, clock: FixedClock, database_url: str, redis: Broker, due: list[Delivery]
) -> None:
    crew = crew_on(engine, celery_settings(database_url, redis, 1, broker_claims=TOGETHER), clock)
    crew.hand_out(claimed(session, clock))
    full = crew.free_count()
    for delivery in due[: TOGETHER // 2]:
        session.refresh(delivery)
        delivery.state = DeliveryState.sent
    session.commit()

    crew.tend()

    assert (full, crew.free_count()) == (0, TOGETHER // 2)
    lapse(session, clock)
    crew.tend()
    assert crew.free_count() == TOGETHER


def test_a_lease_lasts_as_long_for_the_queue(database_url: str, redis: Broker, engine: Engine) -> None:
    settings = celery_settings(database_url, redis, 1)
    lease = Lease("worker-1", timedelta(seconds=1), SystemClock())
    crew = RemoteCrew(settings, lease, make_session_factory(service_engine_of(engine)), make_broker(settings))

    crew.hand_out([Claim("practice-1", "patient-1", "delivery-1", 1, solo=True)])

    with Connection(redis.url) as connection:
        message = connection.SimpleQueue(queue_of(settings, ALONE)).get(timeout=5)
    assert message.headers["expires"] is not None
