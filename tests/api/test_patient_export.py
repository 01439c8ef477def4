"""A person gets all that is held on them, in a form that programs read, and nothing of anybody else (O05)."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, LargeBinary, select
from sqlalchemy.orm import Session

from models import AuditEntry, AuditSubject, Base, Patient
from service.care.holdings import HOLDINGS
from tests import builders
from tests.api.canaries import EMAIL, MARK, NAMES, PHONE, fill
from tests.api.conftest import Caller, Clinic, as_patient, as_signed_in
from tests.api.signing_in import Person
from tests.clock import FixedClock

SAID = ("one", "skipped", "kept", "lost", "refused", "note", "detail", "reason_text", "override", "instruction", "text")


@pytest.fixture
def coordinator(app: Flask, session: Session, clinic: Clinic) -> Caller:
    """Return the clinic's coordinator, who has just signed in: an export asks for a second factor."""
    return as_signed_in(app, session, clinic.coordinator)


def test_the_export_holds_a_row_of_every_table_and_every_private_word(
    app: Flask, engine: Engine, session: Session, clinic: Clinic, clock: FixedClock, coordinator: Caller
) -> None:
    fill(app, engine, session, clinic, clock)

    answer = coordinator.get(f"/patients/{clinic.patient.id}/export")

    record = answer.json
    exported = {name for name, holding in HOLDINGS.items() if holding.not_exported is None}
    assert answer.headers["Content-Disposition"] == 'attachment; filename="record.json"'
    assert {name for name, rows in record["tables"].items() if rows} == exported
    assert set(record["left_out"]) == set(HOLDINGS) - exported
    (patient,) = record["tables"]["patient"]
    assert {name: patient[name] for name in ("email", "phone")} == {"email": EMAIL, "phone": PHONE}
    assert {name: patient[name] for name in NAMES} == NAMES
    told = json.dumps(record)
    assert [said for said in SAID if f"{MARK} {said}" not in told] == []
    assert record["tables"]["message_link"][0]["said"]
    assert any(each["kind"] == "sent" for each in record["access_log"])


def test_every_column_but_hashes_and_book_keeping_of_synchronisation_is_in_it(
    app: Flask, engine: Engine, session: Session, clinic: Clinic, clock: FixedClock, coordinator: Caller
) -> None:
    fill(app, engine, session, clinic, clock)

    tables = coordinator.get(f"/patients/{clinic.patient.id}/export").json["tables"]

    for name, rows in tables.items():
        columns = {column.name for column in Base.metadata.tables[name].columns} - {"practice_id", "rev"}
        binary = {column.name for column in Base.metadata.tables[name].columns if isinstance(column.type, LargeBinary)}
        opened = {column.removesuffix("_sealed") for column in binary if column.endswith("_sealed")}
        assert set(rows[0]) == columns - binary | opened, name


def test_nothing_of_another_patient_is_in_it(
    app: Flask, engine: Engine, session: Session, clinic: Clinic, clock: FixedClock, coordinator: Caller
) -> None:
    fill(app, engine, session, clinic, clock)
    builders.conflict(session, clinic.other_patient)
    session.commit()

    other = coordinator.get(f"/patients/{clinic.other_patient.id}/export").get_data(as_text=True)
    own = coordinator.get(f"/patients/{clinic.patient.id}/export").get_data(as_text=True)

    assert MARK not in other
    assert clinic.patient.id not in other
    assert clinic.other_patient.id not in own
    assert clinic.other_episode.id not in own


def test_a_patient_gets_their_own_and_the_trail_says_so(
    app: Flask, session: Session, clinic: Clinic, engine: Engine
) -> None:
    phone = as_patient(app, session, clinic.patient)

    own, other = (phone.get(f"/patients/{each.id}/export") for each in (clinic.patient, clinic.other_patient))

    entries = session.scalars(select(AuditEntry).where(AuditEntry.route.like("%export")).order_by(AuditEntry.id)).all()
    named = session.scalars(select(AuditSubject.patient_id).filter_by(entry_id=entries[0].id)).all()
    assert (own.status_code, other.status_code) == (200, 404)
    assert [entry.status for entry in entries] == [200, 404]
    assert entries[0].about["exported"]["patient"] == 1
    assert list(named) == [clinic.patient.id]


def test_staff_in_a_session_need_a_fresh_second_factor(casey: Person, clinic: Clinic, clock: FixedClock) -> None:
    who, path = casey.sign_in(), f"/patients/{clinic.patient.id}/export"

    fresh = who.get(path)
    clock.advance(timedelta(minutes=11))
    stale = who.get(path)

    assert fresh.status_code == 200
    assert (stale.status_code, stale.json["code"]) == (403, "step_up_required")


def test_nothing_of_an_export_stands_in_the_log(
    app: Flask,
    engine: Engine,
    session: Session,
    clinic: Clinic,
    clock: FixedClock,
    coordinator: Caller,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fill(app, engine, session, clinic, clock)
    caplog.set_level("DEBUG")

    coordinator.get(f"/patients/{clinic.patient.id}/export")

    told = [str(record.__dict__) for record in caplog.records]
    assert any("export" in each for each in told)
    assert not any(MARK in each for each in told)


def test_the_command_writes_a_file_that_its_owner_alone_reads(
    app: Flask, clinic: Clinic, tmp_path: Path, session: Session
) -> None:
    commands, file = app.test_cli_runner(), tmp_path / "record.json"
    export = ("patient", "export", clinic.patient.id, str(file), "--practice", clinic.practice.slug)

    first, again = commands.invoke(args=export), commands.invoke(args=export)
    nobody = commands.invoke(args=("patient", "export", "nobody", str(tmp_path / "n"), "--practice", export[-1]))

    stored = session.get_one(Patient, (clinic.id, clinic.patient.id))
    assert (first.exit_code, again.exit_code, nobody.exit_code) == (0, 1, 1)
    assert json.loads(file.read_text())["tables"]["patient"][0]["mrn"] == stored.mrn
    assert file.stat().st_mode & 0o077 == 0
    assert stored.family_name not in first.output + again.output + nobody.output


def test_the_documents_table_says_what_is_declared() -> None:
    told = (Path(__file__).parents[2] / "docs/privacy.md").read_text(encoding="utf-8")

    for name, holding in HOLDINGS.items():
        exported = "yes" if holding.not_exported is None else f"no: {holding.not_exported}"
        fate = f"{holding.fate}: {holding.why}" if holding.why else str(holding.fate)
        stays = "; stays besides: " + ", ".join(f"`{each}`" for each in sorted(holding.keeps)) if holding.keeps else ""
        assert f"| `{name}` | {holding.found} | {exported} | {fate}{stays} |" in told
