"""Which messages go first."""

import pytest

from schedules.plan.corrections import URGENT_KEYS
from schedules.plan.urgency import Urgency, urgency_of
from schedules.plan.vocabulary import ReminderCategory

SAFETY = {ReminderCategory.safety, ReminderCategory.medication}


@pytest.mark.parametrize("category", ReminderCategory)
def test_safety_and_medicines_go_before_all_other_categories(category: ReminderCategory) -> None:
    expected = Urgency.safety if category in SAFETY else Urgency.usual

    assert urgency_of(category, "day") is expected


@pytest.mark.parametrize("key", sorted(URGENT_KEYS))
def test_what_takes_back_dangerous_advice_goes_first_of_all(key: str) -> None:
    assert urgency_of(ReminderCategory.safety, key) is Urgency.urgent
