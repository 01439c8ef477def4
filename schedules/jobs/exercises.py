"""Writes to open episodes of an older release what their phones show to be ticked off, a bounded number at a turn."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from models import journal
from models.audit import ActorKind, AuditAction
from models.base import said
from models.care import Episode
from models.isolation import in_practice, reading_practice
from models.people import Patient
from schedules.jobs.practices import for_each, practice_ids
from schedules.planning.exercises import refresh_exercises
from schedules.planning.facts import PLANNED_FOR

WRITTEN_AT_ONCE = 50  # episodes of a practice: half a second's work


def write_exercises_of_old(make_session: sessionmaker[Session], now: datetime) -> None:
    """Write the exercises of some more episodes that have none written yet. One that fails stops no other.

    Raises the first error, once the others had their turn.
    """
    for_each(practice_ids(make_session), lambda practice_id: _go_on(make_session, practice_id, now))


def _go_on(make_session: sessionmaker[Session], practice_id: str, now: datetime) -> None:
    with reading_practice(make_session, practice_id) as session:
        query = (
            select(Episode.id, Episode.patient_id)
            .where(Episode.practice_id == practice_id, Episode.exercises.is_(None))
            .where(Episode.status.in_([said(each) for each in PLANNED_FOR]), ~Episode.deleted)
            .order_by(Episode.id)
            .limit(WRITTEN_AT_ONCE)
        )
        found = {row.id: row.patient_id for row in session.execute(query)}
    for_each(found, lambda episode_id: _write(make_session, practice_id, episode_id, found[episode_id], now))


def _write(
    make_session: sessionmaker[Session], practice_id: str, episode_id: str, patient_id: str, now: datetime
) -> None:
    with in_practice(make_session, practice_id) as session:
        # Who clears a limit or reports therapy meanwhile waits for this, or is seen by it.
        session.get_one(Patient, (practice_id, patient_id), with_for_update={"key_share": True})
        refresh_exercises(session, practice_id, episode_id)
        act = journal.Act(
            actor_kind=ActorKind.worker,
            actor_id=None,
            action=AuditAction.write,
            route="job write_exercises",
            about={"episode_id": episode_id},
            patient_ids=[patient_id],
        )
        journal.append(session, practice_id, act, now)
