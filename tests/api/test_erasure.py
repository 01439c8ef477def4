"""A patient who is erased is gone from every table, file and log, for good: an older copy of the database loses them
again. What was written about accesses stays provable, and nobody else loses anything.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, AuditSubject, Base, DataKey, Delivery, Erasure, Patient, Staff, private
from models.engine import make_engine, make_session_factory, scrub
from models.erasure import ErasureReason
from models.people import StaffRole
from models.reminder import DeliveryState
from schedules import jobs
from schedules.watch.self_audit import audit_practice
from schedules.watch.trail import prove
from service.app import create_app
from service.care.erasure import Erase, Hold, OverrideReason, erase_patient, find_holds, reapply
from service.care.erasure_ledger import LedgerEntry, LedgerError, add_to_ledger, entry_of, read_ledger
from service.care.holdings import HOLDINGS, OF_NO_PATIENT, SKELETON, Fate, Found, rows_of
from service.db import db
from service.errors import ConflictError, HeldError
from tests import builders
from tests.api.canaries import MARK, fill, marks_in, marks_in_files
from tests.api.conftest import Caller, Clinic, as_patient, as_staff
from tests.api.message_reader import send_due
from tests.api.signing_in import Person
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import SEAL_KEY, Databases, service_engine_of

ANYWAY = Erase(ErasureReason.asked_by_patient, OverrideReason.record_kept_elsewhere)
BODY = {"reason": "asked_by_patient", "override_reason": "record_kept_elsewhere", "dry_run": False}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Return where the ledger is kept."""
    return tmp_path / "ledger" / "erasures.jsonl"


@pytest.fixture
def app(settings: Settings, owner_url: str, clock: FixedClock, ledger: Path) -> Iterator[Flask]:
    """Yield the application with a ledger of its own."""
    app = create_app(replace(settings, erasure_ledger=str(ledger), database_owner_url=owner_url), clock)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def admin(casey: Person, session: Session) -> Caller:
    """Return the practice's admin, who has just signed in."""
    session.get_one(Staff, (casey.practice.id, casey.staff.id)).role = StaffRole.practice_admin
    session.commit()
    return casey.sign_in()


def _erase(engine: Engine, clinic: Clinic, command: Erase = ANYWAY) -> list[LedgerEntry]:
    entered: list[LedgerEntry] = []
    with make_session_factory(engine)() as session:
        patient = session.get_one(Patient, (clinic.id, clinic.patient.id))
        erase_patient(session, patient, command, MONDAY_AFTERNOON, enter=entered.append)
        session.commit()
    return entered


def _rows(engine: Engine, clinic: Clinic, patient_id: str) -> dict[str, int]:
    """Return how many rows each table holds on a patient."""
    with engine.connect().execution_options(reads=True) as connection:
        return {
            name: connection.scalar(
                select(func.count())
                .select_from(Base.metadata.tables[name])
                .where(rows_of(Base.metadata.tables[name], clinic.id, patient_id))
            )
            or 0
            for name, holding in HOLDINGS.items()
            if holding.found is not Found.by_content
        }


def test_every_table_is_declared_as_one_with_patients_or_one_without() -> None:
    tables = Base.metadata.tables

    assert set(HOLDINGS) | set(OF_NO_PATIENT) == set(tables)
    assert not set(HOLDINGS) & set(OF_NO_PATIENT)
    assert not [name for name in OF_NO_PATIENT if "patient_id" in tables[name].c or "device_id" in tables[name].c]
    assert all(holding.why for holding in HOLDINGS.values() if holding.fate is Fate.kept)


def test_an_erased_patient_is_gone_from_every_table_and_file_and_the_trail_is_whole(
    app: Flask,
    engine: Engine,
    session: Session,
    clinic: Clinic,
    clock: FixedClock,
    admin: Caller,
    ledger: Path,
    caplog: pytest.LogCaptureFixture,
    settings: Settings,
) -> None:
    fill(app, engine, session, clinic, clock)
    session.close()
    before, other_before = _rows(engine, clinic, clinic.patient.id), _rows(engine, clinic, clinic.other_patient.id)

    answer = admin.post(f"/patients/{clinic.patient.id}/erase", BODY)

    after = _rows(engine, clinic, clinic.patient.id)
    assert answer.status_code == 200, answer.json
    assert [name for name, count in before.items() if not count] == ["erasure"]
    assert marks_in(engine) == []
    assert {name for name in after if after[name] and HOLDINGS[name].fate is Fate.removed} == set()
    assert _rows(engine, clinic, clinic.other_patient.id) == other_before
    assert MARK.lower() not in (caplog.text + answer.get_data(as_text=True) + ledger.read_text()).lower()
    if engine.dialect.name == "sqlite":
        scrub(engine)
        assert marks_in_files(Path(settings.database_url.removeprefix("sqlite:///")).parent) == []
    _prove_the_trail(engine, clinic)


def _prove_the_trail(engine: Engine, clinic: Clinic) -> None:
    make_session = make_session_factory(engine)
    jobs.seal_audit(make_session, MONDAY_AFTERNOON)
    proof = prove(make_session, clinic.id, after=None, since="", sealed_before=MONDAY_AFTERNOON)
    assert (proof.broken, proof.links > 3) == (0, True)


def test_blanked_rows_are_tombstones_that_hold_nothing_but_ids(
    app: Flask, engine: Engine, session: Session, clinic: Clinic, clock: FixedClock
) -> None:
    fill(app, engine, session, clinic, clock)
    _erase(engine, clinic)

    with engine.connect().execution_options(reads=True) as connection:
        for name, holding in HOLDINGS.items():
            if holding.fate is not Fate.blanked:
                continue
            table = Base.metadata.tables[name]
            rows = connection.execute(select(table).where(rows_of(table, clinic.id, clinic.patient.id))).mappings()
            for row in rows:
                kept = SKELETON | holding.keeps | set(holding.becomes) | {"rev", "deleted"}
                assert row["deleted"], name
                nullable = {column.name for column in table.columns if column.nullable} - kept
                assert not [each for each in nullable if row[each] is not None], name


def test_phones_learn_that_they_were_removed_and_staff_let_the_patient_go(
    app: Flask, session: Session, clinic: Clinic, engine: Engine
) -> None:
    clinic.episode.coordinator_id = clinic.coordinator.id
    session.commit()
    phone, coordinator = as_patient(app, session, clinic.patient), as_staff(app, session, clinic.coordinator)
    pulled = coordinator.get("/sync/watermelon?schema_version=2").json
    assert pulled["changes"]["patients"]["created"] or pulled["changes"]["patients"]["updated"]

    _erase(engine, clinic)

    own = phone.get(f"/patients/{clinic.patient.id}")
    again = coordinator.get(f"/sync/watermelon?schema_version=2&last_pulled_at={pulled['timestamp']}").json["changes"]
    assert (own.status_code, own.json["code"]) == (401, "device_revoked")
    assert again["patients"]["deleted"] == [clinic.patient.id]
    assert clinic.episode.id in again["episodes"]["deleted"]
    assert coordinator.get(f"/patients/{clinic.patient.id}").status_code == 404


def test_nothing_is_sent_any_more_and_the_nightly_audit_finds_nothing_wrong(
    app: Flask, engine: Engine, session: Session, clinic: Clinic, clock: FixedClock
) -> None:
    fill(app, engine, session, clinic, clock)
    _erase(engine, clinic)

    make_session = make_session_factory(engine)
    clock.advance(timedelta(days=3))
    with make_session() as claiming:
        sent = send_due(engine, claiming, clock)
    jobs.publish(make_session)
    found = audit_practice(make_session, clinic.id, clock=clock, now=clock.now(), overdue_after=timedelta(days=9))
    assert [each for each in sent if each.patient_id == clinic.patient.id] == []
    plans = [each for each in found.findings if each.invariant.value != "audit_trail_is_unbroken"]
    assert [each for each in plans if each.violations] == []


def test_the_key_of_an_erased_patient_is_destroyed_for_older_copies_too(
    databases: Databases,
    database_url: str,
    app: Flask,
    engine: Engine,
    session: Session,
    clinic: Clinic,
    clock: FixedClock,
) -> None:
    fill(app, engine, session, clinic, clock)
    session.close()
    for each in (engine, service_engine_of(engine)):
        each.dispose()
    with app.app_context():
        db.engine.dispose()
    with databases.copy_of(database_url) as copy:
        entered = _erase(engine, clinic)
        restored = make_engine(databases.owner_of(copy))
        try:
            assert marks_in(restored)
            with make_session_factory(restored)() as old:
                found = reapply(old, entered, MONDAY_AFTERNOON)
                old.commit()
                again = reapply(old, entered, MONDAY_AFTERNOON)
                old.commit()
                keys = old.scalars(select(DataKey.patient_id).filter_by(practice_id=clinic.id)).all()
            assert (found, again) == ({clinic.id: [clinic.patient.id]}, {})
            assert marks_in(restored) == []
            assert clinic.patient.id not in keys
            assert clinic.other_patient.id in keys
        finally:
            restored.dispose()
    private.set_key(SEAL_KEY)


def test_the_ledger_names_nobody_and_is_only_added_to(ledger: Path) -> None:
    for patient_id in ("patient-1", "patient-2"):
        add_to_ledger(ledger, entry_of("hudson", patient_id, MONDAY_AFTERNOON))

    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert [sorted(line) for line in lines] == [["erased_at", "patient", "practice_id"]] * 2
    assert "patient-1" not in ledger.read_text()
    assert len(read_ledger(ledger)) == 2
    assert ledger.stat().st_mode & 0o077 == 0


def test_a_damaged_ledger_is_refused_by_its_line(ledger: Path) -> None:
    ledger.parent.mkdir()
    ledger.write_text("{}\n")

    with pytest.raises(LedgerError, match="line 1"):
        read_ledger(ledger)


def test_without_a_ledger_nothing_is_erased(
    app: Flask, ledger: Path, admin: Caller, clinic: Clinic, engine: Engine
) -> None:
    ledger.parent.write_text("a file where the folder should be")

    answer = admin.post(f"/patients/{clinic.patient.id}/erase", BODY)

    with make_session_factory(engine)() as session:
        stored = session.get_one(Patient, (clinic.id, clinic.patient.id))
        assert (answer.status_code, stored.deleted, stored.given_name) == (503, False, "Alex")


@pytest.mark.parametrize(
    ("years", "workers_comp", "holds"),
    [
        (None, False, (Hold.retention_not_set,)),
        (7, False, (Hold.retention_not_over,)),
        (0, True, (Hold.workers_comp_open, Hold.retention_not_over)),
        (0, False, (Hold.retention_not_over,)),
    ],
)
def test_what_the_law_may_have_a_clinic_keep_is_held(
    session: Session, clinic: Clinic, years: int | None, workers_comp: bool, holds: tuple[Hold, ...]
) -> None:
    clinic.practice.records_kept_years, clinic.episode.workers_comp = years, workers_comp
    clinic.surgery.surgery_on = MONDAY_AFTERNOON.date().replace(day=3)  # tomorrow
    session.flush()

    assert find_holds(session, clinic.patient, MONDAY_AFTERNOON) == holds
    with pytest.raises(HeldError):
        erase_patient(
            session, clinic.patient, Erase(ErasureReason.asked_by_patient), MONDAY_AFTERNOON, enter=lambda _: None
        )
    session.rollback()


def test_once_the_years_are_over_nothing_holds(session: Session, clinic: Clinic) -> None:
    clinic.practice.records_kept_years = 7
    session.flush()
    in_seven_years = MONDAY_AFTERNOON.replace(year=2033)

    assert find_holds(session, clinic.patient, in_seven_years.replace(month=2, day=22)) == (Hold.retention_not_over,)
    assert find_holds(session, clinic.patient, in_seven_years) == ()


def test_a_message_on_its_way_is_waited_for(session: Session, clinic: Clinic, engine: Engine) -> None:
    delivery = session.scalars(select(Delivery).filter_by(patient_id=clinic.patient.id)).first()
    assert delivery is not None
    delivery.state = DeliveryState.sending
    session.commit()

    with pytest.raises(ConflictError, match="conflict"):
        _erase(engine, clinic)

    assert not session.scalars(select(Erasure)).all()


def test_a_dry_run_says_what_would_go_and_changes_nothing(
    admin: Caller, clinic: Clinic, session: Session, engine: Engine, ledger: Path
) -> None:
    before = _rows(engine, clinic, clinic.patient.id)

    answer = admin.post(f"/patients/{clinic.patient.id}/erase", BODY | {"dry_run": True})

    tables = {each["table"]: each["rows"] for each in answer.json["tables"]}
    assert answer.json["holds"] == ["retention_not_set"]
    assert (tables["patient"], tables["milestone"]) == (1, before["milestone"])
    after = _rows(engine, clinic, clinic.patient.id)
    # The request's own entry is the only thing that is new.
    assert {name for name in before if before[name] != after[name]} == {"audit_entry", "audit_subject"}
    assert not ledger.exists()


def test_only_the_admin_in_a_session_with_a_fresh_second_factor_erases(
    admin: Caller, app: Flask, session: Session, clinic: Clinic, clock: FixedClock, coordinator: Caller
) -> None:
    path = f"/patients/{clinic.patient.id}/erase"
    token = as_staff(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))
    clinician = as_staff(app, session, clinic.clinician)

    refused = [who.post(path, BODY) for who in (clinician, token)]
    held = admin.post(path, BODY | {"override_reason": None})
    odd = admin.post(path, BODY | {"reason": "restored_backup"})
    clock.advance(timedelta(minutes=11))
    stale = admin.post(path, BODY)

    assert [(each.status_code, each.json["code"]) for each in refused] == [
        (403, "forbidden"),
        (403, "session_required"),
    ]
    assert (held.status_code, held.json["code"], held.json["errors"][0]["got"]) == (409, "held", "retention_not_set")
    assert odd.status_code == 422
    assert (stale.status_code, stale.json["code"]) == (403, "step_up_required")


def test_the_trail_says_who_erased_whom_and_why(admin: Caller, clinic: Clinic, session: Session) -> None:
    admin.post(f"/patients/{clinic.patient.id}/erase", BODY)

    entry = session.scalars(select(AuditEntry).where(AuditEntry.route.like("%erase"))).one()
    named = session.scalars(select(AuditSubject.patient_id).filter_by(entry_id=entry.id)).all()
    assert entry.about == {
        "reason": "asked_by_patient",
        "holds": ["retention_not_set"],
        "override_reason": "record_kept_elsewhere",
    }
    assert list(named) == [clinic.patient.id]


def test_an_erased_patient_comes_back_under_a_new_id_only(
    admin: Caller, coordinator: Caller, clinic: Clinic, session: Session
) -> None:
    body = coordinator.get(f"/patients/{clinic.patient.id}").json
    writable = {name: value for name, value in body.items() if name not in ("id", "rev")}
    admin.post(f"/patients/{clinic.patient.id}/erase", BODY)

    same, new = (coordinator.put(f"/patients/{each}", writable) for each in (clinic.patient.id, "another-id"))

    assert (same.status_code, new.status_code) == (409, 201), (same.json, new.json)
    again = admin.post(f"/patients/{clinic.patient.id}/erase", BODY)
    assert again.status_code == 404


def test_commands_preview_erase_and_reapply(app: Flask, clinic: Clinic, engine: Engine, ledger: Path) -> None:
    commands = app.test_cli_runner()
    erase = ("patient", "erase", clinic.patient.id, "--practice", clinic.practice.slug, "--reason", "asked_by_patient")

    dry = commands.invoke(args=(*erase, "--dry-run"))
    held = commands.invoke(args=(*erase, "--yes"))
    done = commands.invoke(args=(*erase, "--yes", "--override-reason", "never_our_patient"))
    reapplied = commands.invoke(args=("privacy", "reapply"))

    assert (dry.exit_code, held.exit_code, done.exit_code, reapplied.exit_code) == (0, 1, 0, 0), done.output
    assert "Stands against it: retention_not_set" in dry.output
    assert "override_reason" in held.output
    assert "0 patients erased again" in reapplied.output
    assert len(read_ledger(ledger)) == 1
    with make_session_factory(engine)() as session:
        assert session.get_one(Patient, (clinic.id, clinic.patient.id)).deleted
