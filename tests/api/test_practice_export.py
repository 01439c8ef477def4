"""A practice's tables as CSV (X02): by whom, what is in them, and that no spreadsheet runs and no memory holds them."""

import csv
import io
import tracemalloc
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import AuditEntry, AuditSubject
from models.engine import begin_reads, make_session_factory
from models.isolation import see
from models.people import StaffRole
from service.care import practice_export
from service.care.practice_export import ExportTable, exportable
from service.care.safe_csv import csv_chunks
from tests import builders
from tests.api.conftest import Caller, Clinic, Look, as_signed_in, as_staff
from tests.clock import MONDAY_AFTERNOON, FixedClock


@pytest.fixture
def admin(app: Flask, session: Session, clinic: Clinic) -> Caller:
    """Return the practice's admin in a session whose second factor is fresh."""
    return as_signed_in(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))


def table(who: Caller, name: str, query: str = "") -> list[dict[str, str]]:
    answer = who.get(f"/practice/tables/{name}{query}")
    assert (answer.status_code, answer.content_type) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))


def test_a_table_has_the_practices_own_rows_and_private_columns_only_where_they_are_asked_for(
    admin: Caller, clinic: Clinic, foreign_clinic: Clinic, look: Look
) -> None:
    plain, private = table(admin, "patient"), table(admin, "patient", "?private=true")

    assert {row["id"] for row in plain} == {clinic.patient.id, clinic.other_patient.id}
    assert plain[0]["date_of_birth"] == "1980-05-17"
    assert plain[0]["channels"] == '["email"]'
    assert not {"email", "email_sealed", "email_lookup", "practice_id", "rev", "deleted"} & plain[0].keys()
    assert {row["email"] for row in private} == {clinic.patient.email, clinic.other_patient.email}
    milestones = table(admin, "milestone")
    assert {row["patient_id"] for row in milestones} == {clinic.patient.id, clinic.other_patient.id}


def test_every_patient_whose_row_leaves_is_named_in_the_trail_before_it_does(
    admin: Caller, clinic: Clinic, look: Look, session: Session
) -> None:
    table(admin, "check_in")
    table(admin, "surgery", "?private=true")

    entries = [each for each in look(AuditEntry, practice_id=clinic.id) if "tables" in each.route]
    assert [each.about for each in entries] == [
        {"table": "check_in", "private": "false", "format": "csv"},
        {"table": "surgery", "private": "true", "format": "csv"},
    ]
    named = session.query(AuditSubject.patient_id).filter_by(entry_id=entries[1].id)
    assert {each[0] for each in named} == {clinic.patient.id, clinic.other_patient.id}


def test_only_an_admin_in_a_session_with_a_fresh_second_factor_gets_it(
    app: Flask, session: Session, clinic: Clinic, coordinator: Caller, admin: Caller, clock: FixedClock
) -> None:
    by_token = as_staff(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))

    answers = [who.get("/practice/tables/patient") for who in (coordinator, by_token)]
    clock.advance(timedelta(minutes=11))
    stale = admin.get("/practice/tables/patient")

    assert [each.status_code for each in answers] == [403, 403]
    assert [each.json["code"] for each in answers] == ["forbidden", "session_required"]
    assert (stale.status_code, stale.json["code"]) == (403, "step_up_required")


@pytest.mark.sqlite_only
@pytest.mark.parametrize("name", ["token", "data_key", "practice", "calendar_feed", "audit_entry", "nothing"])
def test_what_no_export_has_is_no_table(admin: Caller, name: str) -> None:
    assert admin.get(f"/practice/tables/{name}").status_code == 404


def test_a_name_that_is_a_formula_is_text_and_comes_back_without_its_mark(
    admin: Caller, clinic: Clinic, session: Session
) -> None:
    clinic.patient.given_name, clinic.patient.family_name = '=HYPERLINK("http://evil")', "\t@SUM(A1),\r\n;"
    session.commit()

    (row,) = [each for each in table(admin, "patient") if each["id"] == clinic.patient.id]

    assert row["given_name"] == '\'=HYPERLINK("http://evil")'
    assert row["family_name"].removeprefix("'") == "\t@SUM(A1),\r\n;"


def test_pages_hold_every_row_once_and_memory_stays_flat(
    session: Session, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(400):
        builders.patient(session, clinic.practice, id=f"p-{number:04}", given_name="x" * 5000)
    session.commit()
    monkeypatch.setattr(practice_export, "ROWS_AT_ONCE", 20)

    with make_session_factory(session.get_bind())() as reader:  # type: ignore[arg-type]  # an engine
        see(reader, clinic.id)
        begin_reads(reader)
        wanted = ExportTable(exportable()["patient"], with_private=True)
        tracemalloc.start()
        sizes = [len(chunk) for chunk in csv_chunks(wanted.header, wanted.pages(reader, clinic.id))]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert sum(sizes) > 2_000_000
    assert len(sizes) == 1 + 21
    assert peak < sum(sizes) / 2


@pytest.mark.sqlite_only
def test_the_command_writes_a_file_for_each_table_that_its_owner_alone_reads(
    app: Flask, clinic: Clinic, tmp_path: Path, look: Look
) -> None:
    folder = tmp_path / "export"
    run = app.test_cli_runner()

    first = run.invoke(args=["export", str(folder), "--table", "patient", "--table", "surgery"])
    again = run.invoke(args=["export", str(folder)])

    assert first.exit_code == 0, first.output
    assert {each.name for each in folder.iterdir()} == {"patient.csv", "surgery.csv"}
    assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {0o600}
    rows = list(csv.DictReader(io.StringIO((folder / "patient.csv").read_text("utf-8"))))
    assert {row["id"] for row in rows} == {clinic.patient.id, clinic.other_patient.id}
    assert again.exit_code == 1
    (entry,) = [each for each in look(AuditEntry, practice_id=clinic.id) if each.route == "flask export tables"]
    assert entry.about == {"tables": ["patient", "surgery"], "private": False, "format": "csv"}


def test_parquet_keeps_the_types_and_the_words_as_they_are(
    admin: Caller, clinic: Clinic, session: Session, tmp_path: Path
) -> None:
    clinic.patient.given_name, clinic.patient.details_consent_at = "=1+1", MONDAY_AFTERNOON
    session.commit()
    file = tmp_path / "patient.parquet"

    answer = admin.get("/practice/tables/patient?format=parquet&private=true")
    file.write_bytes(answer.get_data())
    answer.close()

    assert answer.content_type == "application/vnd.apache.parquet"
    assert answer.headers["Content-Disposition"] == "attachment; filename=patient.parquet"
    rows = duckdb.execute(
        "SELECT given_name, date_of_birth, email, details_consent_at = TIMESTAMPTZ '2026-03-02 15:00:00Z' "
        f"FROM '{file}' WHERE id = '{clinic.patient.id}'"
    )
    assert rows.fetchall() == [("=1+1", clinic.patient.date_of_birth, clinic.patient.email, True)]


def test_every_exportable_table_can_be_written_as_parquet(
    app: Flask, clinic: Clinic, tmp_path: Path, foreign_clinic: Clinic
) -> None:
    folder = tmp_path / "export"
    arguments = ["export", str(folder), "--format", "parquet", "--practice", clinic.practice.slug]

    run = app.test_cli_runner().invoke(args=arguments)

    assert run.exit_code == 0, run.output
    assert {each.name for each in folder.iterdir()} == {f"{name}.parquet" for name in exportable()}
    assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {0o600}
    milestones = duckdb.execute(f"SELECT DISTINCT patient_id FROM '{folder / 'milestone.parquet'}' ORDER BY ALL")
    assert milestones.fetchall() == [(each,) for each in sorted((clinic.patient.id, clinic.other_patient.id))]
