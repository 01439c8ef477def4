"""A row of one practice cannot refer to a row of another, and both databases hold it, with the other constraints."""

from datetime import UTC, datetime, time
from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from models import Delivery, Practice, SyncClock
from schedules.plan.vocabulary import SkipReason
from tests import builders


def test_an_episode_cannot_belong_to_another_practices_patient(session: Session) -> None:
    first, second = builders.practice(session), builders.practice(session)
    patient = builders.patient(session, first)

    builders.episode(session, patient, practice_id=second.id)

    with pytest.raises(IntegrityError):
        session.commit()


def test_two_practices_may_use_one_mrn_and_one_id(session: Session) -> None:
    first, second = builders.practice(session), builders.practice(session)

    for practice in (first, second):
        builders.patient(session, practice, id="patient-a", mrn="SP000001")
    session.commit()


def test_one_practice_uses_an_mrn_once(session: Session) -> None:
    practice = builders.practice(session)
    builders.patient(session, practice, mrn="SP000001")

    with pytest.raises(IntegrityError):
        builders.patient(session, practice, mrn="SP000001")


@pytest.mark.parametrize(
    "change",
    [{"quiet_from": time(22, 0)}, {"country": "USA"}, {"language": "de"}],
    ids=lambda change: next(iter(change)),
)
def test_a_patient_that_the_rules_forbid_is_refused(session: Session, change: dict[str, Any]) -> None:
    practice = builders.practice(session)

    with pytest.raises((IntegrityError, StatementError)):
        builders.patient(session, practice, **change)


def test_a_milestone_is_achieved_or_skipped_never_both(session: Session) -> None:
    surgery = builders.surgery(
        session, builders.episode(session, builders.patient(session, builders.practice(session)))
    )

    with pytest.raises(IntegrityError):
        builders.progress(session, builders.milestone(session, surgery), skip_reason=SkipReason.other)


def test_a_delivery_step_of_one_generation_exists_once(session: Session) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    twin = Delivery(practice_id=delivery.practice_id, id="twin", patient_id=delivery.patient_id)
    twin.reminder_id, twin.generation, twin.step = delivery.reminder_id, delivery.generation, delivery.step
    twin.due_at = twin.useful_until = twin.next_attempt_at = delivery.due_at
    session.add(twin)

    with pytest.raises(IntegrityError):
        session.flush()


def test_a_naive_instant_is_refused_before_it_is_stored(session: Session) -> None:
    patient = builders.patient(session, builders.practice(session))

    with pytest.raises(StatementError, match="expected an aware datetime"):
        builders.episode(session, patient, enrolled_at=datetime(2026, 3, 2, 15, 0))  # noqa: DTZ001 - the fault itself


def test_an_instant_comes_back_aware_and_in_utc(session: Session) -> None:
    patient = builders.patient(session, builders.practice(session))
    episode = builders.episode(session, patient, enrolled_at=datetime.fromisoformat("2026-03-02T20:45:00+05:45"))
    session.commit()

    session.refresh(episode)

    assert episode.enrolled_at == datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    assert episode.enrolled_at.tzinfo is UTC


def test_a_practice_with_rows_cannot_be_removed(session: Session) -> None:
    practice = builders.practice(session)
    builders.patient(session, practice)
    session.commit()
    session.execute(delete(SyncClock))
    session.execute(delete(Practice))

    with pytest.raises(IntegrityError):
        session.commit()
