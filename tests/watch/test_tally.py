"""Every decision is counted exactly once, whoever wrote it and however many workers count."""

import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from models.engine import make_session_factory
from models.ids import first_id_at
from models.isolation import in_practice
from models.reminder import DecisionKind
from schedules import jobs
from schedules.jobs import decision_tally
from schedules.jobs.decision_tally import COMMITTED_WITHIN, count_batch
from schedules.plan.vocabulary import Channel
from schedules.planning.story import Step, step_of, tell
from schedules.watch.readings import read_tally
from tests import builders
from tests.clock import MONDAY_AFTERNOON
from tests.database import service_engine_of
from tests.worker.rows import wait_until

LATER = MONDAY_AFTERNOON + COMMITTED_WITHIN + timedelta(milliseconds=1)


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    return make_session_factory(service_engine_of(engine))


@pytest.fixture
def about(session: Session) -> Step:
    """Return what the decisions of a test are about."""
    about = step_of(builders.due_delivery(session, builders.practice(session)))
    session.commit()
    return about


def decide(session: Session, about: Step, kind: DecisionKind, *, times: int = 1, reason: str | None = None) -> None:
    channel = Channel.email if kind is DecisionKind.sent else None
    for _ in range(times):
        tell(session, about, kind, now=MONDAY_AFTERNOON, reason=reason, channel=channel)
    session.commit()


def counted(session: Session) -> dict[tuple[str, str, str], int]:
    session.rollback()
    return dict(read_tally(session))


def test_decisions_are_counted_by_kind_reason_and_channel_once(
    session: Session, make_session: sessionmaker[Session], about: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision_tally, "COUNTED_AT_ONCE", 2)
    decide(session, about, DecisionKind.sent, times=3)
    decide(session, about, DecisionKind.held, times=2, reason="quiet_hours")

    for _ in range(2):
        jobs.tally(make_session, LATER)
    decide(session, about, DecisionKind.sent)
    jobs.tally(make_session, LATER)

    assert counted(session) == {("held", "quiet_hours", ""): 2, ("sent", "", "email"): 4}


def test_a_decision_that_commits_late_within_the_bound_is_counted(
    session: Session, make_session: sessionmaker[Session], about: Step
) -> None:
    """Its id sorts before that of a decision which a worker could have counted at once, passing it by for good."""
    tell(session, about, DecisionKind.held, now=MONDAY_AFTERNOON, reason="quiet_hours")
    with in_practice(make_session, about.practice_id) as other:
        made_later = MONDAY_AFTERNOON + timedelta(milliseconds=5)
        tell(other, about, DecisionKind.sent, now=made_later, channel=Channel.email)

    jobs.tally(make_session, MONDAY_AFTERNOON + timedelta(seconds=59))
    session.commit()
    jobs.tally(make_session, LATER + timedelta(seconds=1))

    assert counted(session) == {("held", "quiet_hours", ""): 1, ("sent", "", "email"): 1}


@pytest.mark.postgresql_only
def test_of_two_who_count_at_once_one_passes_by(
    session: Session, make_session: sessionmaker[Session], about: Step
) -> None:
    decide(session, about, DecisionKind.sent, times=5)
    before, practice_id = first_id_at(LATER), about.practice_id
    with in_practice(make_session, practice_id) as first:
        count_batch(first, practice_id, before)
    decide(session, about, DecisionKind.sent, times=5)

    with in_practice(make_session, practice_id) as first:
        count_batch(first, practice_id, before)
        jobs.tally(make_session, LATER)

    assert counted(session) == {("sent", "", "email"): 10}


def test_many_workers_that_count_all_the_time_count_each_decision_once(
    session: Session, make_session: sessionmaker[Session], about: Step
) -> None:
    decide(session, about, DecisionKind.sent)
    jobs.tally(make_session, LATER)
    is_done = threading.Event()

    def count() -> None:
        while not is_done.is_set():
            with suppress(OperationalError):  # as in the worker's loop: the next round tries again
                jobs.tally(make_session, LATER)

    workers = [threading.Thread(target=count) for _ in range(2)]
    for worker in workers:
        worker.start()
    for _ in range(10):
        decide(session, about, DecisionKind.sent)
    wait_until(lambda: counted(session) == {("sent", "", "email"): 11}, within=20)
    is_done.set()
    for worker in workers:
        worker.join()

    jobs.tally(make_session, LATER)

    assert counted(session) == {("sent", "", "email"): 11}
