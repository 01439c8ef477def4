"""The application as a whole: health, an old schema, an unreachable database, and what the log tells."""

import io
import json
import logging
from collections.abc import Iterator
from inspect import iscoroutinefunction, unwrap
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from service.api.problems import CONTENT_TYPE
from service.app import create_app
from service.db import StaleSchemaError, db
from service.logs import JsonFormatter
from tests.api.conftest import Caller, Clinic
from tests.clock import FixedClock
from tests.database import settings_for


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Yield what the service logs from now on."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
    yield text
    logging.getLogger().removeHandler(handler)


def test_health_needs_no_token(anonymous: Caller) -> None:
    answer = anonymous.get("/health")

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_the_service_refuses_to_start_on_an_old_schema(empty_database_url: str, clock: FixedClock) -> None:
    with pytest.raises(StaleSchemaError, match="flask --app wsgi migrate"):
        create_app(settings_for(empty_database_url), clock)


@pytest.mark.postgresql_only
def test_an_unreachable_database_answers_503_while_docs_still_answer(clock: FixedClock) -> None:
    nowhere = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
    caller = Caller(create_app(settings_for(nowhere), clock).test_client(), "some-token")

    answers = [caller.get(path) for path in ("/health", "/patients", "/docs", "/openapi.json")]

    assert [answer.status_code for answer in answers] == [503, 503, 200, 200]
    assert all("Retry-After" in answer.headers for answer in answers[:2])


@pytest.mark.sqlite_only
def test_the_log_tells_route_and_status_and_no_path(coordinator: Caller, clinic: Clinic, log: io.StringIO) -> None:
    coordinator.get(f"/patients/{clinic.patient.id}")
    coordinator.get("/patients/Zyzzyva?mrn=Zyzzyva")
    coordinator.amend(f"/patients/{clinic.patient.id}", {"given_name": "Zyzzyva", "email": "zyzzyva"})

    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert lines[0]["route"] == "GET /api/v1/patients/{patient_id}"
    assert (lines[0]["event"], lines[0]["status"]) == ("request", 200)
    assert "zyzzyva" not in log.getvalue().lower()
    assert clinic.patient.id not in log.getvalue()


@pytest.mark.sqlite_only
def test_a_healthy_answer_to_a_monitor_is_not_logged(anonymous: Caller, log: io.StringIO) -> None:
    anonymous.get("/health")
    anonymous.get("/patients")

    assert [json.loads(line)["status"] for line in log.getvalue().splitlines()] == [401]


@pytest.mark.sqlite_only
def test_a_fault_answers_500_without_its_words_and_logs_its_class(
    coordinator: Caller, clinic: Clinic, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schedules.plan.course.NEXT_COUNT", "Zyzzyva")

    answer = coordinator.get(f"/episodes/{clinic.episode.id}/plan")

    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert "zyzzyva" not in (answer.get_data(as_text=True) + log.getvalue()).lower()
    assert any(json.loads(line).get("exception") == "TypeError" for line in log.getvalue().splitlines())


@pytest.mark.sqlite_only
def test_other_libraries_messages_are_left_out_of_the_log(log: io.StringIO) -> None:
    logging.getLogger("somebody.else").warning("Zyzzyva called %s", "+12125550100")

    (line,) = log.getvalue().splitlines()
    assert json.loads(line).keys() == {"at", "level", "logger"}


def wait_briefly(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the application's connections give up on a locked database after 50 ms."""
    monkeypatch.setattr("models.engine.BUSY_TIMEOUT_MS", 50)
    with app.app_context():
        db.engine.dispose()


@pytest.mark.sqlite_only
def test_a_locked_database_answers_503_and_when_to_try_again(
    app: Flask, coordinator: Caller, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_briefly(app, monkeypatch)

    with engine.begin():
        answer = coordinator.post("/enrolments", {"patient_id": "k7Qm2pXcV9sLwRtA"})

    assert (answer.status_code, answer.content_type) == (503, CONTENT_TYPE)
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.sqlite_only
def test_a_read_whose_audit_entry_cannot_be_stored_shows_nothing(
    app: Flask, coordinator: Caller, clinic: Clinic, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_briefly(app, monkeypatch)

    with engine.begin():
        answer = coordinator.get(f"/patients/{clinic.patient.id}")

    assert answer.status_code == 503
    assert clinic.patient.mrn not in answer.get_data(as_text=True)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(("method", "begin"), [("GET", "BEGIN"), ("HEAD", "BEGIN"), ("PATCH", "BEGIN IMMEDIATE")])
def test_a_change_takes_the_write_lock_before_the_sign_in_and_a_read_does_not(
    app: Flask, coordinator: Caller, clinic: Clinic, method: str, begin: str
) -> None:
    statements: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))

    coordinator.call(method, f"/patients/{clinic.patient.id}", json={} if method == "PATCH" else None)

    ours = [each for each in statements if "alembic" not in each]
    first_look = next(index for index, each in enumerate(ours) if "token_hash" in each)
    assert ours[first_look - 1] == begin


@pytest.mark.sqlite_only
def test_nothing_that_flask_calls_is_a_coroutine(app: Flask) -> None:
    hooks = (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs)
    called: list[Any] = [*app.view_functions.values(), *app.teardown_appcontext_funcs]
    called += [each for of_hook in hooks for of_blueprint in of_hook.values() for each in of_blueprint]

    coroutines = [each.__name__ for each in called if iscoroutinefunction(unwrap(each))]

    assert coroutines == []
