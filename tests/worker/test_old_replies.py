"""Replies that were kept for a day are removed: a bounded number at a turn, and nothing else is touched."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session, sessionmaker

from models.engine import make_session_factory
from models.replies import KeptReply, claim_reply
from models.sync import SyncClock
from schedules import jobs
from schedules.jobs.kept_replies import MOST_BATCHES, REMOVED_AT_ONCE
from tests import builders
from tests.clock import MONDAY_AFTERNOON
from tests.database import service_engine_of, settings_for
from tests.failpoints import running_worker
from tests.worker.rows import wait_until

A_DAY_AGO = MONDAY_AFTERNOON - timedelta(hours=24)


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    """Return a factory of sessions as the worker makes them."""
    return make_session_factory(service_engine_of(engine))


def keep(session: Session, practice_id: str, made_at: datetime, *ids: str) -> None:
    rows = [{"practice_id": practice_id, "id": each, "made_at": made_at, "reply_sealed": b"reply"} for each in ids]
    session.execute(insert(KeptReply), rows)
    session.commit()


def kept(session: Session) -> set[str]:
    """Return the ids that are left, and let go of the database."""
    ids = set(session.scalars(select(KeptReply.id)))
    session.rollback()
    return ids


def test_what_was_kept_for_a_day_is_removed_in_every_practice_and_no_clock_moves(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    here, there = builders.practice(session).id, builders.practice(session).id
    keep(session, here, A_DAY_AGO, "old")
    keep(session, here, A_DAY_AGO + timedelta(seconds=1), "young")
    keep(session, there, A_DAY_AGO - timedelta(days=30), "older")
    before = session.scalars(select(SyncClock.revision).order_by(SyncClock.practice_id)).all()
    session.rollback()

    jobs.remove_old_replies(make_session, MONDAY_AFTERNOON)

    assert kept(session) == {"young"}
    assert session.scalars(select(SyncClock.revision).order_by(SyncClock.practice_id)).all() == before


def test_one_turn_removes_a_bounded_number_and_the_next_turn_the_rest(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    most = REMOVED_AT_ONCE * MOST_BATCHES
    keep(session, builders.practice(session).id, A_DAY_AGO, *(str(number) for number in range(most + 1)))

    jobs.remove_old_replies(make_session, MONDAY_AFTERNOON)
    left = kept(session)
    jobs.remove_old_replies(make_session, MONDAY_AFTERNOON)

    assert (len(left), kept(session)) == (1, set())


@pytest.mark.postgresql_only
def test_what_a_request_takes_anew_meanwhile_stays(session: Session, make_session: sessionmaker[Session]) -> None:
    practice_id = builders.practice(session).id
    keep(session, practice_id, A_DAY_AGO, "taken", "left")
    is_taken = claim_reply(session, practice_id, "taken", MONDAY_AFTERNOON)

    jobs.remove_old_replies(make_session, MONDAY_AFTERNOON)
    session.commit()

    assert is_taken
    assert kept(session) == {"taken"}


@pytest.mark.sqlite_only
def test_a_worker_removes_them_by_itself(session: Session, database_url: str) -> None:
    keep(session, builders.practice(session).id, A_DAY_AGO, "old")

    with running_worker(settings_for(database_url, sender_processes=1), now=MONDAY_AFTERNOON):
        wait_until(lambda: kept(session) == set(), within=20.0)
