"""Senders have many deliveries on their way at once, and one that may kill its process has a process of its own."""

import os
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from config import Settings
from models.reminder import AttemptOutcome, Delivery, DeliveryState
from schedules.clock import SystemClock
from schedules.delivery.book import Claim
from schedules.delivery.channels import Message, Result
from schedules.delivery.claim import claim_due
from schedules.delivery.crew import Crew
from schedules.delivery.deliver import Steps
from schedules.delivery.flow import Pace
from schedules.delivery.gate import Permit
from schedules.delivery.leases import Lease
from schedules.delivery.policy import Policy
from schedules.plan.urgency import Urgency
from schedules.plan.vocabulary import Provider
from tests import builders
from tests.clock import MONDAY_AFTERNOON
from tests.database import settings_for
from tests.failpoints import running_worker
from tests.processes import is_gone
from tests.worker.rows import open_count, state_of, wait_until
from tests.worker.sms_peer import ACCOUNT, SENDER, TOKEN, Reply, sms_service

TOGETHER = 8
LEASE = Lease("worker-1", timedelta(seconds=30), SystemClock())


def test_many_messages_of_one_sender_are_on_their_way_at_once(
    engine: Engine, session: Session, database_url: str
) -> None:
    clinic = builders.practice(session)
    for _ in range(TOGETHER):
        builders.due_delivery(session, clinic, channels=["sms"])
    session.commit()
    everybody = threading.Barrier(TOGETHER)

    def wait_for_the_others(_form: dict[str, str]) -> Reply | None:
        everybody.wait(20)
        return None

    with sms_service() as peer:
        peer.answer = wait_for_the_others
        account = {"sms_url": peer.url, "sms_account": ACCOUNT, "sms_token": TOKEN, "sms_sender": SENDER}
        settings = settings_for(database_url, poll_seconds=0.1, sender_processes=1, **account)
        with running_worker(settings, now=MONDAY_AFTERNOON):
            wait_until(lambda: open_count(engine) == 0)

    assert len(peer.forms) == TOGETHER
    assert set(session.scalars(select(Delivery.state))) == {DeliveryState.sent}


class Notes:
    """A gate that lets nothing through, and writes down which process held which claim with how many others."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "notes"
        self.inside = 0

    def __call__(
        self,
        session: Session,
        claims: Sequence[Claim],
        lease: Lease,
        *,
        built: Collection[Provider],
        pace: Pace,
        policy: Policy,
        now: datetime,
    ) -> list[Permit]:
        with self.file.open("a", encoding="ascii") as notes:
            notes.writelines(f"{claim.delivery_id} {os.getpid()}\n" for claim in claims)
            notes.write("\n")
        time.sleep(0.3)
        return []

    def pids(self) -> dict[str, int]:
        if not self.file.exists():
            return {}
        lines = (line.split() for line in self.file.read_text(encoding="ascii").splitlines() if line)
        return {delivery_id: int(pid) for delivery_id, pid in lines}

    def batches(self) -> list[list[str]]:
        """Return which claims were at the gate together."""
        text = self.file.read_text(encoding="ascii").removesuffix("\n\n")
        return [[line.split()[0] for line in batch.splitlines()] for batch in text.split("\n\n")]


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path)


@pytest.fixture
def crew(notes: Notes, sqlite_settings: Settings) -> Iterator[Crew]:
    """Return a crew of one sender that takes six in hand."""
    steps = Steps(now=lambda _session, clock: clock.now(), gate=notes, senders=lambda _settings: {})
    crew = Crew(sqlite_settings, LEASE, steps, before_fork=lambda: None)
    crew.tend()
    yield crew
    crew.stop()


@pytest.fixture
def sqlite_settings(tmp_path: Path) -> Settings:
    return settings_for(f"sqlite:///{tmp_path / 'crew.sqlite3'}", sender_processes=1, sends_in_flight=2)


def claims(*names: str, solo: bool = False) -> list[Claim]:
    return [Claim("practice-1", f"patient-of-{name}", name, 1, solo=solo) for name in names]


def finish(crew: Crew, notes: Notes, count: int) -> None:
    def is_over() -> bool:
        crew.wait(timedelta(milliseconds=50))
        crew.tend()
        return len(notes.pids()) == count and crew.free_count() == 6

    wait_until(is_over)


def test_a_delivery_whose_worker_died_has_a_process_of_its_own(crew: Crew, notes: Notes) -> None:
    left = crew.hand_out(claims("a", "b") + claims("dangerous", solo=True))
    finish(crew, notes, 3)

    pids = notes.pids()
    assert left == []
    assert pids["a"] == pids["b"] != pids["dangerous"]


def test_of_two_such_the_second_waits_for_the_first(crew: Crew, notes: Notes) -> None:
    left = crew.hand_out(claims("first", "second", solo=True))

    def has_found_its_place() -> bool:
        crew.wait(timedelta(milliseconds=50))
        crew.tend()
        return crew.hand_out(left) == []

    wait_until(has_found_its_place)
    finish(crew, notes, 2)

    assert [claim.delivery_id for claim in left] == ["second"]
    assert len(set(notes.pids().values())) == 1


def test_what_finds_no_place_comes_back_and_places_are_filled_by_thirds(crew: Crew, notes: Notes) -> None:
    idle = crew.free_count()
    left = crew.hand_out(claims("a", "b", "c", "d", "e", "f", "g"))
    full = crew.free_count()
    finish(crew, notes, 6)

    assert (idle, full) == (6, 0)
    assert [claim.delivery_id for claim in left] == ["g"]
    crew.hand_out(claims("h", "i", "j", "k", "l"))
    assert crew.free_count() == 0  # one place is free, which does not pay for a claim yet
    finish(crew, notes, 11)


def test_what_is_more_urgent_passes_before_what_waits(crew: Crew, notes: Notes) -> None:
    crew.hand_out(claims("a", "b", "c", "d"))
    wait_until(lambda: "a" in notes.pids())

    crew.hand_out(
        [
            Claim("practice-1", "patient-1", "fasting", 1, urgency=Urgency.safety),
            Claim("practice-1", "patient-2", "red-flag", 1, urgency=Urgency.urgent),
        ]
    )
    finish(crew, notes, 6)

    assert [name for batch in notes.batches() for name in batch] == ["a", "red-flag", "fasting", "b", "c", "d"]


def test_the_claims_of_a_patient_are_at_the_gate_together_and_practices_take_turns(crew: Crew, notes: Notes) -> None:
    of_one = [Claim("practice-1", "patient-1", name, 1) for name in ("a", "b", "c")]

    crew.hand_out([*of_one, Claim("practice-2", "patient-2", "d", 1)])
    finish(crew, notes, 4)

    assert notes.batches() == [["a", "b", "c"], ["d"]]


def test_a_practices_claims_are_at_the_gate_together_and_all_senders_get_some(
    notes: Notes, sqlite_settings: Settings
) -> None:
    steps = Steps(now=lambda _session, clock: clock.now(), gate=notes, senders=lambda _settings: {})
    settings = replace(sqlite_settings, sender_processes=2, sends_in_flight=4)
    crew = Crew(settings, LEASE, steps, before_fork=lambda: None)
    crew.tend()

    of_another = [Claim("practice-2", f"patient-of-{name}", name, 1) for name in ("i", "j")]
    left = crew.hand_out([*claims(*"abcdefgh"), *of_another])
    wait_until(lambda: len(notes.pids()) == 10)
    crew.stop()

    pids = notes.pids()
    assert left == []
    assert len({pids[name] for name in "abcd"}) == len({pids[name] for name in "efgh"}) == 1
    assert pids["a"] != pids["e"]
    assert sorted(notes.batches()) == [["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"], ["i", "j"]]


class SlowProvider:
    """Says yes after a while."""

    def send(self, message: Message, deadline: timedelta) -> Result:
        """Accept the message."""
        time.sleep(0.5)
        return Result(AttemptOutcome.accepted, "250")


def test_a_sender_that_is_told_to_end_gives_back_what_it_has_not_begun(
    engine: Engine, session: Session, database_url: str
) -> None:
    clinic = builders.practice(session)
    deliveries = [builders.due_delivery(session, clinic) for _ in range(2)]
    session.commit()
    settings = settings_for(database_url, sender_processes=1, sends_in_flight=1)
    steps = Steps(now=lambda _session, _clock: MONDAY_AFTERNOON, senders=lambda _: {Provider.smtp: SlowProvider()})
    crew = Crew(settings, LEASE, steps, before_fork=engine.dispose)
    crew.tend()
    crew.hand_out(claim_due(session, LEASE, now=MONDAY_AFTERNOON, limit=2))
    session.commit()
    wait_until(lambda: DeliveryState.sending in {state_of(engine, each) for each in deliveries})

    crew.stop()

    session.expire_all()
    assert sorted(each.state for each in deliveries) == [DeliveryState.pending, DeliveryState.sent]
    assert sorted(each.attempts for each in deliveries) == [0, 1]


def test_a_sender_that_is_told_to_end_finishes_what_it_has_begun(crew: Crew, notes: Notes) -> None:
    crew.hand_out([Claim("practice-1", "patient-1", name, 1) for name in ("a", "b")])

    crew.stop()

    assert notes.pids().keys() == {"a", "b"}


def test_a_sender_that_hangs_is_killed_buried_and_replaced(notes: Notes, sqlite_settings: Settings) -> None:
    steps = Steps(now=lambda _session, clock: clock.now(), gate=notes, senders=lambda _settings: {})
    crew = Crew(sqlite_settings, replace(LEASE, length=timedelta(milliseconds=1)), steps, before_fork=lambda: None)
    crew.tend()
    crew.hand_out(claims("a"))
    wait_until(lambda: "a" in notes.pids())

    def is_whole() -> bool:
        crew.tend()
        return crew.free_count() == 6

    wait_until(is_whole)

    assert is_gone(notes.pids()["a"])
    crew.stop()
