"""A transaction that has only read ends, and one that may write begins on the same connection."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models import DeadAddress, Patient, SyncClock
from models.audit import ActorKind, AuditAction, AuditEntry
from models.engine import begin_reads, make_session_factory
from models.isolation import see, write_after_reads
from models.journal import Act, append
from schedules.plan.vocabulary import Provider
from tests import builders

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
READ = Act(ActorKind.device, "phone-1", AuditAction.read, "GET /api/v1/sync/watermelon")


@pytest.fixture
def practice_id(session: Session) -> str:
    """Store two practices with a patient each, and return the first one's id."""
    for number in (1, 2):
        builders.patient(session, builders.practice(session), id=f"patient-{number}", mrn=f"SP00000{number}")
    first = session.scalars(select(Patient.practice_id).where(Patient.id == "patient-1")).one()
    session.commit()
    return first


@pytest.fixture
def reading(service_engine: Engine, practice_id: str) -> Iterator[Session]:
    """Yield a session of the service that sees the first practice and has read at one moment."""
    with make_session_factory(service_engine)() as reader:
        see(reader, practice_id)
        begin_reads(reader, snapshot=True)
        assert reader.scalars(select(Patient.mrn).where(Patient.practice_id == practice_id)).one() == "SP000001"
        yield reader


def test_what_it_writes_is_stored(reading: Session, session: Session, practice_id: str) -> None:
    write_after_reads(reading)
    append(reading, practice_id, READ, NOW)
    reading.commit()

    assert session.scalars(select(AuditEntry.actor_id)).all() == ["phone-1"]


def test_it_sees_what_was_stored_since_it_read(reading: Session, session: Session, practice_id: str) -> None:
    session.execute(text("UPDATE sync_clock SET revision = 17"))
    session.commit()

    write_after_reads(reading)

    clock = select(SyncClock.revision).where(SyncClock.practice_id == practice_id)
    assert reading.scalars(clock).one() == 17


def test_nothing_of_what_was_read_is_stored(reading: Session, session: Session, practice_id: str) -> None:
    person = reading.scalars(select(Patient).where(Patient.practice_id == practice_id)).one()
    person.mrn = "SP000009"
    reading.add(DeadAddress(practice_id=practice_id, target=b"somebody", provider=Provider.smtp, died_at=NOW))

    write_after_reads(reading)
    reading.commit()

    assert session.scalars(select(Patient.mrn).order_by(Patient.mrn)).all() == ["SP000001", "SP000002"]
    assert session.scalars(select(DeadAddress.target)).all() == []


@pytest.mark.postgresql_only
def test_it_sees_the_rows_of_the_same_practice_alone(reading: Session) -> None:
    write_after_reads(reading)

    assert reading.execute(text("SELECT id FROM patient")).scalars().all() == ["patient-1"]


@pytest.mark.postgresql_only
def test_it_stands_at_no_moment_any_more(reading: Session) -> None:
    write_after_reads(reading)

    assert reading.execute(text("SHOW transaction_isolation")).scalar_one() == "read committed"


@pytest.mark.postgresql_only
def test_who_borrows_the_connection_next_may_write(reading: Session, service_engine: Engine) -> None:
    write_after_reads(reading)
    reading.commit()

    with service_engine.connect() as connection:
        told = (
            connection.execute(text("SHOW transaction_isolation")),
            connection.execute(text("SHOW transaction_read_only")),
        )
        assert [each.scalar_one() for each in told] == ["read committed", "off"]


@pytest.mark.postgresql_only
@pytest.mark.parametrize("snapshot", [True, False])
@pytest.mark.parametrize("keeps_plans", [True, False])
def test_statements_stay_prepared_where_nothing_could_be_written_and_they_may(
    service_engine: Engine, practice_id: str, *, snapshot: bool, keeps_plans: bool
) -> None:
    for _ in range(10):
        with make_session_factory(service_engine)() as reader:
            see(reader, practice_id)
            begin_reads(reader, snapshot=snapshot)
            write_after_reads(reader, keeps_plans=keeps_plans)
            append(reader, practice_id, READ, NOW)
            reader.commit()

    with service_engine.connect() as connection:  # the pool's only one
        prepared = set(connection.execute(text("SELECT statement FROM pg_prepared_statements")).scalars())
    assert any(each.startswith("INSERT INTO audit_entry") for each in prepared) is (snapshot and keeps_plans)


@pytest.mark.parametrize("keeps_plans", [True, False])
def test_what_a_transaction_that_may_write_has_written_is_not_kept(
    service_engine: Engine, session: Session, practice_id: str, *, keeps_plans: bool
) -> None:
    with make_session_factory(service_engine)() as trying:
        see(trying, practice_id)
        trying.execute(text("UPDATE sync_clock SET epoch = 9"))
        write_after_reads(trying, keeps_plans=keeps_plans)
        trying.commit()

    assert session.scalars(select(SyncClock.epoch)).all() == [0, 0]


@pytest.mark.sqlite_only
def test_it_waits_for_whoever_writes_and_gives_up_in_the_end(
    reading: Session, engine: Engine, session: Session
) -> None:
    reading.execute(text("PRAGMA busy_timeout = 1"))
    session.execute(text("UPDATE sync_clock SET revision = 17"))

    with pytest.raises(DBAPIError, match="locked"):
        write_after_reads(reading)
