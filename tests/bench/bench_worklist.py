"""The worklist of a clinic with 20,000 patients and 2,000 open alerts: beside the bare work, and as patients grow.

Run with `.venv/bin/python -m tests.bench.bench_worklist`. The whole application answers in this process, as to
the browser in which a coordinator is signed in. The bare work is the page's own statements, sent by the driver and read
to the end, and its templates, filled with the same values. The patients are copies of one with a plan and reports.
"""

import contextlib
import gc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from time import perf_counter, process_time
from typing import Any

import pytest
from flask import Flask, render_template
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from models import Alert, CheckIn, Episode, Milestone, Patient, Surgery
from models.care import Reporter
from models.engine import make_engine, make_session_factory
from schedules.plan.vocabulary import AlertKind, AlertState, AlertUrgency, EpisodeStatus
from schedules.planning import plan_episode
from service.app import create_app
from service.dashboard import render
from service.db import db
from service.identity.sessions import start_session
from tests import builders
from tests.bench.bench_audit import print_lines
from tests.bench.stored import copy_patient, settle
from tests.database import Databases, owner_url_of, settings_for

FEW, MANY, ALERTS = 2_000, 20_000, 2_000
ROUNDS = 15
Clock = Callable[[], float]
COPIED = (Patient, Episode, Surgery, Milestone, CheckIn)  # what the page reads of every patient


def store(url: str, *, patients: int, alerts: int, finished: int = 0) -> str:
    """Store a clinic with so many patients in recovery, `alerts` of them with an open alert, and so many finished.

    Return the secret of a coordinator's session.
    """
    now = datetime.now(UTC)
    engine = make_engine(owner_url_of(url), unhurried=True)
    with make_session_factory(engine)() as session:
        episode, secret = _store_one(session, now)
        session.commit()  # a plan's rows are stored by then, and can be copied
        key = {"practice_id": episode.practice_id, "patient_id": episode.patient_id}
        connection = session.connection()
        copy_patient(connection, key, finished, {}, "-finished", models=COPIED)
        ended = {"is": EpisodeStatus.closed.value, "like": "%-finished%"}
        connection.execute(text("UPDATE episode SET status = :is, rev = rev + 1 WHERE id LIKE :like"), ended)
        copy_patient(connection, key, patients - alerts, {}, "-well", models=COPIED)
        _add_alert(session, episode, now)
        copy_patient(connection, key, alerts - 1, {}, "-alert", models=(*COPIED, Alert))
        connection.execute(text("ANALYZE"))  # else foreign keys are looked up as if the tables had a row each
        session.commit()
    settle(engine)
    engine.dispose()
    return secret


def _store_one(session: Session, now: datetime) -> tuple[Episode, str]:
    """Store a patient ten days after surgery who reports every other day, and a coordinator who signed in."""
    practice = builders.practice(session)
    casey = builders.staff(session, practice)
    episode = builders.episode(session, builders.patient(session, practice), coordinator_id=casey.id)
    on = now.date() - timedelta(days=10)
    builders.surgery(session, episode, surgery_on=on)
    plan_episode(session, practice.id, episode.id, now - timedelta(days=10))
    for number in range(0, 10, 2):
        row = CheckIn(practice_id=practice.id, id=f"check-in-{number}", patient_id=episode.patient_id)
        session.add(row)
        row.episode_id, row.pain, row.reported_by = episode.id, 4, Reporter.patient
        row.reported_at = row.received_at = now - timedelta(days=number)
    session.flush()
    life = timedelta(hours=12)
    return episode, start_session(session, practice.id, casey.id, life=life, label="Firefox", now=now).secret


def _add_alert(session: Session, episode: Episode, now: datetime) -> None:
    alert = Alert(practice_id=episode.practice_id, id="alert", patient_id=episode.patient_id, episode_id=episode.id)
    alert.raised_at, alert.about = now - timedelta(hours=1), {"red_flag": "calf"}
    alert.kind, alert.urgency, alert.state = AlertKind.red_flag, AlertUrgency.same_day, AlertState.open
    session.add(alert)
    session.flush()


class Page:
    """The worklist as a browser gets it, and the bare work of the same answer."""

    def __init__(self, app: Flask, secret: str, clock: Clock) -> None:
        self._app, self._client, self.clock = app, app.test_client(), clock
        self._client.set_cookie("clinic", secret)
        self._said: list[tuple[str, Any]] = []
        self.filling = 0.0  # seconds of the templates

    def show(self) -> None:
        """Ask for the page."""
        answer = self._client.get("/clinic/")
        assert answer.status_code == 200, f"expected 200, got {answer.status_code}"

    def listen(self) -> None:
        """Ask once, keep what the page asks of the database, and measure its templates while their values live."""
        with self._app.app_context(), pytest.MonkeyPatch.context() as patch:
            engine = db.engine
            patch.setattr(render, "render_template", self._fill)
            event.listen(engine, "before_cursor_execute", self._hear)
            self.show()
            event.remove(engine, "before_cursor_execute", self._hear)

    def _hear(self, _connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH", "SET")):
            self._said.append((statement, parameters))

    def _fill(self, template: str, **told: Any) -> str:
        [self.filling] = medians_of(self.clock, partial(render_template, template, **told))
        return render_template(template, **told)

    def ask(self) -> None:
        """Send the page's statements by the driver."""
        with self._app.app_context(), db.engine.connect() as connection:
            cursor = connection.connection.cursor()
            for statement, parameters in self._said:
                cursor.execute(statement, parameters)
                if cursor.description is not None:
                    cursor.fetchall()
            connection.rollback()


def medians_of(clock: Clock, *works: Callable[[], object]) -> list[float]:
    """Return the median seconds of each, in rounds in which all take turns."""
    seen: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for each, work in zip(seen, works, strict=True):
            start = clock()
            work()
            each.append(clock() - start)
    return [median(each) for each in seen]


def compare(databases: Databases, kind: str) -> Iterator[str]:
    """Yield the lines about one kind of database."""
    with contextlib.ExitStack() as stack:
        sizes = {
            "few": {"patients": FEW, "alerts": ALERTS},
            "many": {"patients": FEW, "alerts": ALERTS, "finished": MANY - FEW},
            "all_open": {"patients": MANY, "alerts": ALERTS},
        }
        pages = {name: _page_of(stack, databases, kind, **size) for name, size in sizes.items()}
        gc.collect()
        gc.freeze()  # as the web process does
        clock = _clock_of(kind)
        few, many, all_open = medians_of(clock, *(page.show for page in pages.values()))
        told = f"{few * 1e3:.0f} ms of {FEW} patients, {many * 1e3:.0f} of {MANY}"
        yield f"worklist_growth_{kind}: ratio {many / few:.2f} ({told})"
        yield f"worklist_open_{kind}: ratio {all_open / few:.2f} ({all_open * 1e3:.0f} ms with all of them in recovery)"
        for name, page in pages.items():
            page.listen()
            ours, asking = medians_of(clock, page.show, page.ask)
            bare = asking + page.filling
            told = f"{ours * 1e3:.0f} ms; {asking * 1e3:.0f} of statements, {page.filling * 1e3:.0f} of templates"
            yield f"worklist_{name}_{kind}: ratio {ours / bare:.2f} ({told})"


def _clock_of(kind: str) -> Clock:
    """Return the time of the processor on SQLite. PostgreSQL's work is in no process time of ours."""
    return process_time if kind == "sqlite" else perf_counter


def _page_of(stack: contextlib.ExitStack, databases: Databases, kind: str, **size: int) -> Page:
    url = stack.enter_context(databases.migrated(kind))
    secret = store(url, **size)
    app = create_app(settings_for(url))
    with app.app_context():
        stack.callback(db.engine.dispose)
    page = Page(app, secret, _clock_of(kind))
    page.show()
    return page


if __name__ == "__main__":
    print_lines(compare)
