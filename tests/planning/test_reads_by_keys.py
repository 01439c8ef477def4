"""What a plan costs does not grow with the clinic: no statement walks through the rows of other patients."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from schedules.plan.vocabulary import SurgeryStatus
from schedules.planning import plan_episode
from tests import builders
from tests.walks import walks_of

pytestmark = pytest.mark.sqlite_only  # PostgreSQL counts its rows, and plans by that
NOW = datetime(2026, 2, 24, 15, 0, tzinfo=UTC)


def test_a_plan_and_its_end_are_looked_up_by_patient_and_episode(engine: Engine, session: Session) -> None:
    patient = builders.patient(session, builders.practice(session), channels=["email"])
    surgery = builders.surgery(session, builders.episode(session, patient, enrolled_at=NOW), dated_at=None)
    session.commit()

    with walks_of(engine) as walks:
        plan_episode(session, surgery.practice_id, surgery.episode_id, NOW)
        session.commit()
        plan_episode(session, surgery.practice_id, surgery.episode_id, NOW)
        surgery.status = SurgeryStatus.cancelled
        plan_episode(session, surgery.practice_id, surgery.episode_id, NOW)
        session.commit()

    assert walks == []
