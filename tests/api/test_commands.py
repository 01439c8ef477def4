"""The commands that make a clinic, its staff and their tokens."""

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import Engine, select

from models import AuditEntry, Practice, SafetyCard, Staff
from models.audit import AuditAction
from models.engine import begin_reads, make_session_factory
from tests.api.conftest import Caller

PRACTICE = ("practice", "create", "--slug", "hudson", "--name", "Hudson Spine", "--country", "US")
PLACE = ("--time-zone", "America/New_York", "--phone", "+12125550100")
STAFF = ("staff", "create", "--email", "casey@example.org", "--name", "Casey Rivera", "--role", "coordinator")
TOKEN = ("token", "create", "--practice", "hudson", "--staff", "Casey@Example.org")


@pytest.fixture
def commands(app: Flask) -> FlaskCliRunner:
    """Return a way to run the application's commands."""
    return app.test_cli_runner()


def test_a_clinic_its_staff_and_a_token_are_made_from_nothing(
    app: Flask, commands: FlaskCliRunner, engine: Engine
) -> None:
    results = [commands.invoke(args=each) for each in ((*PRACTICE, *PLACE), STAFF, TOKEN)]

    token = results[2].stdout.strip()
    assert [result.exit_code for result in results] == [0, 0, 0]
    assert Caller(app.test_client(), token).get("/patients").json == {"items": [], "next": None}
    assert "not shown again" in results[2].stderr
    with make_session_factory(engine)() as session:
        begin_reads(session)
        practice, staff = session.scalars(select(Practice)).one(), session.scalars(select(Staff)).one()
        entries = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        card = session.get_one(SafetyCard, (practice.id, practice.id))
    assert (card.name, card.phone) == ("Hudson Spine", "+12125550100")
    assert (practice.id, staff.id) == (results[0].stdout.strip(), results[1].stdout.strip())
    assert staff.email == "casey@example.org"
    assert entries == [AuditAction.token, AuditAction.read]


@pytest.mark.parametrize(
    "arguments",
    [
        (*PRACTICE, "--time-zone", "America/New_Yrok", "--phone", "+12125550100"),
        (*PRACTICE, "--time-zone", "America/New_York", "--phone", "555"),
        ("practice", "create", "--slug", "Hudson Spine", "--name", "x", "--country", "US", *PLACE),
        ("practice", "create", "--slug", "hudson", "--name", "x", "--country", "usa", *PLACE),
        STAFF,
        TOKEN,
        (*TOKEN, "--days", "0"),
    ],
)
@pytest.mark.sqlite_only
def test_what_cannot_be_is_refused_with_one_line(commands: FlaskCliRunner, arguments: tuple[str, ...]) -> None:
    result = commands.invoke(args=arguments)

    assert result.exit_code != 0
    assert "Error: " in result.stderr
    assert "Traceback" not in result.output


def test_nothing_is_made_twice(commands: FlaskCliRunner) -> None:
    commands.invoke(args=(*PRACTICE, *PLACE))
    commands.invoke(args=STAFF)

    again = [commands.invoke(args=each) for each in ((*PRACTICE, *PLACE), STAFF)]

    assert [result.exit_code for result in again] == [1, 1]
    assert "casey" not in again[1].output.lower()
