"""`flask keys`: master keys are replaced and old values sealed anew, while the service runs; stopped, it goes on."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, DataKey, Patient, private
from models.engine import make_session_factory
from service.app import create_app
from service.care.resealing import reseal_batch, sealed_models
from service.db import db
from tests.api.conftest import Caller, Clinic
from tests.clock import FixedClock
from tests.database import SEAL_KEY

NEW_KEY = bytes(range(64, 96))


@pytest.fixture(autouse=True)
def keys_as_ever() -> Iterator[None]:
    """Give every other test the keys that it expects."""
    yield
    private.set_key(SEAL_KEY)


@pytest.fixture
def commands(app: Flask) -> FlaskCliRunner:
    """Return a way to run the application's commands."""
    return app.test_cli_runner()


@pytest.fixture
def old_clinic(session: Session, clinic: Clinic) -> Clinic:
    """Return a clinic whose patients' addresses are sealed as before there were data keys."""
    for patient in (clinic.patient, clinic.other_patient):
        for column in sealed_models()[Patient]:
            plain = column.__get__(patient, Patient)
            setattr(patient, column.column, private.seal(plain or "", column.place(clinic.id, patient.id)))
    session.flush()
    session.execute(delete(DataKey))
    session.commit()
    private.set_key(SEAL_KEY)
    return clinic


def test_old_values_are_sealed_anew_while_requests_go_on(
    commands: FlaskCliRunner, coordinator: Caller, old_clinic: Clinic, engine: Engine
) -> None:
    path = f"/patients/{old_clinic.patient.id}"
    before = coordinator.get(path).json

    first = commands.invoke(args=("keys", "status"))
    resealed = commands.invoke(args=("keys", "reseal"))
    last = commands.invoke(args=("keys", "status"))

    after = coordinator.get(path).json
    assert "2 rows of patient under a master key itself" in first.output
    assert (resealed.exit_code, "rows sealed anew" in resealed.output) == (0, True)
    assert "master key itself" not in last.output
    assert {**after, "rev": 0} == {**before, "rev": 0}
    with make_session_factory(engine)() as session:
        stored = session.scalars(select(Patient.email_sealed).filter_by(practice_id=old_clinic.id)).all()
    assert {bytes(each or b"")[:1] for each in stored} == {b"\x02"}


def test_killed_between_two_batches_it_goes_on_when_it_is_run_again(
    commands: FlaskCliRunner, old_clinic: Clinic, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.cli.keys.AT_ONCE", 1)
    calls = iter(range(10_000))

    def dies_at_the_third(*given: object) -> object:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return reseal_batch(*given)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr("service.cli.keys.reseal_batch", dies_at_the_third)
    killed = commands.invoke(args=("keys", "reseal"))
    monkeypatch.setattr("service.cli.keys.reseal_batch", reseal_batch)

    finished = commands.invoke(args=("keys", "reseal"))

    assert (killed.exit_code, finished.exit_code) == (1, 0)
    assert "master key itself" not in commands.invoke(args=("keys", "status")).output
    with make_session_factory(engine)() as session:
        assert all(session.scalars(select(Patient)).all()[number].email for number in (0, 1))


def test_a_new_master_key_takes_over(
    app: Flask, settings: Settings, clock: FixedClock, clinic: Clinic, session: Session
) -> None:
    email = clinic.patient.email
    new = create_app(replace(settings, seal_key=NEW_KEY, seal_former_keys=(SEAL_KEY,)), clock)

    rotated = new.test_cli_runner().invoke(args=("keys", "rotate"))
    alone = create_app(replace(settings, seal_key=NEW_KEY), clock)

    session.expire_all()
    entries = session.scalars(select(AuditEntry.route).where(AuditEntry.route == "flask keys rotate")).all()
    assert (rotated.exit_code, len(entries)) == (0, 1), rotated.output
    assert clinic.patient.email == email
    session.close()
    for each in (new, alone):
        with each.app_context():
            db.engine.dispose()


def test_a_rotation_without_the_former_key_ends_with_one_line(
    settings: Settings, clock: FixedClock, clinic: Clinic
) -> None:
    new = create_app(replace(settings, seal_key=NEW_KEY), clock)

    result = new.test_cli_runner().invoke(args=("keys", "rotate"))

    assert result.exit_code == 1
    assert "SEAL_FORMER_KEYS" in result.output
    assert len(result.output.strip().splitlines()) == 1
    with new.app_context():
        db.engine.dispose()
