"""`flask audit verify`: what it prints of a clinic's trail, and its exit code."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from config import Settings
from models.audit import AuditEntry
from models.engine import make_session_factory
from schedules import jobs
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.cohort.test_commands import run_command
from tests.database import service_engine_of, settings_for
from tests.owner import Owner

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, clock: FixedClock) -> Run:
    def audit(*arguments: str) -> Result:
        return run_command(settings, clock, "audit", *arguments)

    return audit


@pytest.fixture
def entry_ids(coordinator: Caller, clinic: Clinic, engine: Engine, look: Look) -> list[str]:
    """Return the ids of three sealed entries."""
    for _ in range(3):
        coordinator.get(f"/patients/{clinic.patient.id}")
    jobs.seal_audit(make_session_factory(service_engine_of(engine)), MONDAY_AFTERNOON)
    return [entry.id for entry in look(AuditEntry, practice_id=clinic.id)]


def test_verify_tells_of_each_clinic_and_names_the_first_row_that_is_wrong(
    run: Run, engine: Engine, clinic: Clinic, foreign_clinic: Clinic, entry_ids: list[str], look: Look
) -> None:
    seal = partial(jobs.seal_audit, make_session_factory(service_engine_of(engine)), MONDAY_AFTERNOON)
    clean = run("verify")
    seal()
    with engine.connect() as connection:
        owner = Owner(connection)
        owner.practice_id = clinic.id
        owner.does("UPDATE audit_entry SET status = 404 WHERE practice_id = :practice AND id = :id", id=entry_ids[1])
        connection.commit()
        connection.invalidate()

    broken = run("verify")
    seal()
    elsewhere = run("verify", "--practice", foreign_clinic.practice.slug)
    after_it = run("verify", "--since", "2026-03-03")

    assert (clean.exit_code, broken.exit_code, elsewhere.exit_code, after_it.exit_code) == (0, 1, 0, 0)
    assert f"{clinic.practice.slug}: 3 links up to 3, 0 entries in no chain yet, no anchor" in clean.stdout
    assert f"FAULT entry {entry_ids[1]} (link 2): it, or the patients it names, are not" in broken.stdout
    assert [row.about for row in look(AuditEntry, practice_id=clinic.id, route="flask audit verify")] == [
        {"faults": 0, "links": 3},
        {"faults": 1, "links": 4},
        {"faults": 0, "links": 0},
    ]


def test_verify_holds_the_chains_against_their_anchors(
    session: Session, settings: Settings, engine: Engine, clinic: Clinic, entry_ids: list[str], run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "anchors"
    anchored = settings_for(settings.database_url, audit_anchor_file=str(path))
    jobs.anchor_chains(make_session_factory(service_engine_of(engine)), anchored, MONDAY_AFTERNOON)
    clean = run("verify", "--anchors", str(path))
    with engine.connect() as connection:
        owner = Owner(connection)
        owner.practice_id = clinic.id
        owner.does("DELETE FROM audit_seal WHERE practice_id = :practice AND sequence = 3")
        owner.does("DELETE FROM audit_entry WHERE practice_id = :practice AND id = :id", id=entry_ids[2])
        owner.does("DELETE FROM audit_subject WHERE practice_id = :practice AND entry_id = :id", id=entry_ids[2])
        connection.commit()
        connection.invalidate()

    cut = run("verify", "--anchors", str(path))

    assert (clean.exit_code, cut.exit_code) == (0, 1)
    assert "1 anchors up to link 3" in clean.stdout
    assert "FAULT by an anchor: link 3: was there before, and the chain ends earlier" in cut.stdout


@pytest.mark.sqlite_only
def test_what_cannot_be_looked_at_is_not_said_to_be_wrong(run: Run, clinic: Clinic, tmp_path: Path) -> None:
    no_clinic, no_anchors = run("verify", "--practice", "nowhere"), run("verify", "--anchors", str(tmp_path / "absent"))

    assert (no_clinic.exit_code, no_anchors.exit_code) == (2, 2)
