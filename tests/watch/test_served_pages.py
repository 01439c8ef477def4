"""The pages of a worker that really runs: frozen, killed, beside another one on the same port."""

import http.client
import logging
import os
import signal
import socket
from contextlib import closing

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from config import Settings
from models import WorkerHeartbeat
from schedules.clock import SystemClock
from schedules.database_time import read_now
from schedules.pages.keeper import PageKeeper
from tests.database import settings_for
from tests.failpoints import running_worker
from tests.processes import descendants, is_gone, wait_for


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def short(database_url: str) -> Settings:
    return settings_for(database_url, worker_port=free_port(), poll_seconds=0.2, sender_processes=1)


def status_of(settings: Settings, path: str) -> int | None:
    """Return the status of a page; None while nobody answers."""
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", settings.worker_port, timeout=3)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.read()
            return answer.status
    except OSError:
        return None


@pytest.mark.slow
def test_a_frozen_worker_turns_red_and_green_again_and_a_killed_one_leaves_nothing(
    engine: Engine, database_url: str
) -> None:
    settings = short(database_url)

    with running_worker(settings) as worker:
        wait_for(lambda: status_of(settings, "/readyz") == 200, "a worker that is ready")
        assert status_of(settings, "/healthz") == 200

        os.kill(worker.pid, signal.SIGSTOP)
        wait_for(lambda: status_of(settings, "/healthz") == 503, "red")
        wait_for(lambda: status_of(settings, "/readyz") == 503, "red")

        os.kill(worker.pid, signal.SIGCONT)
        wait_for(lambda: status_of(settings, "/healthz") == 200, "green")
        wait_for(lambda: status_of(settings, "/readyz") == 200, "green")

        children = descendants(worker.pid)
        os.kill(worker.pid, signal.SIGKILL)
        wait_for(lambda: all(is_gone(pid) for pid in children), "the end of its children")
        assert len(children) == 2
        assert status_of(settings, "/healthz") is None


@pytest.mark.slow
@pytest.mark.sqlite_only
def test_a_second_worker_on_the_same_port_works_without_pages_and_signs_off(
    session: Session, database_url: str
) -> None:
    settings = short(database_url)

    with running_worker(settings) as first:
        wait_for(lambda: status_of(settings, "/readyz") == 200, "the first worker's pages")
        with running_worker(settings) as second:
            wait_for(lambda: len(heartbeats(session)) == 2, "a second heartbeat")
            assert second.terminate() == 0
        assert status_of(settings, "/healthz") == 200
        assert first.terminate() == 0

    assert all(row.stopped_at is not None for row in heartbeats(session))


def heartbeats(session: Session) -> list[WorkerHeartbeat]:
    session.rollback()
    rows = list(session.scalars(select(WorkerHeartbeat)))
    session.rollback()
    return rows


@pytest.mark.sqlite_only
def test_a_port_in_use_is_one_line_in_the_log(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = settings_for(database_url, worker_port=int(taken.getsockname()[1]))

        keeper = PageKeeper(settings, SystemClock(), read_now, before_fork=lambda: None)
        keeper.tend()
        keeper.stop()

    (line,) = caplog.records
    assert (line.levelno, "cannot be had" in line.getMessage()) == (logging.WARNING, True)
