"""`flask on-call`: the rota and people's addresses from a terminal, by the API's rules, each change in the trail."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy.orm import Session

from models import AuditEntry, OnCallShift, SafetyCard, StaffAddress
from models.audit import ActorKind, AuditAction
from schedules.plan.vocabulary import OnCallPlace
from schedules.planning.safety_cards import write_safety_card
from tests import builders
from tests.alerts import on_call, working
from tests.api.conftest import Clinic, Look

Run = Callable[..., Result]
ADDRESS = "night.desk@example.org"


@pytest.fixture
def run(app: Flask) -> Run:
    """Return a way to run `flask on-call`."""

    def invoke(*arguments: str, typed: str | None = None) -> Result:
        return app.test_cli_runner().invoke(args=["on-call", *arguments], input=typed)

    return invoke


def set_shift(email: str, **changes: str) -> list[str]:
    options = {"staff": email, "place": "first", "from": "2026-03-02T08:00", "until": "2026-03-02T20:00"} | changes
    return ["set", "monday", *(word for name, value in options.items() for word in (f"--{name}", value))]


def test_a_shift_is_set_listed_replaced_and_removed_and_phones_hear_of_it(
    run: Run, session: Session, clinic: Clinic, look: Look
) -> None:
    email = str(clinic.clinician.email)
    write_safety_card(session, clinic.practice)
    working(session)

    made = run(*set_shift(email))
    (row,) = look(OnCallShift, practice_id=clinic.id)
    listed = run("list").stdout.splitlines()
    (card,) = look(SafetyCard, practice_id=clinic.id)
    replaced = run(*set_shift(email, place="second"))
    (again,) = look(OnCallShift, practice_id=clinic.id)
    removed, missing = run("remove", "monday"), run("remove", "monday")

    assert [each.exit_code for each in (made, replaced, removed, missing)] == [0, 0, 0, 1]
    assert (row.staff_id, row.place, row.from_on, row.until_at) == (
        clinic.clinician.id, OnCallPlace.first, date(2026, 3, 2), time(20)
    )  # fmt: skip
    assert listed == [
        f"monday  2026-03-02 08:00 - 2026-03-02 20:00  first  {clinic.clinician.id}",
        f"now first: {clinic.clinician.id}",
        "now second: nobody",
        "now fallback: nobody",
        "monitored until 2026-03-03T01:00:00+00:00",
    ]
    assert card.monitored_until == datetime(2026, 3, 3, 1, tzinfo=UTC)
    assert (again.id, again.place) == ("monday", OnCallPlace.second)
    assert missing.stderr == "Error: There is no such thing.\n"
    assert look(OnCallShift, practice_id=clinic.id) == []
    (card,) = look(SafetyCard, practice_id=clinic.id)
    assert card.monitored_until is None
    entries = look(AuditEntry, practice_id=clinic.id, route="flask on-call")
    assert [(each.actor_kind, each.action) for each in entries] == [(ActorKind.command, AuditAction.write)] * 3
    assert not [each for each in entries if email in str(each.about)]


@pytest.mark.sqlite_only
def test_without_a_worker_the_list_says_that_nobody_would_be_told(
    run: Run, session: Session, clinic: Clinic, look: Look
) -> None:
    assert run("list").stdout.splitlines()[-1] == "monitored: no"
    write_safety_card(session, clinic.practice)
    session.commit()
    run(*set_shift(str(clinic.clinician.email)))

    said = run("list").stdout.splitlines()

    assert said[-2:] == ["no worker has reported: nobody would be told", "monitored: no"]
    (card,) = look(SafetyCard, practice_id=clinic.id)
    assert card.monitored_until is None


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"staff": "nobody@example.org"}, "Expected --staff with the address of a member of the clinic's staff."),
        ({"until": "2026-03-02T08:00"}, "/until_on: expected an end after the beginning, got 2026-03-02"),
        ({"until": "2026-05-02T08:00"}, "/until_on: expected at most 31 days, got 2026-05-02"),
        ({"place": "third"}, "Invalid value for '--place'"),
        ({"from": "yesterday"}, "Invalid value for '--from'"),
    ],
)
def test_a_shift_that_cannot_be_is_refused_in_a_line_and_leaves_nothing(
    changes: dict[str, str], told: str, run: Run, clinic: Clinic, look: Look
) -> None:
    result = run(*set_shift(str(clinic.clinician.email), **changes))

    assert result.exit_code != 0
    assert told in result.stderr
    assert (look(OnCallShift, practice_id=clinic.id), look(AuditEntry, practice_id=clinic.id)) == ([], [])


@pytest.mark.sqlite_only
def test_an_address_is_typed_unseen_or_read_from_a_file_and_stands_in_no_output_and_no_trail(
    run: Run, clinic: Clinic, look: Look, tmp_path: Path
) -> None:
    file = tmp_path / "address"
    file.write_text("+12125550188\n", encoding="utf-8")
    who = ("--staff", str(clinic.coordinator.email))

    typed = run("address", *who, "--channel", "email", "--rank", "1", typed=f"{ADDRESS}\n")
    read = run("address", *who, "--channel", "sms", "--file", str(file))
    wrong = run("address", *who, "--channel", "sms", typed="somewhere\n")
    absent = run("address", *who, "--channel", "sms", "--file", str(tmp_path / "none"))

    assert [each.exit_code for each in (typed, read, wrong, absent)] == [0, 0, 1, 1]
    rows = {row.channel.value: row for row in look(StaffAddress, practice_id=clinic.id)}
    assert {name: row.wanted_rank for name, row in rows.items()} == {"email": 1, "sms": 0}
    assert b"night" not in bytes(rows["email"].address_sealed)
    output = "".join(each.output for each in (typed, read, wrong, absent))
    assert not [word for word in (ADDRESS, "5550188", "somewhere") if word in output]
    trail = [str(each.about) for each in look(AuditEntry, practice_id=clinic.id)]
    assert trail == ["{'changed': 'address of email'}", "{'changed': 'address of sms'}"]


@pytest.mark.sqlite_only
def test_with_several_clinics_the_slug_is_asked_for(run: Run, session: Session, clinic: Clinic, look: Look) -> None:
    other = builders.practice(session)
    on_call(session, other, OnCallPlace.first)
    session.commit()

    unnamed = run("list")
    named = run("list", "--practice", clinic.practice.slug)

    assert (unnamed.exit_code, named.exit_code) == (1, 0)
    assert "Expected --practice with the slug of a practice" in unnamed.stderr
    assert named.stdout.splitlines()[0] == "now first: nobody"
