"""The worker while its database crashes, is full, or is held up by somebody or away (D01, D03, D06, D09, D12)."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models.engine import make_engine, make_session_factory
from models.migrate import upgrade
from models.postgresql import SILENT_SECONDS
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState, Reminder
from schedules.plan.vocabulary import Provider
from service.app import create_app
from service.db import db
from tests import builders
from tests.api.conftest import as_staff
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import owner_url_of, settings_for
from tests.failpoints import FailPoint, running_worker
from tests.needs import need
from tests.postgres import PostgresUnavailableError, restartable_cluster
from tests.tcp_proxy import Proxy, network_to
from tests.worker.desks import SHORT_LEASE, Outbox, claim_all, deliver, desk_of
from tests.worker.peers import mail_server
from tests.worker.rounds import work_off
from tests.worker.rows import open_count, wait_until

DELIVERIES = 60
MOST_SECONDS = 8.0  # SQLite's busy timeout is five
NOBODY_KNOWS = (AttemptOutcome.abandoned, AttemptOutcome.unknown)


@pytest.mark.slow
def test_a_database_that_crashes_twice_in_the_middle_of_a_batch_loses_nothing() -> None:
    try:
        with restartable_cluster() as cluster, mail_server() as peer:
            url = cluster.start().create_database()
            upgrade(url)
            store_due(url, DELIVERIES)
            settings = settings_for(url, smtp_port=peer.port, sends_in_flight=2, **SHORT_LEASE)
            with running_worker(settings, now=MONDAY_AFTERNOON, pace=60):
                for share in (0.1, 0.5):
                    wait_until(lambda share=share: len(peer.mails) >= share * DELIVERIES)  # type: ignore[misc]
                    cluster.crash()
                    cluster.start()
                engine = make_engine(owner_url_of(url))
                wait_until(lambda: open_count(engine) == 0)
            states, repeats_explained = read_back(engine)
    except PostgresUnavailableError as error:
        need("PostgreSQL", package="postgresql", why=str(error))

    assert states == {DeliveryState.sent: DELIVERIES}
    assert len(set(peer.keys)) == DELIVERIES
    assert len(peer.keys) - DELIVERIES <= repeats_explained


@pytest.mark.slow
@pytest.mark.postgresql_only
@pytest.mark.parametrize("silence", [Proxy.swallow, Proxy.strand], ids=["black hole", "connections that say nothing"])
def test_a_network_that_says_nothing_loses_nothing_and_the_worker_goes_on_by_itself(
    database_url: str, silence: Callable[[Proxy], None]
) -> None:
    store_due(database_url, DELIVERIES)
    with network_to(database_url) as network, mail_server() as peer:
        settings = settings_for(network.url, smtp_port=peer.port, sends_in_flight=2, **SHORT_LEASE)
        with running_worker(settings, now=MONDAY_AFTERNOON, pace=60) as worker:
            wait_until(lambda: len(peer.mails) >= 0.2 * DELIVERIES)
            silence(network)
            time.sleep(SILENT_SECONDS)
            sent_by_then = len(peer.mails)
            network.mend()
            engine = make_engine(owner_url_of(database_url))
            wait_until(lambda: open_count(engine) == 0)
            exit_code = worker.terminate()
        states, repeats_explained = read_back(engine)

    assert sent_by_then < DELIVERIES
    assert states == {DeliveryState.sent: DELIVERIES}
    assert len(set(peer.keys)) == DELIVERIES
    assert len(peer.keys) - DELIVERIES <= repeats_explained
    assert exit_code == 0


def store_due(url: str, count: int) -> None:
    engine = make_engine(owner_url_of(url))
    with make_session_factory(engine)() as session:
        clinic = builders.practice(session)
        for _ in range(count):
            builders.due_delivery(session, clinic)
        session.commit()
    engine.dispose()


def read_back(engine: Engine) -> tuple[Counter[DeliveryState], int]:
    """Return how many deliveries stand in each state, and of how many attempts nobody knows what became."""
    with make_session_factory(engine)() as session:
        states = Counter(session.scalars(select(Delivery.state)))
        unknown = session.scalars(select(DeliveryAttempt.fence).where(DeliveryAttempt.outcome.in_(NOBODY_KNOWS))).all()
    engine.dispose()
    return states, len(unknown)


@pytest.mark.sqlite_only
def test_a_full_disk_stops_the_worker_and_loses_nothing_once_there_is_room(
    engine: Engine, session: Session, clock: FixedClock
) -> None:
    clinic = builders.practice(session)
    for _ in range(DELIVERIES):
        builders.due_delivery(session, clinic)
    session.commit()
    outbox, is_full = Outbox(), [True]
    desk = desk_of(engine, clock, {Provider.smtp: outbox})

    def fill_up(connection: Any, *_: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0] if is_full[0] else 1 << 30
        connection.execute(f"PRAGMA max_page_count={pages}")

    event.listen(engine, "checkout", fill_up)
    with suppress(OperationalError):
        work_off(engine, clock, desk)
    sent_while_full, begun = len(outbox.messages), session.scalars(select(DeliveryAttempt)).all()
    session.rollback()
    is_full[0] = False
    clock.advance(desk.lease.length * 2)
    work_off(engine, clock, desk)

    keys = Counter(message.key for message in outbox.messages)
    abandoned = outcomes_of(session).count(AttemptOutcome.abandoned)
    assert sent_while_full <= len(begun) < DELIVERIES
    assert len(keys) == DELIVERIES
    assert keys.total() - len(keys) <= abandoned
    assert set(session.scalars(select(Delivery.state))) == {DeliveryState.sent}


def outcomes_of(session: Session) -> list[AttemptOutcome | None]:
    return list(session.scalars(select(DeliveryAttempt.outcome)))


@pytest.mark.postgresql_only
def test_a_delivery_that_somebody_holds_for_seconds_is_tried_for_again_and_goes_out(
    engine: Engine, session: Session, clock: FixedClock
) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    claims = claim_all(session, clock)
    outbox = Outbox()
    desk = desk_of(engine, clock, {Provider.smtp: outbox})
    session.scalars(select(Delivery).with_for_update()).one()

    release = threading.Timer(2.4, session.rollback)  # longer than one wait for a lock
    release.start()
    deliver(desk, claims[0])
    release.join()

    session.refresh(delivery)
    assert (delivery.state, len(outbox.messages)) == (DeliveryState.sent, 1)


@pytest.mark.slow
def test_a_worker_that_freezes_inside_a_transaction_holds_up_no_request_for_long(
    session: Session, database_url: str, tmp_path: Path
) -> None:
    clinic = builders.practice(session)
    builders.due_delivery(session, clinic)
    staff = builders.staff(session, clinic)
    session.commit()
    milestone_id = session.scalars(select(Reminder.milestone_id)).one()
    marker = tmp_path / "frozen"
    settings = settings_for(database_url, sender_processes=1, poll_seconds=0.1)
    app = create_app(settings, FixedClock())
    coordinator = as_staff(app, session, staff)
    session.rollback()

    with running_worker(settings, now=MONDAY_AFTERNOON, fail=FailPoint("gate_uncommitted", marker, freeze=True)):
        wait_until(lambda: marker.exists() and marker.read_text(encoding="ascii") != "")
        began = time.monotonic()
        held_up = coordinator.post(f"/milestones/{milestone_id}/achieve")
        seconds = time.monotonic() - began
        os.kill(int(marker.read_text(encoding="ascii")), signal.SIGKILL)
        wait_until(lambda: coordinator.post(f"/milestones/{milestone_id}/achieve").status_code == 200)

    close(app)
    # PostgreSQL ends the frozen transaction by itself; on SQLite the answer is when to try again.
    assert held_up.status_code in {200, 503}
    assert seconds < MOST_SECONDS


def close(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()
