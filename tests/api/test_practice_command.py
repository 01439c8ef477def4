"""`flask practice set`: the clinic's settings from a terminal, by the API's rules."""

from pathlib import Path

import pytest
import tomli_w
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy.orm import Session

from models import AuditEntry, Practice
from models.audit import ActorKind, AuditAction
from service.api.examples_practice import WORK_TABLE
from tests.api.conftest import Clinic, Look


@pytest.fixture
def commands(app: Flask) -> FlaskCliRunner:
    """Return a way to run the application's commands."""
    return app.test_cli_runner()


def test_what_is_set_is_stored_printed_and_told(
    commands: FlaskCliRunner, clinic: Clinic, look: Look, tmp_path: Path
) -> None:
    table = tmp_path / "levels.toml"
    table.write_text(tomli_w.dumps(WORK_TABLE), encoding="utf-8")

    result = commands.invoke(args=[
        "practice", "set", "--holiday-calendar", "US-NY", "--closed-on", "2026-12-24", "--closed-on", "2026-11-27",
        "--opioid-free-hours", "48", "--workers-comp-percent", "150", "--work-table", str(table),
    ])  # fmt: skip

    (row,) = look(Practice, id=clinic.id)
    (entry,) = look(AuditEntry, practice_id=clinic.id)
    assert result.exit_code == 0
    assert (row.holiday_calendar, row.closed_on) == ("US-NY", ["2026-11-27", "2026-12-24"])
    assert (row.opioid_free_hours, row.workers_comp_percent, row.work_table) == (48, 150, WORK_TABLE)
    assert result.stdout.splitlines() == [
        "closed_on: 2026-11-27, 2026-12-24",
        "holiday_calendar: US-NY",
        "opioid_free_hours: 48",
        "workers_comp_percent: 150",
        "work_table: its own",
    ]
    assert result.stderr == "2 open plans still stand as before: flask rebuild-plans\n"
    assert (entry.actor_kind, entry.action, entry.route) == (ActorKind.command, AuditAction.write, "flask practice set")


def test_none_unsets_and_what_is_not_named_stays(
    commands: FlaskCliRunner, session: Session, clinic: Clinic, look: Look
) -> None:
    clinic.practice.holiday_calendar, clinic.practice.closed_on = "US", ["2026-12-24"]
    clinic.practice.opioid_free_hours, clinic.practice.work_table = 24, WORK_TABLE
    session.commit()

    commands.invoke(args=["practice", "set", "--holiday-calendar", "none", "--no-closed-days", "--work-table", "none"])

    (row,) = look(Practice, id=clinic.id)
    assert (row.holiday_calendar, row.closed_on, row.work_table, row.opioid_free_hours) == (None, [], None, 24)


def test_without_a_change_the_settings_are_printed_and_nothing_is_recorded(
    commands: FlaskCliRunner, clinic: Clinic, look: Look
) -> None:
    result = commands.invoke(args=["practice", "set"])

    assert result.stdout.splitlines()[:2] == ["closed_on: none", "holiday_calendar: none"]
    assert look(AuditEntry, practice_id=clinic.id) == []


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--holiday-calendar", "US-XX"], "/holiday_calendar: expected US alone, or with one of its regions"),
        (["--opioid-free-hours", "0"], "Expected --opioid-free-hours from 1 to 720, or none."),
        (["--opioid-free-hours", "many"], "Expected --opioid-free-hours from 1 to 720, or none."),
        (["--workers-comp-percent", "99"], "99 is not in the range"),
        (["--closed-on", "2026-02-30"], "does not match the format"),
        (["--work-table", "/nowhere.toml"], "Expected --work-table with a readable TOML file."),
        (["--practice", "nowhere"], "Expected --practice with the slug of a practice"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_one_line(
    commands: FlaskCliRunner, clinic: Clinic, options: list[str], expected: str
) -> None:
    result = commands.invoke(args=["practice", "set", *options])

    assert result.exit_code != 0
    assert expected in result.stderr
    assert "Traceback" not in result.output
