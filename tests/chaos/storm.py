"""One run of chaos: workers that are killed and frozen all the time while providers fail and people withdraw."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from config import Settings
from models.engine import begin_reads, make_engine, make_session_factory
from models.reminder import Reminder
from schedules.plan.vocabulary import ReminderState
from schedules.planning import withdraw
from tests.chaos.clinic import STARTS_AT, keep_history, store_due
from tests.chaos.history import Withdrawal, find_faults, tell_counts
from tests.chaos.providers import Ledger, hostile_providers
from tests.database import owner_url_of, settings_for
from tests.failpoints import StartedClock, WorkerProcess, running_worker
from tests.worker.rows import open_count, shown_count
from tests.worker.sms_peer import ACCOUNT, SENDER, TOKEN

REMINDERS = 250
WORKERS = 3
WITHDRAWALS = 62
STRIKE_EVERY_SECONDS = 0.16
PACE = 240  # a repeat after half a minute comes after an eighth of a second
FROZEN_SECONDS = (1.4, 2.2)  # longer than a lease
DRAINED_WITHIN_SECONDS = 120
SHORT = {
    "poll_seconds": 0.1,
    "lease_seconds": 1.2,
    "gate_to_send_seconds": 0.4,
    "send_deadline_seconds": 0.5,
    "lease_margin_seconds": 0.2,
    "sender_processes": 2,
    "sends_in_flight": 4,
}
CALM = {"lease_seconds": 8.0, "gate_to_send_seconds": 2.0, "send_deadline_seconds": 4.0, "lease_margin_seconds": 1.0}


@dataclass(slots=True)
class Storm:
    """The workers of one run, whom to strike next, and what was done to them."""

    settings: Settings
    clock: StartedClock
    chance: random.Random
    stack: ExitStack = field(default_factory=ExitStack)
    workers: list[tuple[WorkerProcess, ExitStack]] = field(default_factory=list)
    thaws: list[tuple[float, int, bool]] = field(default_factory=list)  # when, whom, and whether all of the group
    done: Counter[str] = field(default_factory=Counter)

    def start_all(self) -> None:
        """Have as many workers as a run has."""
        while len(self.workers) < WORKERS:
            mine = self.stack.enter_context(ExitStack())
            worker = mine.enter_context(running_worker(self.settings, now=self.clock.now(), pace=PACE))
            self.workers.append((worker, mine))

    def strike(self) -> None:
        """Kill or freeze a worker or one of its senders, and thaw whom it is time to thaw."""
        self._thaw(time.monotonic())
        # Of one that is still starting there is nothing to interrupt yet.
        at_work = [each for each in self.workers if children_of(each[0].pid)]
        if not at_work:
            return
        worker, mine = self.chance.choice(at_work)
        how = self.chance.choices(("kill", "kill_sender", "freeze", "freeze_sender"), (5, 2, 2, 2))[0]
        if how == "kill":
            self.workers.remove((worker, mine))
            mine.close()
            self.start_all()
        else:
            self._strike_one(worker.pid, how)
        self.done[how] += 1

    def _strike_one(self, pid: int, how: str) -> None:
        senders = children_of(pid)
        whom = self.chance.choice(senders) if senders and how.endswith("sender") else pid
        if how == "kill_sender":
            # Its last sender may have died since it was looked at.
            _signal(whom if whom != pid else 0, signal.SIGKILL, group=False)
        else:
            _signal(whom, signal.SIGSTOP, group=whom == pid)
            self.thaws.append((time.monotonic() + self.chance.uniform(*FROZEN_SECONDS), whom, whom == pid))

    def _thaw(self, now: float) -> None:
        for thaw in [each for each in self.thaws if each[0] <= now]:
            self.thaws.remove(thaw)
            _signal(thaw[1], signal.SIGCONT, group=thaw[2])

    def end(self) -> list[int | None]:
        """Thaw everyone, and return how each worker ended that was asked to stop."""
        self._thaw(float("inf"))
        return [worker.terminate(within=15) for worker, _ in self.workers]


def children_of(pid: int) -> list[int]:
    """Return the process ids of a worker's senders, none for one that is gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(each) for each in listed.split()]
    return []


def _signal(pid: int, number: signal.Signals, *, group: bool) -> None:
    if pid:
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(pid, number)


def run(url: str, *, seed: int, seconds: float) -> tuple[list[str], str]:
    """Run one storm on the migrated, empty database at `url`; return the faults found and a line of counts."""
    engine = make_engine(owner_url_of(url))
    make_session = make_session_factory(engine)
    keep_history(engine)
    chance, withdrawals = random.Random(seed), list[Withdrawal]()
    with make_session() as session:
        due = store_due(session, REMINDERS, within=timedelta(seconds=0.8 * seconds) * PACE, chance=chance)
    ledger = Ledger(random.Random(seed + 1))
    with hostile_providers(ledger) as (mail, sms):
        account = {"sms_url": sms.url, "sms_account": ACCOUNT, "sms_token": TOKEN, "sms_sender": SENDER}
        providers = {"smtp_port": mail.port} | account
        storm = Storm(settings_for(url, **(providers | SHORT)), StartedClock(STARTS_AT, pace=PACE), chance)
        calm = settings_for(url, **(providers | SHORT | CALM))
        with storm.stack, _withdrawing(make_session, storm.clock, withdrawals, seed + 2, seconds):
            _rage(storm, seconds)
            drained_after = _drain(engine, storm, calm)
            codes = storm.end()
    with make_session() as session:
        begin_reads(session)
        faults = find_faults(session, ledger, withdrawals, due)
        counts = tell_counts(session, ledger, withdrawals)
    faults += [f"a worker that was asked to stop ended with {code}" for code in codes if code != 0]
    engine.dispose()
    struck = ", ".join(f"{count} {how}" for how, count in sorted(storm.done.items()))
    return faults, f"{counts}; struck: {struck}; drained in {drained_after:.0f} s"


def _rage(storm: Storm, seconds: float) -> None:
    storm.start_all()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(storm.chance.expovariate(1 / STRIKE_EVERY_SECONDS))
        storm.strike()


def _drain(engine: Engine, storm: Storm, calm: Settings) -> float:
    """Let whole workers finish, against providers that go on failing. Return the seconds that it took."""
    storm._thaw(float("inf"))
    for _, mine in storm.workers:
        mine.close()
    storm.workers.clear()
    storm.settings = calm
    storm.start_all()
    began = time.monotonic()
    while open_count(engine) or shown_count(engine, ReminderState.planned):
        if time.monotonic() - began > DRAINED_WITHIN_SECONDS:
            break
        time.sleep(0.1)
    return time.monotonic() - began


@contextmanager
def _withdrawing(
    make_session: sessionmaker[Session], clock: StartedClock, withdrawals: list[Withdrawal], seed: int, seconds: float
) -> Iterator[None]:
    chance, over = random.Random(seed), threading.Event()
    with make_session() as session:
        patients = select(Reminder.practice_id, Reminder.patient_id).distinct().order_by(Reminder.patient_id)
        rows = session.execute(patients).all()
    chosen = chance.sample(rows, WITHDRAWALS)

    def work() -> None:
        for practice_id, patient_id in chosen:
            # Some of them come while the last messages leave.
            if over.wait(chance.expovariate(WITHDRAWALS / seconds / 1.5)):
                return
            with suppress(OperationalError):  # the database was held up by somebody frozen: no answer, no promise
                withdrawals.extend(_withdraw(make_session, clock, practice_id, patient_id))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _withdraw(
    make_session: sessionmaker[Session], clock: StartedClock, practice_id: str, patient_id: str
) -> list[Withdrawal]:
    with make_session.begin() as session:
        answers = withdraw(session, practice_id, patient_id, now=clock.now(), reason="withdrawn")
    answered = time.monotonic()
    return [Withdrawal(reminder_id, answer, answered) for reminder_id, answer in answers.items()]
