"""`flask simulate`: prints each day of a plan for a made-up patient, and draws classes side by side."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy.orm import Session

from tests.api.conftest import Caller, Clinic
from tests.api.golden_simulation import GOLDEN, GOLDEN_FILE

SVG = "{http://www.w3.org/2000/svg}"
MISS = ("simulate", "tlif", "--class", "miss", "--date", "2026-03-02")


@pytest.fixture
def commands(app: Flask) -> FlaskCliRunner:
    """Return a way to run the application's commands."""
    return app.test_cli_runner()


def ran(commands: FlaskCliRunner, *arguments: str) -> str:
    result = commands.invoke(args=arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.sqlite_only
def test_a_simulation_reads_as_it_was_looked_at(commands: FlaskCliRunner) -> None:
    assert ran(commands, *GOLDEN) == GOLDEN_FILE.read_text(encoding="utf-8")


@pytest.mark.sqlite_only
def test_without_a_date_surgery_is_in_two_weeks_by_the_applications_clock(commands: FlaskCliRunner) -> None:
    told = ran(commands, "simulate", "intracept", "--days", "15")

    assert "Mon 2026-03-02 to Mon 2026-03-16, 15 days" in told
    assert "Mon 2026-03-16  POD 0" in told


@pytest.mark.sqlite_only
def test_messages_name_the_channels_that_are_tried(commands: FlaskCliRunner) -> None:
    wanted = ("simulate", "intracept", "--date", "2026-03-02", "--channel", "push", "--channel", "sms")

    (line, *_) = [line for line in ran(commands, *wanted).splitlines() if line.startswith("  message")]

    assert "UTC, by push, else sms: " in line


@pytest.mark.sqlite_only
def test_who_has_no_channel_is_told_so(coordinator: Caller) -> None:
    body = {
        "stages": [{"procedure": "intracept", "surgery_on": "2026-03-02"}],
        "enrolled_at": "2026-02-16T17:00:00Z",
        "patient": {"channels": []},
    }

    answer = coordinator.post("/simulations", body)

    told = [message for day in answer.json["simulations"][0]["days"] for message in day["messages"]]
    assert told
    assert {tuple(message["channels"]) for message in told} == {()}


@pytest.mark.sqlite_only
def test_every_class_of_a_procedure_side_by_side_is_a_table(commands: FlaskCliRunner) -> None:
    told = ran(commands, "simulate", "tlif", "--beside", "--date", "2026-03-02")

    assert "TLIF-MISS version 1 (draft)" in told
    assert "TLIF-OPEN version 1 (draft)" in told
    (driving,) = [line for line in told.splitlines() if line.startswith("drive ")]
    assert driving.split() == ["drive", "21", "(14", "to", "28)", "B", "35", "(28", "to", "42)", "C", "*"]


@pytest.mark.sqlite_only
def test_a_picture_is_drawn_to_a_file(commands: FlaskCliRunner, tmp_path: Path) -> None:
    file = tmp_path / "plan.svg"

    ran(commands, "simulate", "tlif", "--beside", "--date", "2026-03-02", "--svg", str(file))

    picture = ET.fromstring(file.read_text(encoding="utf-8"))
    assert (picture.tag, picture.get("width")) == (f"{SVG}svg", "1200")


def test_a_clinics_own_settings_are_followed(commands: FlaskCliRunner, session: Session, clinic: Clinic) -> None:
    clinic.practice.closed_on = ["2026-03-23"]
    session.commit()

    told = ran(commands, *MISS, "--practice", clinic.practice.slug)

    assert "drive/ask, 2026-03-24 14:00 UTC" in told
    assert "[closed day, else Mon 2026-03-23 10:00]" in told


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("simulate", "tlif"), "approach_class: expected one of miss, open, got nothing"),
        (("simulate", "backache"), "expected one of lumbar_microdiscectomy"),
        (("simulate", "intracept", "--class", "open"), "approach_class: expected miss, the only choice"),
        (("simulate", "TLIF-MISS@9"), "protocol: expected the id and version of a protocol"),
        (("simulate", "TLIF-MISS@x"), "protocol: expected the id and version of a protocol"),
        (("simulate", "TLIF-MISS@1", "--beside"), "stages: expected a procedure"),
        ((*MISS, "--beside", "--stage", "alif@2026-05-04"), "stages: expected one surgery"),
        ((*MISS, *["--stage", "alif@2026-05-04"] * 4), "stages: expected 1 to 4 surgeries, got 5"),
        ((*MISS, "--stage", "alif"), "expected a surgery such as tlif:open@2026-04-20"),
        ((*MISS, "--stage", "alif@2026-02-30"), "expected a surgery such as tlif:open@2026-04-20"),
        ((*MISS, "--zone", "Mars/Olympus"), "expected an IANA zone"),
        ((*MISS, "--quiet", "21:00"), "expected two different times"),
        ((*MISS, "--quiet", "21:00-21:00"), "expected two different times"),
        ((*MISS, "--holidays", "ZZ"), "holiday_calendar: expected a country"),
        ((*MISS, "--days", "1501"), "1501 is not in the range"),
        ((*MISS, "--practice", "nowhere"), "expected --practice with the slug"),
        ((*MISS[:-1], "0001-01-03"), "date: expected a time in years 1 to 9999"),
        ((*MISS[:-1], "9999-12-30"), "date: expected a time in years 1 to 9999"),
        ((*MISS[:-1], "2026-02-30"), "does not match the format"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_one_line(
    commands: FlaskCliRunner, clinic: Clinic, arguments: tuple[str, ...], expected: str
) -> None:
    result = commands.invoke(args=arguments)

    assert result.exit_code != 0
    assert expected.lower() in result.stderr.lower()
    assert "Traceback" not in result.output


def test_the_picture_in_the_documents_is_what_the_command_draws(commands: FlaskCliRunner, tmp_path: Path) -> None:
    shown = Path(__file__).parents[2] / "docs" / "tlif-beside.svg"
    drawn = tmp_path / "drawn.svg"

    commands.invoke(args=("simulate", "tlif", "--beside", "--date", "2026-03-02", "--svg", str(drawn)))

    again = "flask simulate tlif --beside --date 2026-03-02 --svg docs/tlif-beside.svg draws it anew"
    assert drawn.read_bytes() == shown.read_bytes(), again
