"""The tests' own databases: a run that is killed leaves nothing that the next one does not clear away."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from tests.needs import need
from tests.postgres import DATABASE_PREFIX, postgres_server, server_programs
from tests.processes import descendants, is_gone, wait_for

KILLED_WITH_A_DATABASE = """
from tests.postgres import postgres_server
with postgres_server() as server:
    print(server.create_database(), flush=True)
    input()
"""


def start_run_to_kill(**environment: str) -> "subprocess.Popen[str]":
    """Start a process that makes a database, prints its URL and waits."""
    given = {key: value for key, value in os.environ.items() if key != "TEST_DATABASE_URL"} | environment
    command = [sys.executable, "-c", KILLED_WITH_A_DATABASE]
    return subprocess.Popen(command, env=given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def database_names(url: str) -> set[str]:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        rows = connection.execute("SELECT datname FROM pg_database").fetchall()
    return {str(row[0]) for row in rows if str(row[0]).startswith(DATABASE_PREFIX)}


@pytest.mark.postgresql_only
def test_the_next_run_drops_the_databases_of_a_killed_one_and_no_other(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", empty_database_url)
    with start_run_to_kill(TEST_DATABASE_URL=empty_database_url) as run:
        assert run.stdout
        abandoned = make_url(run.stdout.readline().strip()).database
        run.kill()
    before = database_names(empty_database_url)

    with postgres_server():
        after = database_names(empty_database_url)

    assert abandoned in before
    assert after == before - {abandoned}


def test_a_server_of_our_own_dies_with_a_killed_run_and_its_files_go_with_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not server_programs():
        need("PostgreSQL", package="postgresql", why="its programs are not installed")
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    with start_run_to_kill() as run:
        assert run.stdout
        home = Path(str(make_url(run.stdout.readline().strip()).query["host"]))
        servers = descendants(run.pid)
        run.kill()

    wait_for(lambda: all(is_gone(pid) for pid in servers), "the end of the server")
    assert servers
    assert home.exists()
    with postgres_server():
        assert not home.exists()
