"""Commands whose way is barred by the machine, or by what they were given: one line says by what, never a traceback."""

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from models.data_keys import SealError
from service.cli.in_one_line import tell_in_one_line

ROOT = Path(__file__).parents[2]
DEMO = ("practice", "create", "--slug", "demo", "--name", "Demo", "--country", "US")

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def commands(app: Flask) -> FlaskCliRunner:
    """Return a way to run the application's commands."""
    return app.test_cli_runner()


def run(error: Exception) -> tuple[int, str, BaseException | None]:
    """Return how a command below a group ends that meets `error`: exit code, what it said, what came through."""
    group = click.Group("group")

    @group.command("meet")
    def meet() -> None:
        raise error

    tell_in_one_line(group)
    result = CliRunner().invoke(group, ["meet"])
    return result.exit_code, result.output, result.exception


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x/out"), "No space left on device: /x/out"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (OperationalError("SELECT 1", {}, sqlite3.OperationalError("no answer\nHINT")), "cannot be used: no answer"),
        (DatabaseError("SELECT 1", {}, sqlite3.DatabaseError("file is not a database")), "file is not a database"),
        (SealError("expected the key, got another"), "got another. Is SEAL_KEY the key of this database?"),
    ],
)
def test_what_the_machine_refuses_is_told_in_one_line(error: Exception, said: str) -> None:
    code, output, _ = run(error)

    assert code == 1
    assert output.startswith("Error: ")
    assert output.endswith(f"{said}\n")
    assert output.count("\n") == 1


@pytest.mark.parametrize("error", [IntegrityError("INSERT", {}, sqlite3.IntegrityError("x")), ValueError("x")])
def test_a_fault_of_the_program_is_not_taken_for_one_of_the_machine(error: Exception) -> None:
    _, output, came = run(error)

    assert came is error
    assert not output


@pytest.mark.parametrize(
    "arguments",
    [
        ("simulate", "tlif", "--date", "2026-03-02", "--beside", "--svg", "{folder}/none/out.svg"),
        ("audit", "export", "{folder}/none/trail"),
        ("export", "{folder}/none/tables", "--practice", "demo"),
        ("privacy", "reapply", "--ledger", "{folder}/none"),
        ("audit", "export", "{folder}/trail", "--since", "2027-01-01", "--until", "2026-01-01"),
    ],
)
def test_a_command_says_which_file_or_span_it_cannot_use(
    commands: FlaskCliRunner, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    commands.invoke(args=(*DEMO, "--time-zone", "America/New_York", "--phone", "+12125550100"))

    result = commands.invoke(args=[each.format(folder=tmp_path) for each in arguments])

    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1


def test_a_plan_may_begin_on_the_first_day_of_the_calendar(commands: FlaskCliRunner) -> None:
    result = commands.invoke(args=("plan", "lumbar_microdiscectomy", "--class", "miss", "--date", "0001-01-01"))

    assert isinstance(result.exception, SystemExit | None)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("-m", "flask", "--app", "wsgi", "staff", "list"), 1), (("-c", "import wsgi"), 3)],  # 3: gunicorn gives up too
)
def test_settings_that_are_not_valid_are_listed_and_nothing_else_is_said(arguments: tuple[str, ...], code: int) -> None:
    bare = {"PATH": os.environ["PATH"]}

    ended = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=bare, capture_output=True, text=True, check=False
    )

    assert ended.returncode == code
    assert [line.split(":")[0].strip() for line in ended.stderr.splitlines()] == [
        "The settings are not valid",
        "SEAL_KEY",
        "AUDIT_KEY",
    ]


@pytest.mark.parametrize("arguments", [("staff", "list"), ("migrate",)])
def test_a_schema_of_a_later_release_is_told_as_such(
    commands: FlaskCliRunner, engine: Engine, arguments: tuple[str, ...]
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    result = commands.invoke(args=arguments)

    assert result.exit_code == 1
    assert result.stderr.endswith("has the schema 9999, of a later release than this one. Use that release.\n")
