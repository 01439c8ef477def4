"""Any number of workers wake a phone once; one that is killed in the middle costs one more wake-up at most."""

import os
import signal
import threading
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models import Patient, Practice, PushAddress, WorkerHeartbeat
from models.engine import begin_reads
from models.isolation import in_practice
from models.push import PushProvider
from schedules.delivery.wake_look import FOREGROUND_FIRST, look_on
from schedules.delivery.wakes import claim_wakes
from tests import builders
from tests.clock import MONDAY_AFTERNOON
from tests.database import settings_for
from tests.failpoints import WorkerProcess, running_worker
from tests.processes import descendants
from tests.worker.push_peers import EXPO_TOKEN, ExpoPeer
from tests.worker.push_samples import EXPO_ADDRESS
from tests.worker.rows import wait_until
from tests.worker.wake_bench import Round, change, counted, phone, wake_row

PACE = 20  # times as fast as the machine's clock: ten seconds for an app in use are half of one here
LEASE = timedelta(minutes=10)  # by that clock half a minute


def settings_of(database_url: str, expo: ExpoPeer, **changes: Any) -> Any:
    """Return the settings of a worker that wakes phones by Expo."""
    told = {"expo_url": expo.url, "expo_token": EXPO_TOKEN, "poll_seconds": 0.1, "sender_processes": 1}
    told["lease_seconds"] = LEASE.total_seconds()
    return settings_for(database_url, **(told | changes))


def many_phones(session: Session, practice: Practice, count: int) -> list[Patient]:
    """Add patients with a phone each."""
    patients = [builders.patient(session, practice) for _ in range(count)]
    for number, person in enumerate(patients):
        phone(session, person, PushProvider.expo, f"ExponentPushToken[number-{number:08}]")
    return patients


def woken(expo: ExpoPeer) -> list[str]:
    """Return the addresses that were woken, in the order of their letters."""
    return sorted(each["to"] for seen in expo.seen for each in seen.json if "_contentAvailable" in each)


@pytest.mark.postgresql_only
def test_of_two_who_look_or_claim_at_once_one_passes_by(
    session: Session, rounds: Round, practice: Practice, patient: Patient, address: PushAddress
) -> None:
    rounds()
    change(session, patient)
    built, now = rounds.desk.terms.built, rounds.clock.now()
    with in_practice(rounds.desk.make_session, practice.id) as first:
        look_on(first, practice.id, built=built, now=now)
        with in_practice(rounds.desk.make_session, practice.id) as second:
            look_on(second, practice.id, built=built, now=now)
    rounds.clock.advance(FOREGROUND_FIRST)
    now = rounds.clock.now()

    with rounds.desk.make_session.begin() as first:
        ours, _ = claim_wakes(first, rounds.desk.terms, rounds.desk.pace, now=now, most=64)
        with rounds.desk.make_session.begin() as second:
            theirs, _ = claim_wakes(second, rounds.desk.terms, rounds.desk.pace, now=now, most=64)

    assert (len(ours), theirs) == (1, [])


def test_many_workers_that_look_and_wake_all_the_time_wake_each_phone_once(
    session: Session, expo: ExpoPeer, rounds: Round, practice: Practice
) -> None:
    patients = many_phones(session, practice, 12)
    rounds()
    for person in patients:
        change(session, person)
    rounds()
    rounds.clock.advance(FOREGROUND_FIRST)

    def work() -> None:
        for _ in range(5):
            with suppress(OperationalError):  # as in the process's loop: the next round tries again
                rounds()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert woken(expo) == [f"ExponentPushToken[number-{number:08}]" for number in range(12)]


@pytest.mark.slow
def test_two_workers_wake_a_phone_once_and_end_as_they_are_told(
    engine: Engine, session: Session, database_url: str, expo: ExpoPeer, patient: Patient, address: PushAddress
) -> None:
    settings = settings_of(database_url, expo)
    change(session, patient)
    with (
        running_worker(settings, now=MONDAY_AFTERNOON, pace=PACE) as one,
        running_worker(settings, now=MONDAY_AFTERNOON, pace=PACE) as other,
    ):
        wait_until(lambda: counted(engine) == {("expo", "accepted"): 1})
        change(session, patient)
        wait_until(lambda: wake_row(engine, address).due_at is not None)
        codes = [one.terminate(), other.terminate()]

    assert codes == [0, 0]
    assert woken(expo) == [EXPO_ADDRESS]
    assert list(expo.seen[0].json[0]) == ["to", "_contentAvailable", "ttl", "priority"]


@pytest.mark.sqlite_only
def test_a_wake_up_that_is_on_its_way_when_the_worker_is_told_to_stop_is_recorded(
    engine: Engine, session: Session, database_url: str, expo: ExpoPeer, patient: Patient, address: PushAddress
) -> None:
    ticket = b'{"data": [{"status": "ok", "id": "ticket-1"}]}'
    expo.answer = lambda _seen: (200, {"X-Drip": "1"}, ticket)  # two seconds
    change(session, patient)
    with running_worker(settings_of(database_url, expo), now=MONDAY_AFTERNOON, pace=PACE) as worker:
        wait_until(lambda: len(expo.seen) == 1)
        code = worker.terminate(within=7)

    assert code == 0
    assert counted(engine) == {("expo", "accepted"): 1}


@pytest.mark.slow
def test_a_worker_that_is_killed_between_send_and_record_wakes_once_more_at_most(
    engine: Engine, session: Session, database_url: str, expo: ExpoPeer, patient: Patient, address: PushAddress
) -> None:
    settings = settings_of(database_url, expo)
    change(session, patient)
    with running_worker(settings, now=MONDAY_AFTERNOON, pace=PACE) as victim:
        expo.answer = lambda _seen: kill(victim)
        victim.wait_for_death()
    expo.answer = lambda _seen: None
    with running_worker(settings, now=MONDAY_AFTERNOON + 2 * LEASE, pace=PACE):
        wait_until(lambda: counted(engine).get(("expo", "accepted")) == 1)

    assert woken(expo) == [EXPO_ADDRESS, EXPO_ADDRESS]
    assert counted(engine) == {("expo", "abandoned"): 1, ("expo", "accepted"): 1}
    assert wake_row(engine, address).due_at is None


def kill(worker: WorkerProcess) -> None:
    """Kill a worker with all of its processes, as a power cut would."""
    os.killpg(worker.pid, signal.SIGKILL)


@pytest.mark.sqlite_only
def test_a_worker_starts_the_process_again_that_wakes(
    engine: Engine, session: Session, database_url: str, expo: ExpoPeer, patient: Patient, address: PushAddress
) -> None:
    change(session, patient)
    with running_worker(settings_of(database_url, expo), now=MONDAY_AFTERNOON, pace=PACE) as worker:
        wait_until(lambda: len(expo.seen) == 1)
        before = descendants(worker.pid)
        for each in before:
            os.kill(each, signal.SIGKILL)
        wait_until(lambda: len(descendants(worker.pid) - before) >= 2)
        code = worker.terminate()

    assert code == 0


@pytest.mark.sqlite_only
def test_where_it_is_switched_off_nothing_wakes_anybody(
    engine: Engine, session: Session, database_url: str, expo: ExpoPeer, patient: Patient, address: PushAddress
) -> None:
    change(session, patient)

    with running_worker(settings_of(database_url, expo, wake_by_push=False), now=MONDAY_AFTERNOON) as worker:
        wait_until(lambda: has_ticked_twice(engine))
        processes = len(descendants(worker.pid))
        worker.terminate()

    assert (processes, expo.seen) == (1, [])


def has_ticked_twice(engine: Engine) -> bool:
    """Return whether a worker's second round of jobs has begun."""
    with Session(engine) as session:
        begin_reads(session)
        return any(row.ticked_at > row.started_at for row in session.scalars(select(WorkerHeartbeat)))
