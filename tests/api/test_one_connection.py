"""Two practices take turns on one connection, and some requests break in the middle: none sees the other's rows."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session

from config import Settings
from models.engine import engine_options
from service.app import create_app
from service.db import db
from tests.api.conftest import API, Caller, Clinic, as_staff
from tests.clock import FixedClock

REQUESTS = 200
BREAKS_EVERY = 17  # statements
STATE = "SELECT current_setting('app.practice', true), (SELECT count(*) FROM patient), (SELECT count(*) FROM token)"


class BrokenOffError(Exception):
    """Something went wrong in the middle of a request."""


@pytest.fixture
def narrow_app(settings: Settings, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """Yield the application with one connection, for which requests wait."""
    options = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 60}
    monkeypatch.setattr("service.db.CONNECTIONS", 1)
    monkeypatch.setattr("service.db.POOLED", 1)
    monkeypatch.setattr("service.db.engine_options", lambda url: engine_options(url) | options)
    app = create_app(settings, clock)
    yield app
    with app.app_context():
        db.engine.dispose()


def breaking(numbers: Iterator[int]) -> Callable[..., None]:
    def break_off(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        # Until the caller is known there is nothing to break off in the middle of.
        if "patient" in statement and next(numbers) % BREAKS_EVERY == 0:
            raise BrokenOffError

    return break_off


@pytest.mark.postgresql_only
def test_two_hundred_requests_of_two_practices_on_one_connection_see_their_own_rows(
    narrow_app: Flask, session: Session, clinic: Clinic, foreign_clinic: Clinic
) -> None:
    clinics = (clinic, foreign_clinic)
    callers = [as_staff(narrow_app, session, each.coordinator) for each in clinics]
    own = [{each.patient.id, each.other_patient.id} for each in clinics]
    named = iter(count(1))
    with narrow_app.app_context():
        engine = db.engine
    break_off = breaking(named)

    def ask(number: int) -> tuple[int, set[str]]:
        which = number % 2
        answer = look(callers[which], clinics[which], number)
        return answer.status_code, seen_in(answer) - own[which]

    event.listen(engine, "before_cursor_execute", break_off)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(REQUESTS)))
    event.remove(engine, "before_cursor_execute", break_off)

    assert [strangers for _, strangers in answers if strangers] == []
    statuses = [status for status, _ in answers]
    assert 0 < statuses.count(500) < REQUESTS / 2
    assert set(statuses) == {200, 500}
    with engine.connect() as connection:
        assert connection.execute(text(STATE)).one() == ("", 0, 0)


def look(caller: Caller, clinic: Clinic, number: int) -> Any:
    if number % 4 < 2:
        return caller.get("/patients")
    address = f"{API}/patients/{clinic.patient.id}"
    assert caller.token is not None
    return caller.client.application.test_client().get(address, headers={"Authorization": f"Bearer {caller.token}"})


def seen_in(answer: Any) -> set[str]:
    if answer.status_code != 200:
        return set()
    rows = answer.json.get("items", [answer.json])
    return {row["id"] for row in rows}
