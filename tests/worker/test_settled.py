"""Conflicts and refused rows that were settled long ago are removed: nothing open, and nothing of the record."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from models import FormerVersion, Patient, RefusedRow, SyncConflict
from models.engine import make_session_factory
from models.ids import new_id
from models.merging import Resolution
from models.people import Staff
from schedules import jobs
from schedules.jobs import settled
from tests import builders
from tests.clock import MONDAY_AFTERNOON
from tests.database import service_engine_of, settings_for
from tests.failpoints import running_worker
from tests.worker.rows import wait_until

TEN_YEARS = timedelta(days=3650)
LONG_AGO = MONDAY_AFTERNOON - TEN_YEARS


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    """Return a factory of sessions as the worker makes them."""
    return make_session_factory(service_engine_of(engine))


def settle(session: Session, patient: Patient, staff: Staff, at: datetime, name: str) -> None:
    """Store a conflict that was settled then, and a refused row that was done then, `name` each."""
    told = {"resolution": Resolution.kept, "resolved_at": at, "resolved_by": staff.id}
    builders.conflict(session, patient, id=name, happened_at=at, **told)
    builders.refused_row(session, patient, id=name, refused_at=at, done_at=at, done_by=staff.id)


def left(session: Session) -> tuple[set[str], set[str]]:
    """Return the ids of the conflicts and of the refused rows that are left, and let go of the database."""
    found = set(session.scalars(select(SyncConflict.id))), set(session.scalars(select(RefusedRow.id)))
    session.rollback()
    return found


def test_what_was_settled_ten_years_ago_goes_in_every_practice_and_all_else_stays(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    for place in ("here", "there"):
        practice = builders.practice(session)
        patient, staff = builders.patient(session, practice), builders.staff(session, practice)
        settle(session, patient, staff, LONG_AGO, f"{place}-old")
        settle(session, patient, staff, LONG_AGO + timedelta(seconds=1), f"{place}-young")
        builders.conflict(session, patient, id=f"{place}-open", happened_at=LONG_AGO - timedelta(days=1))
        builders.refused_row(session, patient, id=f"{place}-open", refused_at=LONG_AGO - timedelta(days=1))
        version = FormerVersion(practice_id=practice.id, id=new_id(LONG_AGO), patient_id=patient.id)
        session.add(version)
        version.collection, version.row_id, version.replaced_at = "check_ins", "check-in-1", LONG_AGO
        version.content = '{"pain":4}'
    session.commit()

    jobs.remove_settled(make_session, MONDAY_AFTERNOON, TEN_YEARS)

    stays = {f"{place}-{name}" for place in ("here", "there") for name in ("young", "open")}
    assert left(session) == (stays, stays)
    assert len(session.scalars(select(FormerVersion)).all()) == 2


@pytest.mark.sqlite_only
def test_one_turn_removes_a_bounded_number_and_the_next_turn_the_rest(
    session: Session, make_session: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settled, "REMOVED_AT_ONCE", 2)
    monkeypatch.setattr(settled, "MOST_BATCHES", 2)
    practice = builders.practice(session)
    patient, staff = builders.patient(session, practice), builders.staff(session, practice)
    for number in range(5):
        settle(session, patient, staff, LONG_AGO - timedelta(days=number), str(number))
    session.commit()

    jobs.remove_settled(make_session, MONDAY_AFTERNOON, TEN_YEARS)
    after_one = left(session)
    jobs.remove_settled(make_session, MONDAY_AFTERNOON, TEN_YEARS)

    assert (after_one, left(session)) == (({"0"}, {"0"}), (set(), set()))


@pytest.mark.sqlite_only
def test_a_worker_removes_them_by_itself_after_the_days_that_are_set(session: Session, database_url: str) -> None:
    practice = builders.practice(session)
    patient, staff = builders.patient(session, practice), builders.staff(session, practice)
    settle(session, patient, staff, MONDAY_AFTERNOON - timedelta(days=400), "old")
    settle(session, patient, staff, MONDAY_AFTERNOON - timedelta(days=399), "young")
    session.commit()

    with running_worker(settings_for(database_url, sender_processes=1, settled_kept_days=400), now=MONDAY_AFTERNOON):
        wait_until(lambda: left(session) == ({"young"}, {"young"}), within=20.0)
