"""What was ticked before phones could synchronise it is told to them when the schema learns to, and nothing else is."""

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.care import Reporter
from models.engine import make_session_factory
from models.migrate import downgrade, upgrade
from models.report import CheckIn
from models.sync import SyncClock
from tests import builders

Ticks = dict[str, list[str] | None]
HERE: Ticks = {"ticked": ["walk"], "none-done": [], "not-asked": None}
THERE: Ticks = {"elsewhere": None}


def add_check_ins(session: Session) -> tuple[str, str]:
    """Store check-ins of two clinics, of which the second has no ticks. Return the clinics' ids."""
    clinics = builders.practice(session), builders.practice(session)
    for clinic, told in zip(clinics, (HERE, THERE), strict=True):
        episode = builders.episode(session, builders.patient(session, clinic))
        for row_id, exercises in told.items():
            row = CheckIn(practice_id=clinic.id, id=row_id, patient_id=episode.patient_id, episode_id=episode.id)
            row.reported_at = row.received_at = builders.DUE_AT
            row.reported_by, row.pain, row.exercises = Reporter.patient, 3, exercises
            session.add(row)
    session.commit()
    return clinics[0].id, clinics[1].id


def test_only_check_ins_that_speak_of_exercises_get_a_new_revision(
    owner_url: str, engine: Engine, session: Session
) -> None:
    here, there = add_check_ins(session)
    before = dict(session.execute(select(SyncClock.practice_id, SyncClock.revision)).all())
    session.close()
    engine.dispose()

    downgrade(owner_url, "0036")
    upgrade(owner_url)

    with make_session_factory(engine)() as after:
        clocks = dict(after.execute(select(SyncClock.practice_id, SyncClock.revision)).all())
        rows = {row.id: (row.exercises, row.rev - before[row.practice_id]) for row in after.scalars(select(CheckIn))}
    assert clocks == {here: before[here] + 1, there: before[there]}
    assert rows == {"ticked": (["walk"], 1), "none-done": ([], 1), "not-asked": (None, 0), "elsewhere": (None, 0)}
