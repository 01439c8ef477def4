"""How often a caller may ask: one count for all processes, in memory where none is shared or the shared one is away."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask, Request
from sqlalchemy import event
from sqlalchemy.orm import Session
from werkzeug.test import EnvironBuilder

from config import ConfigError, Settings
from schedules.clock import SystemClock
from service.app import create_app
from service.db import db
from service.errors import TooOftenError
from service.rate_limits import OwnCounts, RateLimits, client_address
from tests.api.conftest import API, Caller, Clinic, as_patient, as_staff
from tests.clock import FixedClock
from tests.worker.brokers import redis_broker

HERE, ELSEWHERE = {"REMOTE_ADDR": "203.0.113.7"}, {"REMOTE_ADDR": "198.51.100.1"}


@pytest.fixture
def strict(settings: Settings, clock: FixedClock) -> Iterator[Flask]:
    """Yield the application with three requests a minute for a token, five for an address."""
    app = create_app(replace(settings, requests_a_minute=3, requests_a_minute_of_an_address=5), clock)
    yield app
    with app.app_context():
        db.engine.dispose()


@contextlib.contextmanager
def counted(app: Flask) -> Iterator[list[str]]:
    """Yield the statements that are sent to the database meanwhile."""
    statements: list[str] = []

    def note(*told: object) -> None:
        statements.append(str(told[2]))

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
        yield statements
        event.remove(db.engine, "before_cursor_execute", note)


def admitted(limits: RateLimits, who: str, tries: int) -> int:
    """Return how many of so many requests of a token are let through."""
    passed = 0
    for _ in range(tries):
        with contextlib.suppress(TooOftenError):
            limits.spend(limits.per_token, who)
            passed += 1
    return passed


@pytest.mark.sqlite_only
def test_one_token_waits_and_another_behind_the_same_address_does_not(
    strict: Flask, session: Session, clinic: Clinic
) -> None:
    phone, other = as_patient(strict, session, clinic.patient), as_staff(strict, session, clinic.coordinator)
    path = f"/patients/{clinic.patient.id}"

    statuses = [phone.get(path, environ_base=HERE).status_code for _ in range(3)]
    with counted(strict) as statements:
        refusal = phone.get(path, environ_base=HERE)

    assert statuses == [200, 200, 200]
    assert (refusal.status_code, refusal.json["code"], refusal.headers["Retry-After"]) == (429, "too_often", "60")
    assert statements == []
    assert other.get(path, environ_base=HERE).status_code == 200


@pytest.mark.sqlite_only
def test_an_address_that_takes_a_new_token_for_each_request_waits_too(strict: Flask) -> None:
    def ask(number: int, environ: dict[str, str]) -> int:
        answer = Caller(strict.test_client(), f"guess-{number}").get("/patients", environ_base=environ)
        return int(answer.status_code)

    assert [ask(number, HERE) for number in range(7)] == [401] * 5 + [429] * 2
    assert ask(8, ELSEWHERE) == 401


@pytest.mark.sqlite_only
@pytest.mark.parametrize("path", ["/patients/%61", "/PATIENTS", "//patients", "/patients?limit=1", "/nothing"])
def test_no_other_spelling_of_a_path_gives_more(strict: Flask, path: str) -> None:
    client = strict.test_client()
    told = {"X-Forwarded-For": "192.0.2.1"}
    for number in range(5):
        client.get(f"{API}/patients", headers={"Authorization": f"Bearer guess-{number}"}, environ_base=HERE)

    spelt = client.get(API + path, headers=told, environ_base=HERE)

    assert spelt.status_code in (404, 429)


@pytest.mark.sqlite_only
def test_the_health_page_is_never_limited(strict: Flask) -> None:
    client = strict.test_client()

    assert {client.get("/health", environ_base=HERE).status_code for _ in range(8)} == {200}


@pytest.mark.sqlite_only
def test_a_minute_after_the_first_request_the_count_begins_anew(settings: Settings) -> None:
    clock = FixedClock()
    limits = RateLimits(replace(settings, requests_a_minute=3), clock)
    clock.advance(timedelta(seconds=10))
    admitted(limits, "a", 1)
    clock.advance(timedelta(seconds=59))

    just_before = admitted(limits, "a", 3)
    clock.advance(timedelta(seconds=1))

    assert just_before == 2
    assert admitted(limits, "a", 4) == 3


@pytest.mark.sqlite_only
def test_one_limit_is_not_spent_for_another(settings: Settings) -> None:
    limits = RateLimits(replace(settings, requests_a_minute=1), FixedClock())
    limits.spend(limits.per_address, "a", cost=100)

    assert admitted(limits, "a", 2) == 1


@pytest.mark.sqlite_only
def test_what_is_counted_no_longer_is_not_kept(settings: Settings) -> None:
    clock = FixedClock()
    counts, limit = OwnCounts(clock), RateLimits(settings, clock).per_token
    for number in range(1_000):
        counts.hit(limit, f"guess-{number}")
    clock.advance(timedelta(seconds=30))
    counts.hit(limit, "later")

    clock.advance(timedelta(seconds=30))
    counts.hit(limit, "a")

    assert len(counts) == 2


@pytest.mark.sqlite_only
def test_counting_starts_no_thread(settings: Settings) -> None:
    threads = set(threading.enumerate())
    limits = RateLimits(settings, FixedClock())

    admitted(limits, "a", 50)

    assert set(threading.enumerate()) <= threads


def test_two_processes_with_one_redis_count_together(settings: Settings, tmp_path: Path) -> None:
    with redis_broker(tmp_path) as redis:
        shared = replace(settings, requests_a_minute=5, rate_limit_store=redis.url)
        processes = [RateLimits(shared, SystemClock()) for _ in range(2)]

        passed = [admitted(each, "a", 4) for each in processes]

        assert passed == [4, 1]
        assert admitted(processes[0], "b", 1) == 1


def test_a_redis_that_is_away_costs_one_wait_and_each_process_counts_for_itself(settings: Settings) -> None:
    clock = FixedClock()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        limits = RateLimits(replace(settings, requests_a_minute=2, rate_limit_store=url), clock)

        passed = admitted(limits, "a", 5)
        silent.setblocking(False)
        connections = _waiting(silent)

    assert passed == 2
    assert connections == 1


def _waiting(silent: socket.socket) -> int:
    """Return how many connections wait at a socket that accepts none."""
    number = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            silent.accept()[0].close()
            number += 1
    return number


@pytest.mark.parametrize("url", ["http://127.0.0.1", "amqp://guest@127.0.0.1//", "redis://a b"])
def test_the_store_must_be_a_redis(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Settings.from_env({"RATE_LIMIT_STORE": url})

    told = next(line for line in refused.value.problems if line.startswith("RATE_LIMIT_STORE"))
    assert url not in told
    assert "redis://HOST/1" in told


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9, nonsense", "127.0.0.1"),
        ("::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "", "198.51.100.7"),
        (None, "203.0.113.9", "203.0.113.9"),
    ],
)
def test_only_a_proxy_on_this_machine_is_believed_and_only_its_own_word(
    peer: str | None, forwarded: str, address: str
) -> None:
    environ = EnvironBuilder(headers=[("X-Forwarded-For", forwarded)]).get_environ()
    if peer is not None:
        environ["REMOTE_ADDR"] = peer

    assert client_address(Request(environ)) == address
