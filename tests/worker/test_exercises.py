"""Episodes of an older release get their exercises for phones, once, and one that fails stops no other."""

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from models.audit import AuditEntry
from models.care import Episode
from models.engine import make_session_factory
from models.isolation import in_practice
from models.sync import SyncClock
from schedules import jobs
from schedules.jobs import exercises as job
from schedules.plan.vocabulary import EpisodeStatus
from schedules.planning import plan_episode
from schedules.planning.exercises import refresh_exercises
from tests import builders
from tests.clock import MONDAY_AFTERNOON
from tests.database import service_engine_of


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    return make_session_factory(service_engine_of(engine))


def of_older_release(session: Session, **changes: object) -> Episode:
    """Return a planned episode, as a release stored it that knew of no phones with exercises."""
    practice = builders.practice(session)
    episode = builders.episode(session, builders.patient(session, practice), **changes)
    builders.surgery(session, episode)
    plan_episode(session, practice.id, episode.id, MONDAY_AFTERNOON)
    session.commit()
    episode.exercises = None
    session.commit()
    return episode


def keys_of(session: Session, episode: Episode) -> list[str] | None:
    session.expire_all()
    stored = session.get_one(Episode, (episode.practice_id, episode.id)).exercises
    session.rollback()
    return None if stored is None else [each["key"] for each in stored]


def test_an_open_episode_gets_its_exercises_once_with_an_entry_in_the_trail(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    episode = of_older_release(session)
    ended = of_older_release(session, status=EpisodeStatus.closed)

    jobs.write_exercises_of_old(make_session, MONDAY_AFTERNOON)
    clock = select(SyncClock.revision).where(SyncClock.practice_id == episode.practice_id)
    revision = session.scalar(clock)
    session.rollback()
    jobs.write_exercises_of_old(make_session, MONDAY_AFTERNOON)

    assert keys_of(session, episode) == ["spine_straight", "walk", "sit_breaks"]
    assert keys_of(session, ended) is None
    assert session.scalar(clock) == revision
    routes = session.scalars(select(AuditEntry.route).where(AuditEntry.practice_id == episode.practice_id)).all()
    assert routes.count("job write_exercises") == 1


def test_an_episode_that_fails_stops_no_other(
    session: Session, make_session: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = sorted((of_older_release(session), of_older_release(session)), key=lambda each: each.practice_id)

    def failing(session: Session, practice_id: str, episode_id: str) -> None:
        if episode_id == first.id:
            raise LookupError("expected a stored episode")
        refresh_exercises(session, practice_id, episode_id)

    monkeypatch.setattr(job, "refresh_exercises", failing)

    with pytest.raises(LookupError):
        jobs.write_exercises_of_old(make_session, MONDAY_AFTERNOON)

    assert keys_of(session, first) is None
    assert keys_of(session, second) == ["spine_straight", "walk", "sit_breaks"]


def test_a_row_that_one_transaction_changes_twice_takes_a_revision_for_each(session: Session) -> None:
    episode = of_older_release(session)
    with in_practice(make_session_factory(session.get_bind()), episode.practice_id) as own:  # type: ignore[arg-type]
        row = own.get_one(Episode, (episode.practice_id, episode.id))
        before, row.workers_comp = row.rev, True
        own.flush()

        plan_episode(own, episode.practice_id, episode.id, MONDAY_AFTERNOON)

    assert keys_of(session, episode) == ["spine_straight", "walk", "sit_breaks"]
    assert session.get_one(Episode, (episode.practice_id, episode.id)).rev == before + 2
