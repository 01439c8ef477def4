"""A clearance lifts nothing from before the surgery: where the day of surgery moves past it, it counts no more."""

from datetime import UTC, date, datetime

from sqlalchemy.orm import Session

from models.clearance import Clearance
from models.people import StaffRole
from models.practice import Practice
from schedules.plan.vocabulary import ReminderState
from tests import builders
from tests.planning.test_plan_episode import milestone_of, operated, plan, reminder_of

CLEARED_ON = date(2026, 3, 9)
LATER = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)


def test_a_surgery_that_moves_past_a_clearance_is_planned_as_if_there_were_none(session: Session) -> None:
    surgery = operated(session, surgery_on=date(2026, 2, 23))
    plan(session, surgery)
    drive = milestone_of(session, "drive")
    practice = session.get_one(Practice, drive.practice_id)
    clinician = builders.staff(session, practice, role=StaffRole.clinician)
    session.add(
        Clearance(
            practice_id=drive.practice_id,
            id="clearance",
            patient_id=drive.patient_id,
            episode_id=drive.episode_id,
            milestone_id=drive.id,
            cleared_on=CLEARED_ON,
            cleared_at=LATER,
            cleared_by=clinician.id,
        )
    )
    session.commit()

    surgery.surgery_on = date(2026, 3, 5)
    plan(session, surgery, LATER)
    kept = milestone_of(session, "drive").target_on
    surgery.surgery_on = date(2026, 3, 10)
    plan(session, surgery, LATER)

    assert kept == date(2026, 3, 9)
    assert milestone_of(session, "drive").target_on == date(2026, 3, 24)
    assert reminder_of(session, "drive", "ask").state is ReminderState.planned
