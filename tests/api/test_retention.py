"""Holds on records, and `flask retention`: whoever need not be kept goes, and nobody who is held."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, AuditSubject, Erasure, Patient, Practice, RecordHold, SignInThrottle, Staff
from models.erasure import ErasureReason
from models.hold import HoldReason
from models.people import StaffRole
from schedules import jobs
from schedules.plan.vocabulary import EpisodeStatus
from service.app import create_app
from service.care.erasure_ledger import read_ledger
from service.db import db
from tests import builders
from tests.api.conftest import Caller, Clinic, Look, as_staff
from tests.api.signing_in import Person
from tests.clock import MONDAY_AFTERNOON, FixedClock

ENDED = {"status": EpisodeStatus.closed}
# The clinic's day is 2026-03-02, and it keeps records for seven years.
OVER, NOT_OVER = date(2019, 3, 1), date(2019, 3, 3)
ERASE = {"reason": "asked_by_patient", "override_reason": "ordered_by_authority", "dry_run": False}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Return where the ledger is kept."""
    return tmp_path / "ledger" / "erasures.jsonl"


@pytest.fixture
def app(settings: Settings, clock: FixedClock, ledger: Path) -> Iterator[Flask]:
    """Yield the application with a ledger of its own."""
    app = create_app(replace(settings, erasure_ledger=str(ledger)), clock)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def admin(casey: Person, session: Session) -> Caller:
    """Return the practice's admin, who has just signed in."""
    session.get_one(Staff, (casey.practice.id, casey.staff.id)).role = StaffRole.practice_admin
    session.commit()
    return casey.sign_in()


@pytest.fixture
def commands(app: Flask) -> FlaskCliRunner:
    """Return a way to run the application's commands."""
    return app.test_cli_runner()


def cared_for(session: Session, practice: Practice, name: str, last_on: date, **of_episode: object) -> Patient:
    """Store a patient whose last care was a surgery on that day."""
    patient = builders.patient(session, practice, id=name)
    long_ago = builders.ENROLLED_AT - timedelta(days=8 * 365)
    episode = builders.episode(session, patient, enrolled_at=long_ago, **(ENDED | of_episode))
    builders.surgery(session, episode, surgery_on=last_on)
    return patient


def left(session: Session, practice_id: str) -> set[str]:
    """Return who is left in a practice, and let go of the database."""
    query = select(Patient.id).where(Patient.practice_id == practice_id, Patient.deleted.is_(False))
    found = set(session.scalars(query))
    session.rollback()
    return found


def test_whoever_the_clinic_need_not_keep_is_erased_and_nobody_else(
    session: Session, commands: FlaskCliRunner, ledger: Path
) -> None:
    kept_for_seven = [builders.practice(session, records_kept_years=7) for _ in range(2)]
    unsaid, none = builders.practice(session), builders.practice(session, records_kept_years=0)
    for practice in (*kept_for_seven, unsaid, none):
        cared_for(session, practice, "over", OVER)
    here = kept_for_seven[0]
    cared_for(session, here, "not-over", NOT_OVER)
    cared_for(session, here, "open", OVER, status=EpisodeStatus.paused)
    held = cared_for(session, here, "held", OVER)
    session.add(
        RecordHold(practice_id=here.id, id="h", patient_id=held.id, reason=HoldReason.minor, placed_at=MONDAY_AFTERNOON)
    )
    builders.patient(session, here, id="never-cared-for")
    ids = [each.id for each in (*kept_for_seven, unsaid, none)]
    session.commit()

    shown = commands.invoke(args=["retention", "--dry-run"])
    rows_alone = commands.invoke(args=["retention"])
    untouched = [left(session, each) for each in ids]
    done = commands.invoke(args=["retention", "--records"])

    stay = {"not-over", "open", "held", "never-cared-for"}
    assert untouched == [stay | {"over"}, {"over"}, {"over"}, {"over"}]
    assert [left(session, each) for each in ids] == [stay, set(), {"over"}, {"over"}]
    assert shown.output.count("1 patients whose years are over\n         over\n") == 2
    assert (rows_alone.exit_code, rows_alone.output) == (0, "0 rows removed.\n")
    assert (done.exit_code, done.output) == (0, "0 rows removed.\n2 patients erased.\n")
    assert set(session.scalars(select(Erasure.reason))) == {ErasureReason.retention_over}
    assert [entry.practice_id for entry in read_ledger(ledger)] == ids[:2]
    entries = session.scalars(select(AuditEntry).where(AuditEntry.route == "flask retention")).all()
    subjects = session.scalars(select(AuditSubject.patient_id)).all()
    assert (len(entries), subjects) == (2, ["over", "over"])


def test_a_run_erases_a_bounded_number_of_each_clinic_in_turns(session: Session, commands: FlaskCliRunner) -> None:
    large, small = (builders.practice(session, records_kept_years=7) for _ in range(2))
    for number in range(3):
        cared_for(session, large, f"over-{number}", OVER)
    cared_for(session, small, "over", OVER)
    large_id, small_id = large.id, small.id
    session.commit()

    commands.invoke(args=["retention", "--records", "--most", "2"])

    assert (left(session, large_id), left(session, small_id)) == ({"over-1", "over-2"}, set())


def test_without_a_ledger_nobody_is_erased(session: Session, commands: FlaskCliRunner, ledger: Path) -> None:
    practice = builders.practice(session, records_kept_years=7)
    cared_for(session, practice, "over", OVER)
    practice_id = practice.id
    session.commit()
    ledger.mkdir(parents=True)

    done = commands.invoke(args=["retention", "--records"])

    assert (done.exit_code, left(session, practice_id)) == (1, {"over"})


def test_a_hold_stands_against_every_erasure_until_the_admin_ends_it(
    app: Flask, session: Session, clinic: Clinic, admin: Caller, look: Look
) -> None:
    path, staff = f"/patients/{clinic.patient.id}", as_staff(app, session, clinic.clinician)

    placed = staff.post(f"{path}/holds", {"reason": "legal_claim"}).json
    again = staff.post(f"{path}/holds", {"reason": "legal_claim"}).json
    refused = admin.post(f"{path}/erase", ERASE)
    not_admin = staff.post(f"{path}/holds/{placed['id']}/end")
    ended = admin.post(f"{path}/holds/{placed['id']}/end")
    listed = staff.get(f"{path}/holds").json["items"]
    erased = admin.post(f"{path}/erase", ERASE)

    assert (again["id"], placed["placed_by"], placed["ended_at"]) == (placed["id"], clinic.clinician.id, None)
    assert (refused.status_code, refused.json["code"]) == (409, "held")
    assert refused.json["errors"][0]["got"] == "on_hold"
    assert not_admin.status_code == 403
    assert (ended.status_code, listed) == (200, [ended.json])
    assert erased.status_code == 200
    assert look(RecordHold) == []


def test_a_hold_of_another_patient_is_none_of_this_one(
    admin: Caller, clinic: Clinic, session: Session, app: Flask
) -> None:
    placed = admin.post(f"/patients/{clinic.other_patient.id}/holds", {"reason": "complaint"}).json

    wrong = admin.post(f"/patients/{clinic.patient.id}/holds/{placed['id']}/end")

    assert wrong.status_code == 404


def test_commands_put_a_record_on_hold_and_end_it(commands: FlaskCliRunner, clinic: Clinic, look: Look) -> None:
    placed = commands.invoke(args=["patient", "hold", clinic.patient.id, "--reason", "authority_request"])
    (hold,) = look(RecordHold)
    anyway = ["--yes", "--override-reason", "ordered_by_authority"]
    refused = commands.invoke(args=["patient", "erase", clinic.patient.id, "--reason", "asked_by_patient", *anyway])
    ended = commands.invoke(args=["patient", "end-hold", clinic.patient.id, hold.id])

    (after,) = look(RecordHold)
    assert placed.output == f"On hold: {hold.id}\n"
    assert (refused.exit_code, ended.exit_code) == (1, 0)
    assert (hold.placed_by, hold.ended_at, after.ended_at) == (None, None, MONDAY_AFTERNOON)


@pytest.mark.sqlite_only
def test_the_workers_night_goes_by_the_days_that_are_set(
    session: Session, clinic: Clinic, settings: Settings, clock: FixedClock
) -> None:
    row = SignInThrottle(practice_id=clinic.id, id="old", failed_tries=1, forgotten_at=MONDAY_AFTERNOON)
    session.add(row)
    session.commit()

    jobs.keep_night(settings, clock, lambda _session, clock: clock.now())

    assert session.scalars(select(SignInThrottle.id)).all() == []
