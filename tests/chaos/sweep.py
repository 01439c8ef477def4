"""Kills a worker at its N-th call of one system call, for every N, and lets a fresh worker drain what it left.

The parent is swept and the sender is: strace counts calls for each thread, so the sender has one thread that sends. One
system call at a time: of a set, only the first to reach N would ever fire.
"""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, select

from models.engine import begin_reads, make_engine, make_session_factory
from models.practice import Practice
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState, Reminder
from schedules.plan.vocabulary import ReminderState
from tests import builders
from tests.chaos.storm import children_of
from tests.clock import MONDAY_AFTERNOON
from tests.database import Databases, owner_url_of, settings_for
from tests.failpoints import running_worker
from tests.processes import is_gone, wait_for
from tests.worker.peers import MailPeer, mail_server
from tests.worker.rows import open_count, shown_count

ROUND = 2  # deliveries that are due in each run
PACE = 240
CALLS = {
    "sqlite": ("pwrite64", "fdatasync", "fcntl", "sendto", "recvfrom", "connect", "socket", "poll"),
    "postgresql": ("sendto", "recvfrom", "connect", "socket", "poll"),
}
SHORT = {
    "poll_seconds": 0.1,
    "lease_seconds": 1.0,
    "gate_to_send_seconds": 0.4,
    "send_deadline_seconds": 0.4,
    "lease_margin_seconds": 0.1,
    "sender_processes": 1,
    "sends_in_flight": 1,
}
CALM = {"lease_seconds": 8.0, "gate_to_send_seconds": 2.0, "send_deadline_seconds": 4.0, "lease_margin_seconds": 1.0}
DEAD_OR_DONE_SECONDS = 20


@dataclass(slots=True)
class Sweep:
    """One database, one mail server, and what the kills did."""

    url: str
    engine: Engine
    peer: MailPeer
    folder: Path
    kills: int = 0
    repeats: int = 0
    faults: list[str] = field(default_factory=list)

    def kill_everywhere(self, call: str, *, of_sender: bool, highest: int) -> str:
        """Kill at the first such call, the second and so on, until a run passes untouched. Say how far it came."""
        for nth in range(1, highest + 1):
            where = f"{call} {nth} of the {'sender' if of_sender else 'parent'}"
            self._store_due()
            killed = self._run_killed_at(call, nth, of_sender=of_sender)
            sending = self._in_state(DeliveryState.sending)
            self._drain()
            self._check(where, sending)
            if not killed:
                return f"{call} {nth - 1}"
            self.kills += 1
        return f"{call} {highest} (stopped there)"

    def _store_due(self) -> None:
        with make_session_factory(self.engine)() as session:
            clinic = session.scalars(select(Practice)).first() or builders.practice(session)
            for _ in range(ROUND):
                builders.due_delivery(session, clinic)
            # Not due until the tracer is there.
            for row in session.scalars(select(Delivery).where(Delivery.state == DeliveryState.pending)):
                row.next_attempt_at = row.useful_until
            session.commit()

    def _make_due(self) -> None:
        with make_session_factory(self.engine)() as session:
            for row in session.scalars(select(Delivery).where(Delivery.state == DeliveryState.pending)):
                row.next_attempt_at = row.due_at
            session.commit()

    def _run_killed_at(self, call: str, nth: int, *, of_sender: bool) -> bool:
        """Run a worker until it dies at its `nth` call or has sent everything; return whether it died."""
        settings = settings_for(self.url, smtp_port=self.peer.port, **SHORT)
        with running_worker(settings, now=MONDAY_AFTERNOON) as worker:
            wait_for(lambda: children_of(worker.pid), "a sender")
            target = children_of(worker.pid)[0] if of_sender else worker.pid
            with traced(target, f"{call}:signal=KILL:when={nth}", follow=of_sender, folder=self.folder):
                self._make_due()
                end = time.monotonic() + DEAD_OR_DONE_SECONDS
                while not is_gone(target) and self._is_unfinished() and time.monotonic() < end:
                    time.sleep(0.02)
                killed = is_gone(target)
                # All of it dies, as by a power cut.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(worker.pid, signal.SIGKILL)
        return killed

    def _is_unfinished(self) -> bool:
        return bool(open_count(self.engine)) or bool(shown_count(self.engine, ReminderState.planned))

    def _drain(self) -> None:
        settings = settings_for(self.url, smtp_port=self.peer.port, **(SHORT | CALM))
        with running_worker(settings, now=MONDAY_AFTERNOON, pace=PACE), contextlib.suppress(AssertionError):
            wait_for(lambda: not self._is_unfinished(), "an end", seconds=40)

    def _in_state(self, state: DeliveryState) -> set[str]:
        with make_session_factory(self.engine)() as session:
            begin_reads(session)
            return set(session.scalars(select(Delivery.id).where(Delivery.state == state)))

    def _check(self, where: str, sending: set[str]) -> None:
        with make_session_factory(self.engine)() as session:
            begin_reads(session)
            for row in session.scalars(select(Delivery).where(Delivery.state != DeliveryState.sent)):
                self.faults.append(f"killed at {where}: {row.state} {row.reason or ''}")
            planned = session.scalars(select(Reminder.id).where(Reminder.state == ReminderState.planned)).all()
            unclear = session.scalars(select(DeliveryAttempt.fence).where(DeliveryAttempt.outcome.is_(None))).all()
            accepted = session.scalars(
                select(DeliveryAttempt.delivery_id).where(DeliveryAttempt.outcome == AttemptOutcome.accepted)
            ).all()
        if planned or unclear or len(set(accepted)) != len(accepted):
            self.faults.append(f"killed at {where}: {len(planned)} not shown, {len(unclear)} attempts without outcome")
        self._check_repeats(where, sending)
        if self.url.startswith("sqlite"):
            with contextlib.closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as file:
                if file.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                    self.faults.append(f"killed at {where}: the file is damaged")

    def _check_repeats(self, where: str, sending: set[str]) -> None:
        times = Counter(self.peer.keys)
        repeats = sum(times.values()) - len(times)
        self.repeats += repeats
        if repeats > len(sending):
            self.faults.append(f"killed at {where}: {repeats} messages taken again, {len(sending)} were on their way")
        if len(times) != ROUND:
            self.faults.append(f"killed at {where}: {len(times)} messages of {ROUND} were taken")
        self.peer.mails.clear()
        self.peer.recipients.clear()


@contextlib.contextmanager
def traced(pid: int, injection: str, *, follow: bool, folder: Path) -> Iterator[None]:
    """Have strace tamper with the system calls of a process while this lasts."""
    call = injection.partition(":")[0]
    said = folder / "strace"
    command = ["strace", *(["-f"] if follow else []), "-p", str(pid), "-o", os.devnull]
    with said.open("wb") as output:
        tracer = subprocess.Popen([*command, "-e", f"trace={call}", "-e", f"inject={injection}"], stderr=output)
    try:
        wait_for(lambda: "attached" in said.read_text() or tracer.poll() is not None, "strace")
        if "attached" not in said.read_text():
            raise RuntimeError(f"strace could not attach: {said.read_text()}")
        yield
    finally:
        tracer.kill()  # it may wait for ever for a tracee that somebody else is to bury
        tracer.wait()


def run(databases: Databases, kind: str, *, highest: int, folder: Path) -> int:
    """Sweep every call on one database, say how it went, and return the number of faults."""
    with databases.migrated(kind) as url, mail_server() as peer:
        engine = make_engine(owner_url_of(url))
        sweep = Sweep(url, engine, peer, folder)
        for of_sender in (True, False):
            print(f"sweep on {kind}, {'sender' if of_sender else 'parent'}:", end="", flush=True)
            for call in CALLS[kind]:
                print(f" {sweep.kill_everywhere(call, of_sender=of_sender, highest=highest)};", end="", flush=True)
            print()
        engine.dispose()
    print(f"  {sweep.kills} kills, {sweep.repeats} messages taken again, {len(sweep.faults)} faults", flush=True)
    for fault in sweep.faults[:20]:
        print(f"    {fault}", flush=True)
    return len(sweep.faults)
