"""What the audit trail costs: 10,000 reports of a phone with their entries, beside as many without; and reads.

Run with `.venv/bin/python -m tests.bench.bench_audit`. The whole application answers in this process, with a real
token, and each request is committed on disk. For the half without audit the function that appends an entry is replaced
by one that does nothing: the product has no switch for it. Both take turns of 250 requests; the median of the rounds
stands, so that a moment in which the disk or the machine was busy counts for neither.
"""

import contextlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import orjson
import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder

from models.engine import make_engine, make_session_factory
from schedules import jobs
from schedules.clock import SystemClock
from schedules.planning import plan_episode
from service.api import settle
from service.app import create_app
from service.db import db
from service.identity.tokens import enrol_device
from tests import builders
from tests.bench.bench_pull import log_into
from tests.bench.children import leave_nothing_behind
from tests.clock import MONDAY_AFTERNOON
from tests.database import KINDS, Databases, owner_url_of, settings_for

WRITES, READS = 10_000, 2_000
AT_ONCE = 250
Request = Callable[[int], str]  # sends the request of a number and returns its status
Without = Callable[[], contextlib.AbstractContextManager[None]]  # as long as it holds, requests do without a part


@contextlib.contextmanager
def without_audit() -> Iterator[None]:
    """Let requests leave no entry."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settle, "append", lambda *_: "")
        yield


@dataclass(frozen=True, slots=True)
class Phone:
    """A patient's phone: its token, and what it reports about."""

    token: str
    patient_id: str
    episode_id: str


def enrolled(url: str) -> Phone:
    """Store a patient with a plan, and return the patient's phone."""
    engine = make_engine(owner_url_of(url), unhurried=True)
    with make_session_factory(engine)() as session:
        practice = builders.practice(session)
        patient = builders.patient(session, practice)
        episode = builders.episode(session, patient)
        builders.surgery(session, episode)
        plan_episode(session, practice.id, episode.id, MONDAY_AFTERNOON)
        tokens = enrol_device(session, practice.id, patient.id, SystemClock().now())
        session.commit()
    engine.dispose()
    return Phone(tokens.access.secret, patient.id, episode.id)


def writing(app: Flask, phone: Phone) -> Request:
    """Return what stores a new report."""
    body = {"episode_id": phone.episode_id, "reported_at": "2026-03-02T08:30:00Z", "pain": 4, "note": "Slept well"}
    return _sending(app, "PUT", "/api/v1/check-ins/bench-{}", phone.token, orjson.dumps(body))


def reading(app: Flask, phone: Phone) -> Request:
    """Return what reads the patient."""
    return _sending(app, "GET", f"/api/v1/patients/{phone.patient_id}", phone.token, b"")


def _sending(app: Any, method: str, path: str, token: str, body: bytes) -> Request:
    headers = [("Authorization", f"Bearer {token}"), ("Content-Type", "application/json")]
    environ = EnvironBuilder(path.format(0), method=method, headers=headers, data=body or None).get_environ()
    said: list[str] = []

    def start_response(status: str, _headers: object, _exc_info: object = None) -> None:
        said[:] = [status]

    def send(number: int) -> str:
        answer = app(environ | {"PATH_INFO": path.format(number), "wsgi.input": io.BytesIO(body)}, start_response)
        for _ in answer:
            pass
        answer.close()
        return said[0].partition(" ")[0]

    return send


def seconds_of(
    send: Request, expected: str, *, count: int, at_once: int = AT_ONCE, without: Without = without_audit
) -> tuple[float, float]:
    """Return the seconds of a request, whole and without a part: the medians of rounds in which both take turns."""
    seen: tuple[list[float], list[float]] = ([], [])
    for number in range(0, 2 * count, 2 * at_once):
        for each, whole in enumerate((True, False)):
            first = number + each * at_once
            with contextlib.nullcontext() if whole else without():
                start = perf_counter()
                statuses = {send(one) for one in range(first, first + at_once)}
                seen[each].append((perf_counter() - start) / at_once)
            assert statuses == {expected}, f"expected {expected}, got {statuses}"
    return median(seen[0]), median(seen[1])


def seconds_to_seal(url: str) -> float:
    """Return how long the worker's job takes to bind what is there into the chain."""
    engine = make_engine(url)
    start = perf_counter()
    jobs.seal_audit(make_session_factory(engine), SystemClock().now())
    seconds = perf_counter() - start
    engine.dispose()
    return seconds


def compare(databases: Databases, kind: str) -> Iterator[str]:
    """Yield the lines about writes and reads on one kind of database."""
    with databases.migrated(kind) as url, contextlib.ExitStack() as stack:
        phone = enrolled(url)
        app = create_app(settings_for(url))
        with app.app_context():
            stack.callback(db.engine.dispose)
        write, read = writing(app, phone), reading(app, phone)
        seconds_of(write, "201", count=AT_ONCE)  # statements are prepared by then
        seconds_to_seal(url)
        ours, bare = seconds_of(lambda number: write(number + 2 * AT_ONCE), "201", count=WRITES)
        sealing = seconds_to_seal(url) / WRITES
        told = f"{ours * 1e3:.2f} ms, {bare * 1e3:.2f} without; {sealing * 1e3:.3f} ms more to seal it, by the worker"
        yield f"audit_writes_{kind}: ratio {ours / bare:.2f} ({told})"
        ours, bare = seconds_of(read, "200", count=READS)
        yield f"audit_reads_{kind}: ratio {ours / bare:.2f} ({ours * 1e3:.2f} ms, {bare * 1e3:.2f} without)"


def print_lines(compare_on: Callable[[Databases, str], Iterator[str]]) -> None:
    """Print the lines about each kind of database."""
    leave_nothing_behind()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        log_into(stack.enter_context(Path(os.devnull).open("w", encoding="utf-8")))
        databases = Databases(Path(folder), stack, durable=True)
        for kind in KINDS:
            for line in compare_on(databases, kind):
                print(line, flush=True)


if __name__ == "__main__":
    print_lines(compare)
