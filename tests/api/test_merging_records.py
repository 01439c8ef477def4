"""Two records of one person become one: every row of the one hangs on the other, and nothing of it is half done."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models import (
    AlertEntry,
    Base,
    CareAssignment,
    DataKey,
    FormerVersion,
    Letter,
    Milestone,
    Patient,
    RecordMerge,
    Reminder,
)
from models.base import table_of
from models.engine import make_session_factory
from models.erasure import ErasureReason
from models.private import keys_of
from models.reminder import Delivery, DeliveryState
from schedules.plan.vocabulary import EpisodeStatus, ReminderState
from schedules.planning import plan_episode
from schedules.watch.self_audit import audit_practice
from service.care.erasure import Erase, OverrideReason, erase_patient, reapply
from service.care.erasure_ledger import LedgerEntry, entry_of
from service.care.merged_ids import absorbed_ids
from service.care.merging_checks import Merge
from service.care.merging_facts import Fact, Side
from service.care.merging_records import MessageFate, Rehearsal, apply_merge, preview_merge
from service.care.merging_rows import WAYS, Way
from service.care.patient_export import export_patient
from service.care.resealing import sealed_models
from service.errors import NotFoundError, StaleMergeError
from tests import builders
from tests.api.canaries import MARK, MRN, PHONE, fill, marks_in
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
    done: Rehearsal = _in_session(engine, lambda session: preview_merge(session, clinic.id, command, MONDAY_AFTERNOON))
    return done


def _apply(engine: Engine, clinic: Clinic, command: Merge, agreed: str, merge_id: str = "merge") -> RecordMerge:
    told: dict[str, Any] = {
        "merge_id": merge_id,
        "agreed": agreed,
        "by": clinic.coordinator.id,
        "now": MONDAY_AFTERNOON,
    }
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
    moving = [name for name, way in WAYS.items() if way is Way.moves]
    before = {name: (len(_of(engine, name, survivor)), len(_of(engine, name, absorbed))) for name in moving}
    private = _opened(engine, clinic, absorbed)
    links = {row["id"] for row in _of(engine, "message_link", absorbed)}
    violations = _violations(engine, clinic, clock)
    assert [name for name in moving if not before[name][1]] == []
    command = _command(clinic, choices={Fact.phone: Side.absorbed, Fact.mrn: Side.absorbed})

    shown = _preview(engine, clinic, command)
    merge = _apply(engine, clinic, command, shown.fingerprint)

    assert {name: len(_of(engine, name, survivor)) for name in moving} == {
        name: sum(counts) + (name == "record_merge") for name, counts in before.items()
    }
    for name, way in WAYS.items():
        if name != "patient" and way is not Way.stays:
            assert _of(engine, name, absorbed) == [], name
    assert all(row["ended_how"] for row in _of(engine, "proxy_consent", survivor))
    assert {row["expires_at"] for row in _of(engine, "message_link", survivor) if row["id"] in links} == {clock.now()}
    after = _opened(engine, clinic, survivor)
    assert all(set(texts) <= set(after[name]) for name, texts in private.items())
    with make_session_factory(engine)() as reading:
        (key,) = reading.scalars(select(DataKey).filter_by(practice_id=clinic.id, patient_id=survivor)).all()
        left = reading.get_one(Patient, (clinic.id, absorbed))
        kept = reading.get_one(Patient, (clinic.id, survivor))
        assert (left.deleted, left.given_name, left.email_sealed, left.phone_lookup) == (True, "", None, None)
        assert (kept.phone, kept.mrn, kept.given_name, kept.deleted) == (PHONE, MRN, "Alex", False)
        for model, columns in sealed_models().items():
            if WAYS.get(model.__tablename__) is Way.moves:
                for row in _of(engine, model.__tablename__, survivor):
                    names = {bytes(row[each.column][1:17]).hex() for each in columns if row[each.column] is not None}
                    assert names <= {key.id}, model
        record = export_patient(reading, kept, MONDAY_AFTERNOON)
    merges = {row["id"]: row["former"] for row in record["tables"]["record_merge"]}
    assert (merges["marked"], f"{MARK}given" in merges["merge"]) == (f'"{MARK} former"', True)
    assert {row["given_name"] for row in record["tables"]["patient"]} == {"Alex"}
    assert merge.choices["phone"] == "absorbed"
    assert all(count <= violations[name] for name, count in _violations(engine, clinic, clock).items())


def _violations(engine: Engine, clinic: Clinic, clock: FixedClock) -> dict[str, int]:
    """Return what the nightly audit finds: its rows of canaries are not all of a whole plan."""
    told: dict[str, Any] = {"clock": clock, "now": clock.now(), "overdue_after": timedelta(days=9)}
    audit = audit_practice(make_session_factory(engine), clinic.id, **told)
    return {each.invariant: each.violations for each in audit.findings}


def test_a_dry_run_stores_nothing_and_shows_what_is_done(engine: Engine, clinic: Clinic) -> None:
    before, command = _everything(engine), _command(clinic)

    shown = _preview(engine, clinic, command)

    assert _everything(engine) == before
    merge = _apply(engine, clinic, command, shown.fingerprint)
    assert merge.moved == {name: dict(value) for name, value in asdict(shown.merged.carried).items()}
    assert merge.answers == {reminder_id: fate.value for reminder_id, fate in shown.merged.messages.items()}
    assert (merge.patient_id, merge.absorbed_id) == (clinic.other_patient.id, clinic.patient.id)


def test_of_what_both_plans_say_one_message_is_left_and_each_has_its_own_delivery(
    engine: Engine, clinic: Clinic, clock: FixedClock, look: Look
) -> None:
    whose = {"practice_id": clinic.id, "state": ReminderState.planned}
    before = {row.id: row for row in look(Reminder, **whose)}
    violations = _violations(engine, clinic, clock)
    command = _command(clinic)

    merge = _apply(engine, clinic, command, _preview(engine, clinic, command).fingerprint)

    after = {row.id: row for row in look(Reminder, **whose, patient_id=clinic.other_patient.id)}
    withdrawn = {each for each, fate in merge.answers.items() if fate == MessageFate.withdrawn}
    assert withdrawn
    assert set(after) == set(before) - withdrawn
    waiting = look(Delivery, practice_id=clinic.id, state=DeliveryState.pending)
    assert sorted(each.reminder_id or "" for each in waiting) == sorted(after)
    assert {each.patient_id for each in waiting} == {clinic.other_patient.id}
    assert _violations(engine, clinic, clock) == violations
    for milestone in look(Milestone, practice_id=clinic.id, kind="wound_check"):
        assert len({row.milestone_id for row in after.values() if row.milestone_id == milestone.id}) <= 1


def test_the_patients_own_zone_and_quiet_hours_hold_for_what_came_over(
    engine: Engine, session: Session, clinic: Clinic, look: Look
) -> None:
    clinic.other_patient.time_zone, clinic.other_episode.status = "Pacific/Auckland", EpisodeStatus.closed
    session.flush()
    plan_episode(session, clinic.id, clinic.other_episode.id, MONDAY_AFTERNOON)
    session.commit()
    ours = {"practice_id": clinic.id, "episode_id": clinic.episode.id, "state": ReminderState.planned}
    before = {row.id: row.due_at for row in look(Reminder, **ours)}
    command = _command(clinic)

    merge = _apply(engine, clinic, command, _preview(engine, clinic, command).fingerprint)

    after = {row.id: row.due_at for row in look(Reminder, **ours)}
    assert after.keys() == before.keys() != set()
    assert all(before[each] != due_at for each, due_at in after.items())
    assert {merge.answers[each] for each in after} == {MessageFate.planned_again}


@pytest.mark.parametrize("place", ["UPDATE surgery", "UPDATE panel", "UPDATE patient", "UPDATE record_merge"])
def test_what_fails_on_its_way_leaves_nothing_half_done(engine: Engine, clinic: Clinic, place: str) -> None:
    command = _command(clinic)
    agreed = _preview(engine, clinic, command).fingerprint
    before = _everything(engine)

    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(place):
            raise RuntimeError(place)

    event.listen(engine, "before_cursor_execute", fail)
    with pytest.raises(RuntimeError):
        _apply(engine, clinic, command, agreed)
    event.remove(engine, "before_cursor_execute", fail)

    assert _everything(engine) == before
    assert _apply(engine, clinic, command, agreed).absorbed_id == clinic.patient.id


def test_what_changed_since_the_dry_run_is_seen_before_anything_is_done(
    engine: Engine, session: Session, clinic: Clinic
) -> None:
    command = _command(clinic)
    agreed = _preview(engine, clinic, command).fingerprint
    session.get_one(Patient, (clinic.id, clinic.patient.id)).family_name = "Else"
    session.commit()
    before = _everything(engine)

    with pytest.raises(StaleMergeError):
        _apply(engine, clinic, command, agreed)

    assert _everything(engine) == before


def test_a_merge_that_is_asked_for_again_is_done_once(engine: Engine, clinic: Clinic) -> None:
    command = _command(clinic)
    agreed = _preview(engine, clinic, command).fingerprint
    _apply(engine, clinic, command, agreed)
    before = _everything(engine)

    again = _apply(engine, clinic, command, agreed)

    assert again.absorbed_id == clinic.patient.id
    assert _everything(engine) == before
    with pytest.raises(NotFoundError):
        _apply(engine, clinic, command, agreed, "another")


def test_a_record_that_took_in_another_takes_it_along(engine: Engine, session: Session, clinic: Clinic) -> None:
    third = builders.patient(session, clinic.practice, given_name="Third")
    builders.episode(session, third, label=clinic.episode.label)
    session.commit()
    first = _command(clinic, survivor_id=clinic.patient.id, absorbed_id=third.id)
    merge = _apply(engine, clinic, first, _preview(engine, clinic, first).fingerprint)
    assert list(merge.moved["labels"].values()) == [f"{clinic.episode.label}-2"]
    then = _command(clinic)

    _apply(engine, clinic, then, _preview(engine, clinic, then).fingerprint, "then")

    with make_session_factory(engine)() as reading:
        survivor = clinic.other_patient.id
        assert absorbed_ids(reading, clinic.id, survivor) == tuple(sorted((third.id, clinic.patient.id)))
        merges = reading.scalars(select(RecordMerge).filter_by(patient_id=survivor).order_by(RecordMerge.id)).all()
        assert "Third" in (merges[0].former or "")


def test_who_has_both_patients_has_the_one_that_is_left_once(engine: Engine, session: Session, clinic: Clinic) -> None:
    given = {"practice_id": clinic.id, "assigned_at": MONDAY_AFTERNOON, "assigned_by": clinic.coordinator.id}
    for number, (patient, who) in enumerate(
        (
            (clinic.patient, clinic.clinician),
            (clinic.other_patient, clinic.clinician),
            (clinic.patient, clinic.coordinator),
        )
    ):
        session.add(CareAssignment(id=f"given-{number}", patient_id=patient.id, staff_id=who.id, **given))
    session.commit()
    command = _command(clinic)

    _apply(engine, clinic, command, _preview(engine, clinic, command).fingerprint)

    assert [row["id"] for row in _of(engine, "care_assignment", clinic.other_patient.id)] == ["given-1", "given-2"]


def test_erasing_the_survivor_erases_what_came_over_and_an_older_copy_loses_both(
    app: Flask, engine: Engine, session: Session, clinic: Clinic, clock: FixedClock
) -> None:
    fill(app, engine, session, clinic, clock)
    session.close()
    command = _command(clinic)
    _apply(engine, clinic, command, _preview(engine, clinic, command).fingerprint)
    entered: list[LedgerEntry] = []

    with make_session_factory(engine)() as erasing:
        patient = erasing.get_one(Patient, (clinic.id, clinic.other_patient.id))
        anyway = Erase(ErasureReason.asked_by_patient, OverrideReason.record_kept_elsewhere)
        erase_patient(erasing, patient, anyway, MONDAY_AFTERNOON, enter=entered.append)
        erasing.commit()

    assert marks_in(engine) == []
    all_of_them = (clinic.other_patient.id, *sorted(("absorbed", clinic.patient.id)))
    assert entered == [entry_of(clinic.id, each, MONDAY_AFTERNOON) for each in all_of_them]
    with make_session_factory(engine)() as restored:
        assert reapply(restored, entered, MONDAY_AFTERNOON) == {}


def test_rows_of_append_only_tables_go_to_the_survivor_of_a_merge_alone(
    app: Flask, engine: Engine, session: Session, clinic: Clinic, clock: FixedClock
) -> None:
    fill(app, engine, session, clinic, clock)
    for model in (AlertEntry, FormerVersion, Letter):
        table = table_of(model)
        with pytest.raises(DBAPIError, match=r"append-only|refuse_change"):
            session.execute(update(table).values(patient_id=clinic.other_patient.id))
        session.rollback()
