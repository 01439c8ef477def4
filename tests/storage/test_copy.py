"""A SQLite clinic moves to PostgreSQL whole: every row, sealed or not, and the worker goes on where it was."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, func, insert, select, text
from sqlalchemy.orm import Session

from models import Base, Delivery, DeliveryAttempt, Patient, Surgery, SyncClock, Task, journal
from models.audit import ActorKind, AuditAction
from models.copy import LEASE_ENDED_AT, CopyError, copy_database
from models.engine import make_engine, make_session_factory
from models.reminder import DeliveryState
from models.report import TaskKind
from schedules.plan.vocabulary import Channel
from tests import builders
from tests.database import Databases

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.fixture
def clinic_url(databases: Databases) -> Iterator[str]:
    """Yield a SQLite clinic with rows of many kinds, deliveries under way among them."""
    with databases.migrated("sqlite") as url:
        engine = make_engine(url)
        with make_session_factory(engine)() as session:
            _fill(session)
            session.commit()
        engine.dispose()
        yield url


@pytest.fixture
def target_url(databases: Databases) -> Iterator[str]:
    """Yield a PostgreSQL database without a table."""
    with databases.empty("postgresql") as url:
        yield url


@pytest.fixture
def target(target_url: str) -> Iterator[Engine]:
    """Yield an engine on the target."""
    engine = make_engine(target_url)
    yield engine
    engine.dispose()


def _fill(session: Session) -> None:
    practice = builders.practice(session, id="practice-a", closed_on=["2026-12-25"])
    casey = builders.staff(session, practice)
    left = builders.patient(session, practice, id="patient-left")
    former = builders.episode(session, left, coordinator_id=casey.id)
    builders.episode(session, builders.patient(session, practice), coordinator_id=casey.id)
    session.commit()
    former.coordinator_id = None
    session.commit()
    leased, sending, pending = (
        builders.due_delivery(session, practice, id=f"patient-{name}", email=f"{name}@example.org")
        for name in ("leased", "sending", "pending")
    )
    patient = session.get_one(Patient, (practice.id, leased.patient_id))
    builders.push_address(session, builders.device(session, patient))
    leased.state, sending.state = DeliveryState.leased, DeliveryState.sending
    for delivery in (leased, sending):
        delivery.lease_owner, delivery.lease_until_ms, delivery.lease_boot = "worker-1", 5_000, "boot-1"
        delivery.fence = delivery.attempts = 1
    session.execute(
        insert(DeliveryAttempt).values(
            practice_id=practice.id, delivery_id=sending.id, fence=1, channel=Channel.email, started_at=NOW
        )
    )
    surgery = session.scalars(select(Surgery)).first()
    assert surgery is not None
    task = Task(practice_id=practice.id, id="task-a", patient_id=surgery.patient_id, episode_id=surgery.episode_id)
    task.kind, task.about, task.created_at = TaskKind.past_items, {"milestone_ids": ["m2", "m1"]}, NOW
    session.add(task)
    act = journal.Act(ActorKind.command, None, AuditAction.import_, "test", patient_ids=(surgery.patient_id,))
    journal.append(session, practice.id, act, NOW)
    assert pending.state is DeliveryState.pending


def _counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


@pytest.mark.postgresql_only
def test_every_row_of_every_table_arrives(clinic_url: str, target_url: str, target: Engine) -> None:
    source = make_engine(clinic_url)

    copies = copy_database(clinic_url, target_url)

    assert _counts(target) == _counts(source) == {copy.table: copy.rows for copy in copies}
    assert {copy.table for copy in copies if copy.rows} >= {
        *("patient", "delivery", "delivery_attempt", "audit_subject", "device", "push_address")
    }
    source.dispose()


@pytest.mark.postgresql_only
def test_sealed_columns_open_and_values_are_the_same_there(clinic_url: str, target_url: str, target: Engine) -> None:
    copy_database(clinic_url, target_url)

    with make_session_factory(target)() as session:
        patient = session.get_one(Patient, ("practice-a", "patient-sending"))
        task = session.get_one(Task, ("practice-a", "task-a"))

        assert patient.email == "sending@example.org"
        assert task.about == {"milestone_ids": ["m2", "m1"]}
        assert task.created_at == NOW
        assert session.scalars(select(Surgery.levels)).first() == ["L4-L5"]


@pytest.mark.postgresql_only
def test_the_revision_clock_goes_on_from_where_it_stood(clinic_url: str, target_url: str, target: Engine) -> None:
    copy_database(clinic_url, target_url)

    with make_session_factory(target)() as session:
        before = session.scalars(select(SyncClock.revision)).one()
        patient = session.get_one(Patient, ("practice-a", "patient-pending"))
        assert patient.rev == before
        patient.given_name = "Kim"
        session.commit()

        assert patient.rev == before + 1


@pytest.mark.postgresql_only
def test_a_lease_of_the_old_machine_has_ended_and_its_attempt_still_waits_for_an_outcome(
    clinic_url: str, target_url: str, target: Engine
) -> None:
    copy_database(clinic_url, target_url)

    with make_session_factory(target)() as session:
        deliveries = {delivery.patient_id: delivery for delivery in session.scalars(select(Delivery))}
        attempt = session.scalars(select(DeliveryAttempt)).one()

    sending, leased, pending = (deliveries[f"patient-{name}"] for name in ("sending", "leased", "pending"))
    assert (sending.state, leased.state) == (DeliveryState.sending, DeliveryState.leased)
    assert (sending.lease_until, leased.lease_until, pending.lease_until) == (LEASE_ENDED_AT, LEASE_ENDED_AT, None)
    assert {(each.lease_until_ms, each.lease_boot) for each in deliveries.values()} == {(None, None)}
    assert (attempt.delivery_id, attempt.outcome) == (sending.id, None)


@pytest.mark.postgresql_only
def test_the_guards_stand_in_the_target(clinic_url: str, target_url: str, target: Engine) -> None:
    copy_database(clinic_url, target_url)

    with target.connect() as connection, pytest.raises(Exception, match="append-only"):
        connection.execute(text("DELETE FROM audit_entry"))


@pytest.mark.postgresql_only
def test_copying_twice_is_refused_and_changes_nothing(clinic_url: str, target_url: str, target: Engine) -> None:
    copy_database(clinic_url, target_url)
    before = _counts(target)

    with pytest.raises(CopyError, match="expected an empty database to copy to, got rows in"):
        copy_database(clinic_url, target_url)

    assert _counts(target) == before


@pytest.mark.postgresql_only
def test_a_target_with_strangers_tables_is_refused_untouched(clinic_url: str, target_url: str, target: Engine) -> None:
    with target.begin() as connection:
        connection.execute(text("CREATE TABLE invoices (id int)"))

    with pytest.raises(CopyError, match="got the tables invoices"):
        copy_database(clinic_url, target_url)

    with target.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")) == 1


@pytest.mark.postgresql_only
def test_a_migrated_target_without_rows_is_taken(clinic_url: str, owner_url: str, engine: Engine) -> None:
    copy_database(clinic_url, owner_url)

    assert _counts(engine)["patient"] == 5


@pytest.mark.postgresql_only
def test_a_row_that_arrives_changed_undoes_the_whole_copy(clinic_url: str, owner_url: str, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                                " NEW.family_name := 'Other'; RETURN NEW; END $$"))  # fmt: skip
        connection.execute(text("CREATE TRIGGER spoil BEFORE INSERT ON patient FOR EACH ROW EXECUTE FUNCTION spoil()"))

    with pytest.raises(CopyError, match="expected the rows of patient to arrive unchanged"):
        copy_database(clinic_url, owner_url)

    assert set(_counts(engine).values()) == {0}


@pytest.mark.postgresql_only
def test_a_row_that_is_lost_on_the_way_undoes_the_whole_copy(clinic_url: str, owner_url: str, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE RULE lose AS ON INSERT TO audit_subject DO INSTEAD NOTHING"))

    with pytest.raises(CopyError, match="expected 1 rows in audit_subject, got 0"):
        copy_database(clinic_url, owner_url)

    assert set(_counts(engine).values()) == {0}


@pytest.mark.postgresql_only
def test_a_source_of_an_older_schema_is_refused(databases: Databases, target_url: str) -> None:
    with databases.empty("sqlite") as url, pytest.raises(CopyError, match="migrate it first"):
        copy_database(url, target_url)


@pytest.mark.postgresql_only
def test_only_sqlite_to_postgresql_is_copied(clinic_url: str, target_url: str) -> None:
    with pytest.raises(CopyError, match="expected a PostgreSQL database to copy to, got sqlite"):
        copy_database(clinic_url, clinic_url)
    with pytest.raises(CopyError, match="expected a SQLite database to copy from, got postgresql"):
        copy_database(target_url, target_url)
