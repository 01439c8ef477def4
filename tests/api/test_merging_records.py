"""Two records of one person become one: every row of the one hangs on the other, and nothing of it is half done."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event, select, update
from sqlalchemy.orm import Session

from models import AlertEntry, Base, DataKey, Device, Episode, Panel, Patient, RecordMerge, Reminder, Surgery
from models.engine import make_session_factory
from models.hold import HoldReason
from models.private import keys_of
from models.reminder import Delivery, DeliveryState
from schedules.plan.vocabulary import EpisodeStatus, ReminderState
from schedules.planning import plan_episode
from schedules.watch.self_audit import audit_practice
from service.care.erasure import Erase, OverrideReason, erase_patient
from service.care.erasure_ledger import LedgerEntry, entry_of
from service.care.holds import place_hold
from service.care.merging_checks import Merge
from service.care.merging_facts import Fact, Side
from service.care.merging_records import MessageFate, Rehearsal, apply_merge, preview_merge
from service.care.merging_rows import WAYS, Way
from service.care.patient_export import export_patient
from service.care.resealing import sealed_models
from service.errors import ConflictError, InvalidError, NotFoundError, StaleMergeError
from models.erasure import ErasureReason
from tests import builders
from tests.api.canaries import MARK, PHONE, fill
from tests.api.conftest import Clinic, Look
from tests.clock import MONDAY_AFTERNOON, FixedClock

Work = Callable[[Session], Any]


@pytest.fixture
def clinic(session: Session, clinic: Clinic) -> Clinic:
    """Return the clinic, whose two patients had their surgeries on different days."""
    clinic.other_surgery.surgery_on = date(2026, 2, 25)
    clinic.other_episode.coordinator_id = clinic.coordinator.id
    session.flush()
    plan_episode(session, clinic.id, clinic.other_episode.id, MONDAY_AFTERNOON)
    session.commit()
    return clinic


def _command(clinic: Clinic, **changes: Any) -> Merge:
    told = {"survivor_id": clinic.other_patient.id, "absorbed_id": clinic.patient.id}
    return Merge(**told | {"are_birth_dates_confirmed": True} | changes)


def _in_session(engine: Engine, work: Work) -> Any:
    with make_session_factory(engine)() as session:
        done = work(session)
        session.commit()
        return done


def _preview(engine: Engine, clinic: Clinic, command: Merge) -> Rehearsal:
    done: Rehearsal = _in_session(
        engine, lambda session: preview_merge(session, clinic.id, command, MONDAY_AFTERNOON)
    )
    return done


def _apply(engine: Engine, clinic: Clinic, command: Merge, agreed: str, merge_id: str = "merge") -> RecordMerge:
    told = {"merge_id": merge_id, "agreed": agreed, "by": clinic.coordinator.id, "now": MONDAY_AFTERNOON}
    done: RecordMerge = _in_session(engine, lambda session: apply_merge(session, clinic.id, command, **told))
    return done


def _everything(engine: Engine) -> dict[str, Any]:
    """Return every row of every table."""
    with engine.connect().execution_options(reads=True) as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)).all()))
            for table in Base.metadata.sorted_tables
        }


def _of(engine: Engine, name: str, patient_id: str) -> list[Any]:
    table = Base.metadata.tables[name]
    with engine.connect().execution_options(reads=True) as connection:
        query = select(table).where(table.c.patient_id == patient_id).order_by(*table.primary_key)
        return [dict(row) for row in connection.execute(query).mappings()]


def _opened(engine: Engine, clinic: Clinic, patient_id: str) -> dict[str, list[str | None]]:
    """Return what is private in a patient's rows, by column, opened."""
    found: dict[str, list[str | None]] = {}
    with make_session_factory(engine)() as session:
        for model, columns in sealed_models().items():
            if WAYS.get(model.__tablename__) is not Way.moves:
                continue
            for row in _of(engine, model.__tablename__, patient_id):
                for each in columns:
                    keys = keys_of(session, clinic.id, [row[each.column]])
                    text = each.opened(row[each.column], keys, practice_id=clinic.id, row_id=row["id"])
                    found.setdefault(f"{model.__tablename__}.{each.column}", []).append(text)
    return found


def test_every_table_with_rows_of_a_patient_says_what_becomes_of_them() -> None:
    of_patients = {table.name for table in Base.metadata.sorted_tables if "patient_id" in table.c}

    assert set(WAYS) == of_patients | {"patient"}


def test_every_row_hangs_on_the_survivor_and_opens_under_their_key_alone(
    app: Flask, engine: Engine, session: Session, clinic: Clinic, clock: FixedClock
) -> None:
    fill(app, engine, session, clinic, clock)
    session.close()
    survivor, absorbed = clinic.other_patient.id, clinic.patient.id
    moving = [name for name, way in WAYS.items() if way is Way.moves and name != "record_merge"]
    before = {name: (len(_of(engine, name, survivor)), len(_of(engine, name, absorbed))) for name in moving}
    private = _opened(engine, clinic, absorbed)
    assert [name for name in moving if not before[name][1]] == []
    command = _command(clinic, choices={Fact.phone: Side.absorbed})

    shown = _preview(engine, clinic, command)
    merge = _apply(engine, clinic, command, shown.fingerprint)

    assert {name: len(_of(engine, name, survivor)) for name in moving} == {
        name: sum(counts) for name, counts in before.items()
    }
    for name, way in WAYS.items():
        if name != "patient" and way is not Way.stays:
            assert _of(engine, name, absorbed) == [], name
    after = _opened(engine, clinic, survivor)
    assert all(set(texts) <= set(after[name]) for name, texts in private.items())
    with make_session_factory(engine)() as reading:
        (key,) = reading.scalars(select(DataKey).filter_by(practice_id=clinic.id, patient_id=survivor)).all()
        left = reading.get_one(Patient, (clinic.id, absorbed))
        kept = reading.get_one(Patient, (clinic.id, survivor))
        assert (left.deleted, left.given_name, left.email_sealed, left.phone_lookup) == (True, "", None, None)
        assert (kept.phone, kept.given_name, kept.deleted) == (PHONE, "Alex", False)
        for model, columns in sealed_models().items():
            if WAYS.get(model.__tablename__) is Way.moves:
                for row in _of(engine, model.__tablename__, survivor):
                    names = {bytes(row[each.column][1:17]).hex() for each in columns if row[each.column] is not None}
                    assert names <= {key.id}, model
        record = export_patient(reading, kept, MONDAY_AFTERNOON)
    assert f"{MARK}given" in record["tables"]["record_merge"][0]["former"]
    assert {row["given_name"] for row in record["tables"]["patient"]} == {"Alex"}
    assert merge.choices["phone"] == "absorbed"
    assert [each.violations for each in _in_session(engine, lambda s: _audit(s, clinic)) if each.violations] == []


def _audit(session: Session, clinic: Clinic) -> Any:
    return audit_practice(session, clinic.id, MONDAY_AFTERNOON)
