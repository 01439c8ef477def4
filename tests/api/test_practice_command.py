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

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


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
        "own_caseload_only: no",
        "records_kept_years: none",
        "webhook_url: none",
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
        (["--webhook-url", "https://portal.example.org/in"], "/webhook_url: expected"),
        (
            ["--webhook-url", f"https://1.1.1.1/{'a' * 2000}"],
            "Expected --webhook-url of up to 1000 characters, or none.",
        ),
        (["--webhook-url", "https://1.1.1.1/in"], "/webhook_secret: expected a secret together with webhook_url"),
        (["--webhook-url", "https://127.0.0.1/in"], "/webhook_url: expected"),
        (["--webhook-secret-file", "/nowhere"], "Expected --webhook-secret-file with a readable file."),
        (["--webhook-secret-file", __file__], "Expected a webhook secret: whsec_ and 24 to 64 bytes in base64."),
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


@pytest.mark.sqlite_only
def test_a_clinics_own_system_is_named_with_a_secret_that_no_history_of_commands_has(
    commands: FlaskCliRunner, clinic: Clinic, look: Look, tmp_path: Path
) -> None:
    secret_file = tmp_path / "secret"
    secret_file.write_text(f"{SECRET}\n", encoding="utf-8")
    address = "https://1.1.1.1/messages"

    named = commands.invoke(
        args=["practice", "set", "--webhook-url", address, "--webhook-secret-file", str(secret_file)]
    )
    (from_file,) = look(Practice, id=clinic.id)
    asked = commands.invoke(args=["practice", "set", "--ask-webhook-secret"], input=f"{OTHER_SECRET}\n")
    (from_terminal,) = look(Practice, id=clinic.id)
    ended = commands.invoke(args=["practice", "set", "--webhook-url", "none"])
    (without,) = look(Practice, id=clinic.id)

    assert (named.exit_code, asked.exit_code, ended.exit_code) == (0, 0, 0)
    assert (from_file.webhook_url, from_file.webhook_secret) == (address, SECRET)
    assert (from_terminal.webhook_url, from_terminal.webhook_secret) == (address, OTHER_SECRET)
    assert (without.webhook_url, without.webhook_secret) == (None, None)
    assert f"webhook_url: {address}" in named.stdout.splitlines()
    assert not any(secret in each.output for secret in (SECRET, OTHER_SECRET) for each in (named, asked, ended))
    assert [row.about for row in look(AuditEntry, practice_id=clinic.id)] == [
        {"changed": ["webhook_url", "webhook_secret"]},
        {"changed": ["webhook_secret"]},
        {"changed": ["webhook_url", "webhook_secret"]},
    ]
