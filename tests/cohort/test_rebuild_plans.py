"""`flask rebuild-plans`: every open plan follows what the clinic's settings and the engine say now."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, Milestone, Practice
from schedules.plan.vocabulary import EpisodeStatus, WorkClass
from schedules.planning import plan_episode
from tests import builders
from tests.clock import FixedClock
from tests.cohort.test_commands import run_command


def planned(session: Session, practice: Practice, status: EpisodeStatus) -> str:
    """Store a workers' compensation case with its plan, and return the episode's id."""
    patient = builders.patient(session, practice, work_class=WorkClass.medium)
    episode = builders.episode(session, patient, workers_comp=True)
    builders.surgery(session, episode, surgery_on=date(2026, 2, 23))
    session.commit()
    plan_episode(session, practice.id, episode.id, FixedClock().now())
    episode.status = status
    session.commit()
    return episode.id


def work_day(session: Session, episode_id: str) -> date | None:
    row = session.scalars(select(Milestone).filter_by(episode_id=episode_id, key="rtw_med")).one()
    return row.target_on


def test_open_plans_follow_a_changed_setting_and_closed_ones_stay(
    session: Session, settings: Settings, clock: FixedClock
) -> None:
    practice = builders.practice(session)
    open_id, closed_id = (planned(session, practice, each) for each in (EpisodeStatus.active, EpisodeStatus.closed))
    practice.workers_comp_percent = 150
    session.commit()

    first, second = (run_command(settings, clock, "rebuild-plans") for _ in range(2))

    assert (first.exit_code, first.stdout) == (0, "1 open episodes: 1 planned again, 0 refused.\n")
    assert second.stdout == first.stdout
    session.expire_all()
    assert work_day(session, open_id) == date(2026, 4, 27)  # 42 days by half
    assert work_day(session, closed_id) == date(2026, 4, 6)
    routes = session.scalars(select(AuditEntry.route)).all()
    assert routes == ["flask rebuild-plans", "flask rebuild-plans"]
