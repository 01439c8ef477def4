"""Whole workers: any number at once, stopped, frozen, poisoned, orphaned."""

import base64
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from config import Settings, environment_with
from models import private
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState
from schedules.clock import SystemClock
from schedules.plan.vocabulary import ReminderState
from schedules.planning import Answer, withdraw
from schedules.worker import main
from tests import builders
from tests.clock import MONDAY_AFTERNOON
from tests.database import AUDIT_KEY, SEAL_KEY, settings_for
from tests.failpoints import FailPoint, WorkerProcess, running_worker
from tests.worker.desks import SHORT_LEASE
from tests.worker.peers import MailPeer, hostile_server, mail_server, say_nothing
from tests.worker.rows import open_count, outcomes, shown_count, state_of, story, wait_until
from tests.worker.sms_peer import ACCOUNT, SENDER, TOKEN, sms_service

ROOT = Path(__file__).parents[2]


@pytest.fixture
def peer() -> Iterator[MailPeer]:
    with mail_server() as peer:
        yield peer


def short(database_url: str, port: int, **changes: object) -> Settings:
    return settings_for(database_url, smtp_port=port, **(SHORT_LEASE | {"sender_processes": 1} | changes))


def senders_of(worker: WorkerProcess) -> list[int]:
    """Return the process ids of a worker's children."""
    listed = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text(encoding="ascii")
    return [int(pid) for pid in listed.split()]


def is_running(pid: int) -> bool:
    """Return whether a process is there and not a zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


def test_two_workers_at_once_send_everything_exactly_once(
    engine: Engine, session: Session, database_url: str, peer: MailPeer
) -> None:
    clinic = builders.practice(session)
    addresses = [f"patient{number}@example.org" for number in range(30)]
    for address in addresses:
        builders.due_delivery(session, clinic, email=address)
    session.commit()
    settings = settings_for(database_url, smtp_port=peer.port, poll_seconds=0.1, sender_processes=2)

    with ExitStack() as stack:
        workers = [stack.enter_context(running_worker(settings, now=MONDAY_AFTERNOON)) for _ in range(2)]
        wait_until(lambda: open_count(engine) == 0)
        wait_until(lambda: shown_count(engine, ReminderState.sent) == len(addresses))
        exit_codes = [worker.terminate() for worker in workers]

    assert sorted(peer.recipients) == sorted(addresses)
    assert exit_codes == [0, 0]


def test_a_worker_that_is_told_to_stop_leaves_nothing_leased(
    engine: Engine, session: Session, database_url: str, peer: MailPeer
) -> None:
    clinic = builders.practice(session)
    for _ in range(100):
        builders.due_delivery(session, clinic)
    session.commit()
    settings = settings_for(database_url, smtp_port=peer.port, poll_seconds=0.1, sender_processes=2, sends_in_flight=8)

    with running_worker(settings, now=MONDAY_AFTERNOON) as worker:
        wait_until(lambda: len(peer.mails) >= 3)
        senders = senders_of(worker)
        os.killpg(worker.pid, signal.SIGTERM)  # as a service manager or a terminal does: to all of its processes
        exit_code = worker.terminate(within=10.0)

    states = [row.state for row in session.scalars(select(Delivery))]
    assert exit_code == 0
    assert set(states) <= {DeliveryState.pending, DeliveryState.sent}
    assert states.count(DeliveryState.sent) == len(peer.mails) < 100
    assert set(session.scalars(select(DeliveryAttempt.outcome))) == {AttemptOutcome.accepted}
    assert len(senders) == 2
    assert not any(map(is_running, senders))


def test_a_send_that_a_stopping_worker_cannot_wait_for_is_cut_and_recorded(
    engine: Engine, session: Session, database_url: str
) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    session.commit()

    with hostile_server(say_nothing) as port:
        settings = settings_for(database_url, smtp_port=port, poll_seconds=0.1, sender_processes=1)
        with running_worker(settings, now=MONDAY_AFTERNOON) as worker:
            wait_until(lambda: state_of(engine, delivery) is DeliveryState.sending)
            exit_code = worker.terminate(within=10.0)

    assert exit_code == 0
    assert state_of(engine, delivery) is DeliveryState.pending
    assert outcomes(session, delivery) == [AttemptOutcome.refused]


def test_a_sender_frozen_past_its_lease_dies_at_the_thaw_and_sends_nothing(
    engine: Engine, session: Session, database_url: str, peer: MailPeer, tmp_path: Path
) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    session.commit()
    # Its own worker kills a frozen sender after two leases: one lease must be time enough for the other worker.
    settings, marker = short(database_url, peer.port, lease_seconds=6.0), tmp_path / "frozen"
    freeze = FailPoint("before_send", marker, freeze=True)

    with running_worker(settings, now=MONDAY_AFTERNOON, fail=freeze):
        frozen = wait_for_freeze(marker)
        with running_worker(settings, now=MONDAY_AFTERNOON):
            wait_until(lambda: open_count(engine) == 0)
        os.kill(frozen, signal.SIGCONT)
        wait_until(lambda: not is_running(frozen))

    session.refresh(delivery)
    assert len(peer.mails) == 1
    assert delivery.state is DeliveryState.sent
    assert outcomes(session, delivery) == [AttemptOutcome.abandoned, AttemptOutcome.accepted]


def test_after_an_effective_withdrawal_a_thawed_sender_sends_nothing(
    engine: Engine, session: Session, database_url: str, peer: MailPeer, tmp_path: Path
) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    session.commit()
    # Its own worker kills a frozen sender after two leases: one lease must be time enough for the other worker.
    settings, marker = short(database_url, peer.port, lease_seconds=6.0), tmp_path / "frozen"
    freeze = FailPoint("before_send", marker, freeze=True)

    with running_worker(settings, now=MONDAY_AFTERNOON, fail=freeze):
        frozen = wait_for_freeze(marker)
        answers = withdraw_all(session, delivery)
        with running_worker(settings, now=MONDAY_AFTERNOON):
            wait_until(lambda: state_of(engine, delivery) is DeliveryState.cancelled)
            os.kill(frozen, signal.SIGCONT)
            wait_until(lambda: not is_running(frozen))

    assert answers == {delivery.reminder_id: Answer.in_flight}
    assert peer.mails == []
    assert story(session, delivery)[-1] == ("cancelled", "withdrawn")


def wait_for_freeze(marker: Path) -> int:
    """Return the process id of the sender that froze at its fail point."""
    wait_until(lambda: marker.exists() and marker.read_text(encoding="ascii") != "")
    return int(marker.read_text(encoding="ascii"))


def withdraw_all(session: Session, delivery: Delivery) -> dict[str, Answer]:
    session.expire_all()
    answers = withdraw(session, delivery.practice_id, delivery.patient_id, now=MONDAY_AFTERNOON, reason="moved")
    session.commit()
    return answers


def test_a_sender_that_stays_frozen_is_killed_and_replaced_by_its_own_worker(
    engine: Engine, session: Session, database_url: str, peer: MailPeer, tmp_path: Path
) -> None:
    builders.due_delivery(session, builders.practice(session))
    session.commit()
    marker = tmp_path / "frozen"
    freeze = FailPoint("before_send", marker, freeze=True)

    with running_worker(short(database_url, peer.port), now=MONDAY_AFTERNOON, fail=freeze):
        frozen = wait_for_freeze(marker)
        wait_until(lambda: open_count(engine) == 0)
        wait_until(lambda: not is_running(frozen))

    assert len(peer.mails) == 1


def test_a_sender_that_dies_is_replaced_and_its_delivery_goes_out(
    engine: Engine, session: Session, database_url: str, peer: MailPeer
) -> None:
    clinic = builders.practice(session)
    session.commit()

    with running_worker(short(database_url, peer.port), now=MONDAY_AFTERNOON) as worker:
        wait_until(lambda: len(senders_of(worker)) == 1)
        os.kill(senders_of(worker)[0], signal.SIGKILL)
        builders.due_delivery(session, clinic)
        session.commit()
        wait_until(lambda: open_count(engine) == 0)

    assert len(peer.mails) == 1


def test_senders_do_not_outlive_a_killed_parent_even_in_the_middle_of_a_send(
    engine: Engine, session: Session, database_url: str
) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    session.commit()

    with hostile_server(say_nothing) as port:
        settings = settings_for(database_url, smtp_port=port, poll_seconds=0.1, sender_processes=2)
        with running_worker(settings, now=MONDAY_AFTERNOON) as worker:
            wait_until(lambda: state_of(engine, delivery) is DeliveryState.sending)
            senders = senders_of(worker)

            os.kill(worker.pid, signal.SIGKILL)

            wait_until(lambda: not any(map(is_running, senders)), within=5.0)
    assert len(senders) == 2


@pytest.mark.sqlite_only
def test_a_worker_does_not_start_on_a_database_that_was_not_migrated(empty_database_url: str) -> None:
    assert main(settings_for(empty_database_url)) == 1


def test_a_worker_does_not_start_with_a_key_that_opens_no_address(
    session: Session, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = builders.due_delivery(session, builders.practice(session), email="alex@example.org")
    session.commit()
    try:
        assert main(settings_for(database_url, seal_key=bytes(32))) == 1
    finally:
        private.set_key(SEAL_KEY)

    assert "SEAL_KEY does not open" in caplog.text
    session.refresh(delivery)
    assert delivery.state is DeliveryState.pending


def test_no_address_and_no_secret_stands_in_the_log_even_of_libraries(
    engine: Engine, session: Session, database_url: str, tmp_path: Path
) -> None:
    practice = builders.practice(session)
    delivery = builders.due_delivery(session, practice, channels=["email", "sms"], phone="+12125550123")
    delivery.useful_until = SystemClock().now() + timedelta(days=1)
    session.commit()
    log = tmp_path / "log"

    with mail_server() as mails, sms_service() as peer, log.open("wb") as output:
        mails.answer_recipient = lambda _address: "550 no such user"
        settings = {
            "DATABASE_URL": database_url,
            "SEAL_KEY": base64.b64encode(SEAL_KEY).decode(),
            "AUDIT_KEY": base64.b64encode(AUDIT_KEY).decode(),
            "SMTP_PORT": str(mails.port),
            "SMS_URL": peer.url,
            "SMS_ACCOUNT": ACCOUNT,
            "SMS_TOKEN": TOKEN,
            "SMS_SENDER": SENDER,
            "LOG_LEVEL": "DEBUG",
            "POLL_SECONDS": "0.1",
        }
        command = [sys.executable, "-m", "schedules.worker"]
        with subprocess.Popen(command, env=environment_with(settings), cwd=ROOT, stderr=output) as worker:
            wait_until(lambda: shown_count(engine, ReminderState.sent) == 1)
            worker.terminate()

    told = log.read_text(encoding="utf-8")
    assert len(peer.forms) == 1
    assert worker.returncode == 0
    assert "schedules" in told
    assert not [word for word in ("2125550123", "example.org", TOKEN, ACCOUNT) if word in told]


def test_the_command_says_which_settings_are_missing() -> None:
    command = [sys.executable, "-m", "schedules.worker"]

    done = subprocess.run(command, env={}, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert "SEAL_KEY: must be set" in done.stderr
