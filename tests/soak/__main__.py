"""`make soak`: web server and workers under load while workers are killed; memory and descriptors stay flat (O16).

The base load is one message and four requests a second, which is a choice of ours and no clinic's measured load.
"""

import argparse
import contextlib
import itertools
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from config import Settings
from models import journal, private
from models.engine import make_engine, make_session_factory
from schedules.clock import SystemClock
from service.identity.tokens import enrol_device
from tests import builders
from tests.api.conftest import API, Clinic, make_clinic
from tests.chaos.storm import children_of
from tests.clock import MONDAY_AFTERNOON
from tests.database import AUDIT_KEY, KINDS, SEAL_KEY, Databases, owner_url_of, settings_for
from tests.e2e.test_killed_service import put, running_service
from tests.e2e.test_rolling import get
from tests.failpoints import StartedClock, WorkerProcess, running_worker
from tests.soak.gauges import Sample, find_growth, sample
from tests.worker.peers import mail_server

BASE_MESSAGES, BASE_REQUESTS = 1.0, 4.0  # a second
STRIKE_SECONDS = 5.0
SAMPLES = 60
DRAINED_WITHIN_SECONDS = 120


class Load:
    """Messages that fall due and requests of a phone, at a rate, until it is over."""

    def __init__(self, engine: Engine, clinic: Clinic, address: str, token: str) -> None:
        self._engine, self._clinic, self._address, self._token = engine, clinic, address, token
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self.due: set[str] = set()
        self.statuses: Counter[int | None] = Counter()

    def start(self, rate: float) -> None:
        """Begin, at `rate` times the base load."""
        for work, a_second in ((self._add_message, BASE_MESSAGES), (self._ask, BASE_REQUESTS)):
            self._threads.append(threading.Thread(target=self._repeat, args=(work, a_second * rate)))
            self._threads[-1].start()

    def end(self) -> None:
        """Stop."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, work: Callable[[int], None], a_second: float) -> None:
        next_at = time.monotonic()
        for number in itertools.count():
            next_at += 1 / a_second
            if self._over.wait(max(0.0, next_at - time.monotonic())):
                return
            work(number)

    def _add_message(self, number: int) -> None:
        address = f"soak-{number}@example.org"
        with make_session_factory(self._engine)() as session:
            practice = session.merge(self._clinic.practice, load=False)
            builders.due_delivery(session, practice, email=address)
            session.commit()
        self.due.add(address)

    def _ask(self, number: int) -> None:
        episode_id = self._clinic.episode.id
        if number % 4:
            self.statuses[get(f"{self._address}{API}/episodes/{episode_id}/plan", self._token)] += 1
            return
        report: dict[str, object] = {"episode_id": episode_id, "reported_at": "2026-03-02T08:30:00Z", "pain": 4}
        self.statuses[put(f"{self._address}{API}/check-ins/soak-{number}", self._token, report)] += 1


def run(url: str, *, seconds: float, rate: float, seed: int) -> list[str]:
    """Let it run, print what was held every so often, and return what is wrong in the end."""
    engine, chance = make_engine(owner_url_of(url)), random.Random(seed)
    with make_session_factory(engine)() as session:
        clinic = make_clinic(session)
        token = enrol_device(session, clinic.id, clinic.patient.id, SystemClock().now()).access.secret
        session.commit()
    with contextlib.ExitStack() as stack:
        mail = stack.enter_context(mail_server())
        settings = settings_for(url, smtp_port=mail.port, sender_processes=2, poll_seconds=0.2)
        address, server = stack.enter_context(running_service(url))
        load = Load(engine, clinic, address, token)
        stack.callback(load.end)
        load.start(rate)
        crew = stack.enter_context(_Crew(settings, chance))
        samples = _rage(server.pid, crew, seconds)
        load.end()
        began = time.monotonic()
        while load.due - set(mail.recipients) and time.monotonic() < began + DRAINED_WITHIN_SECONDS:
            time.sleep(0.1)
        drained_after = time.monotonic() - began
    engine.dispose()
    missing, repeats = load.due - set(mail.recipients), len(mail.recipients) - len(set(mail.recipients))
    told = ", ".join(f"{count} x {status}" for status, count in sorted(load.statuses.items(), key=str))
    print(
        f"  {len(load.due)} messages, {repeats} repeated, {crew.kills} kills; {told}; drained in {drained_after:.1f} s"
    )
    for name, each in samples.items():
        print(f"  {name}: " + ", ".join(f"{one.megabytes:.0f} MB/{one.descriptors}" for one in each[:: SAMPLES // 10]))
    faults = [f"{len(missing)} messages never went out"] if missing else []
    faults += [f"{count} answers {status}" for status, count in load.statuses.items() if status not in (200, 201)]
    return faults + find_growth(samples)


class _Crew(contextlib.ExitStack):
    """Two workers: one whose senders are killed, and which is measured, and one that is killed whole."""

    def __init__(self, settings: Settings, chance: random.Random) -> None:
        super().__init__()
        self._settings, self._chance, self._clock = settings, chance, StartedClock(MONDAY_AFTERNOON)
        self.steady = self._start(self)
        self._struck = self.enter_context(contextlib.ExitStack())
        self.kills = 0

    def strike(self) -> None:
        self.kills += 1
        self._struck.close()
        self._start(self._struck)
        senders = children_of(self.steady.pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._chance.choice(senders), signal.SIGKILL) if senders else None

    def _start(self, stack: contextlib.ExitStack) -> WorkerProcess:
        return stack.enter_context(running_worker(self._settings, now=self._clock.now()))


def _rage(server_pid: int, crew: _Crew, seconds: float) -> dict[str, list[Sample]]:
    """Strike now and then, and return what server and worker held meanwhile."""
    samples: dict[str, list[Sample]] = defaultdict(list)
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        if passed >= len(samples["worker"]) * seconds / SAMPLES:
            samples["web server"].append(sample(server_pid, with_children=True))
            samples["worker"].append(sample(crew.steady.pid, with_children=False))
        if passed >= crew.kills * STRIKE_SECONDS:
            crew.strike()
        time.sleep(0.1)
    return samples


def main() -> int:
    """Run on the databases that were asked for, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20, help="how long, on each database")
    parser.add_argument("--rate", type=float, default=2, help="times the base load")
    parser.add_argument("--database", choices=[*KINDS, "both"], default="postgresql")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    private.set_key(SEAL_KEY)
    journal.set_key(AUDIT_KEY)
    faults = 0
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        databases = Databases(Path(folder), stack)
        for kind in KINDS if options.database == "both" else (options.database,):
            print(f"soak on {kind}, {options.minutes:g} min at {options.rate:g} times the base load ...", flush=True)
            with databases.migrated(kind) as url:
                found = run(url, seconds=60 * options.minutes, rate=options.rate, seed=options.seed)
            print("".join(f"    {each}\n" for each in found) + f"  {len(found)} faults", flush=True)
            faults += len(found)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
