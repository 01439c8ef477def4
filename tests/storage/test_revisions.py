"""Every synced change is stamped with one revision a transaction, in commit order, and none gets by unstamped."""

import threading
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models import Milestone, Patient, SyncClock, journal
from models.audit import ActorKind, AuditAction
from models.engine import make_session_factory
from models.sync import stamp
from models.triggers import APPEND_ONLY, synced_tables
from tests import builders

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def _clock_of(session: Session, practice_id: str) -> int:
    return session.scalars(select(SyncClock.revision).where(SyncClock.practice_id == practice_id)).one()


def test_all_rows_of_one_transaction_carry_its_one_revision(session: Session) -> None:
    practice = builders.practice(session)
    session.commit()
    before = _clock_of(session, practice.id)

    patient = builders.patient(session, practice)
    surgery = builders.surgery(session, builders.episode(session, patient))
    milestone = builders.milestone(session, surgery)
    session.commit()

    assert {patient.rev, surgery.rev, milestone.rev} == {before + 1}
    assert _clock_of(session, practice.id) == before + 1


def test_a_new_practice_starts_at_revision_1_since_watermelondb_refuses_0(session: Session) -> None:
    practice = builders.practice(session)

    assert _clock_of(session, practice.id) == 1


def test_a_rolled_back_change_leaves_no_gap(session: Session) -> None:
    practice = builders.practice(session)
    session.commit()
    builders.patient(session, practice)
    session.rollback()

    patient = builders.patient(session, practice)
    session.commit()

    assert patient.rev == 2


def test_a_row_that_did_not_change_keeps_its_revision(session: Session) -> None:
    practice = builders.practice(session)
    patient = builders.patient(session, practice)
    session.commit()

    patient.given_name = str(patient.given_name)
    session.commit()

    assert (patient.rev, _clock_of(session, practice.id)) == (2, 2)


def test_practices_have_clocks_of_their_own(session: Session) -> None:
    first, second = builders.practice(session), builders.practice(session)
    builders.patient(session, first)
    session.commit()

    other = builders.patient(session, second)
    session.commit()

    assert other.rev == 2


def test_a_practice_without_a_clock_takes_no_change(session: Session) -> None:
    practice = builders.practice(session)
    session.execute(delete(SyncClock))

    with pytest.raises(LookupError, match="expected a practice with a revision clock"):
        builders.patient(session, practice)


def test_the_order_of_revisions_is_the_order_of_commits(engine: Engine) -> None:
    make_session = make_session_factory(engine)
    with make_session() as session:
        practice = builders.practice(session)
        patients = [builders.patient(session, practice).id for _ in range(3)]
        session.commit()
    seen: list[int] = []

    def change(patient_id: str) -> None:
        for turn in range(10):
            with make_session() as own:
                row = own.get_one(Patient, (practice.id, patient_id))
                row.family_name = f"Sample {turn}"
                own.flush()
                seen.append(row.rev)  # the clock stays locked to the commit: nobody else gets here meanwhile
                own.commit()

    threads = [threading.Thread(target=change, args=(patient_id,)) for patient_id in patients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == list(range(3, 33))


def test_a_bulk_update_of_synced_rows_is_refused(session: Session) -> None:
    builders.patient(session, builders.practice(session))

    with pytest.raises(TypeError, match="expected changes to Patient row by row"):
        session.execute(update(Patient).values(family_name="Other"))


def test_a_bulk_delete_of_synced_rows_is_refused(session: Session) -> None:
    with pytest.raises(TypeError, match="expected changes to Milestone row by row"):
        session.execute(delete(Milestone))


def test_deleting_a_synced_row_asks_for_a_tombstone(session: Session) -> None:
    patient = builders.patient(session, builders.practice(session))

    session.delete(patient)

    with pytest.raises(TypeError, match="expected a tombstone, got a delete of a Patient"):
        session.flush()


def test_a_core_insert_with_a_stamp_is_the_way_for_many_rows(session: Session) -> None:
    practice = builders.practice(session)
    patient = builders.patient(session, practice)
    session.commit()

    revision = stamp(session, practice.id)
    rows = [{"practice_id": practice.id, "id": f"e{n}", "patient_id": patient.id, "rev": revision} for n in (1, 2)]
    shared = {"deleted": False, "status": "active", "workers_comp": False, "enrolled_at": NOW}
    episode = builders.episode(session, patient)
    table = type(episode).__table__
    session.execute(insert(table), [row | shared | {"label": row["id"]} for row in rows])  # type: ignore[arg-type]
    session.commit()

    assert revision == 3
    assert episode.rev == revision


@pytest.mark.parametrize("statement", ["UPDATE patient SET family_name = 'X'", "DELETE FROM patient"])
def test_the_database_itself_refuses_an_unstamped_change(session: Session, statement: str) -> None:
    builders.patient(session, builders.practice(session))

    with pytest.raises(DBAPIError):
        session.execute(text(statement))


def test_the_database_itself_refuses_a_revision_that_goes_back(session: Session) -> None:
    builders.patient(session, builders.practice(session))

    with pytest.raises(DBAPIError):
        session.execute(text("UPDATE patient SET rev = rev - 1"))


def test_every_synced_table_and_no_other_kind_is_guarded() -> None:
    assert {"patient", "episode", "surgery", "milestone", "milestone_progress", "reminder"} <= set(synced_tables())
    assert not set(synced_tables()) & set(APPEND_ONLY)


@pytest.mark.parametrize("table", ["audit_entry", "audit_subject"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET practice_id = practice_id", "DELETE FROM {}"])
def test_the_audit_trail_is_append_only(session: Session, table: str, statement: str) -> None:
    practice = builders.practice(session)
    act = journal.Act(ActorKind.command, None, AuditAction.write, "test", patient_ids=("patient-a",))
    journal.append(session, practice.id, act, NOW)

    with pytest.raises(DBAPIError):
        session.execute(text(statement.format(table)))


def test_what_was_decided_of_a_reminder_is_append_only(session: Session) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    session.execute(
        text(
            "INSERT INTO decision (practice_id, id, reminder_id, generation, decided_at, kind) "
            "VALUES (:practice, 'd1', :reminder, 1, :now, 'planned')"
        ),
        {"practice": delivery.practice_id, "reminder": delivery.reminder_id, "now": "2026-03-02 15:00:00+00:00"},
    )

    with pytest.raises(DBAPIError):
        session.execute(text("UPDATE decision SET kind = 'sent'"))


def test_a_birth_date_is_stored_as_the_date_it_was(session: Session) -> None:
    patient = builders.patient(session, builders.practice(session), date_of_birth=date(1944, 2, 29))
    session.commit()
    session.expunge_all()

    assert session.get_one(Patient, (patient.practice_id, patient.id)).date_of_birth == date(1944, 2, 29)
