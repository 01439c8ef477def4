"""Fasting counts from the arrival time, by the kind of the item and not by the name that a protocol gives it."""

from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy.orm import Session

from models.care import Surgery
from models.change import SlotEntry
from models.practice import Practice
from schedules.plan.vocabulary import MilestoneKind
from schedules.planning.facts import load_care
from schedules.planning.slots import filled_slots, signed_keys
from tests import builders
from tests.planning.test_plan_episode import NOW, operated

DAY0 = date(2026, 3, 23)


@pytest.fixture
def surgery(session: Session) -> Surgery:
    """Return a planned surgery with an item of each signed and unsigned kind, filled under names of the clinic's."""
    surgery = operated(session, surgery_on=DAY0)
    signer = builders.staff(session, session.get_one(Practice, surgery.practice_id))
    for kind in (MilestoneKind.fasting, MilestoneKind.skin_wash):
        item = builders.milestone(session, surgery, key=f"our_{kind}", kind=kind)
        entry = SlotEntry(practice_id=item.practice_id, id=item.id, patient_id=item.patient_id)
        entry.for_day0, entry.entered_by, entry.entered_at = DAY0, signer.id, NOW
        entry.signed_by, entry.signed_at = signer.id, datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
        session.add(entry)
    session.commit()
    return surgery


def signed(session: Session, surgery: Surgery) -> set[str]:
    slots = filled_slots(session, load_care(session, surgery.practice_id, surgery.episode_id))
    return set(signed_keys(surgery, slots[surgery.stage]))


def test_fasting_waits_for_the_arrival_time_under_whatever_name(session: Session, surgery: Surgery) -> None:
    assert signed(session, surgery) == {"our_skin_wash"}

    surgery.arrival_at = time(7, 0)

    assert signed(session, surgery) == {"our_fasting", "our_skin_wash"}


def test_what_was_entered_for_another_day_counts_for_none(session: Session, surgery: Surgery) -> None:
    surgery.arrival_at, surgery.surgery_on = time(7, 0), date(2026, 3, 24)

    assert signed(session, surgery) == set()
