"""The disk fails under a write of the API: the answer is never a yes, and the database is whole afterwards."""

import contextlib
import multiprocessing
import os
import sqlite3
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import select

from models.engine import begin_reads, make_engine, make_session_factory
from models.report import CheckIn
from service.app import create_app
from tests.api.conftest import as_patient, make_clinic
from tests.chaos.sweep import traced
from tests.clock import FixedClock
from tests.database import Databases, settings_for

WRITES = 4
HIGHEST = 12  # calls of one kind in so few writes
FAILURES = (("fdatasync", "EIO"), ("fdatasync", "ENOSPC"), ("pwrite64", "ENOSPC"), ("pwrite64", "EIO"))
_SPAWN = multiprocessing.get_context("spawn")


def run(databases: Databases, folder: Path) -> int:
    """Fail each call of each kind in turn, say how it went, and return the number of faults."""
    faults: list[str] = []
    refused = 0
    for call, error in FAILURES:
        for nth in range(1, HIGHEST + 1):
            with databases.migrated("sqlite") as url:
                statuses = _write_while_failing(url, f"{call}:error={error}:when={nth}", folder)
                faults += [f"{call} {nth} gave {error}: {fault}" for fault in _faults(url, statuses)]
            if all(status == 201 for status in statuses.values()):
                break
            refused += sum(status >= 500 for status in statuses.values())
    print(f"disk errors under API writes: {refused} writes refused, {len(faults)} faults")
    for fault in faults[:20]:
        print(f"    {fault}")
    return len(faults)


def _faults(url: str, statuses: dict[str, int]) -> list[str]:
    engine = make_engine(url)
    with make_session_factory(engine)() as session:
        begin_reads(session)
        stored = set(session.scalars(select(CheckIn.id)))
    engine.dispose()
    acknowledged = {each for each, status in statuses.items() if status == 201}
    faults = [f"acknowledged and not stored: {each}" for each in sorted(acknowledged - stored)]
    faults += [f"answered {status}" for status in statuses.values() if status != 201 and status < 500]
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        if file.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            faults.append("the file is damaged")
    return faults


def _write_while_failing(url: str, injection: str, folder: Path) -> dict[str, int]:
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_serve, args=(url, theirs), daemon=True)
    process.start()
    ours.recv()
    assert process.pid is not None
    with traced(process.pid, injection, follow=True, folder=folder):
        ours.send("write")
        statuses: dict[str, int] = ours.recv()
        process.kill()
    process.join()
    return statuses


def _serve(url: str, pipe: Connection) -> None:
    """Be the web process: wait for the word, write, and tell the answers."""
    engine = make_engine(url)
    app = create_app(settings_for(url, log_level="ERROR"), FixedClock())
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with make_session_factory(engine)() as session:
        clinic = make_clinic(session)
        phone = as_patient(app, session, clinic.patient)
    engine.dispose()
    body = {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T08:30:00Z", "pain": 4}
    pipe.send("ready")
    pipe.recv()
    pipe.send(
        {f"check-in-{number}": phone.put(f"/check-ins/check-in-{number}", body).status_code for number in range(WRITES)}
    )
    pipe.recv()
