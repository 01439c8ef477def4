"""Which messages go first."""

import pytest

from schedules.plan.corrections import URGENT_KEYS
from schedules.plan.red_flag import Urgency as SymptomUrgency
from schedules.plan.red_flags import RED_FLAGS, flags_of
from schedules.plan.urgency import Urgency, goes_on_after_silence, urgency_of
from schedules.plan.vocabulary import Channel, ReminderCategory

SAFETY = {ReminderCategory.safety, ReminderCategory.medication}


@pytest.mark.parametrize("category", ReminderCategory)
def test_safety_and_medicines_go_before_all_other_categories(category: ReminderCategory) -> None:
    expected = Urgency.safety if category in SAFETY else Urgency.usual

    assert urgency_of(category, "day") is expected


@pytest.mark.parametrize("key", sorted(URGENT_KEYS))
def test_what_takes_back_dangerous_advice_goes_first_of_all(key: str) -> None:
    assert urgency_of(ReminderCategory.safety, key) is Urgency.urgent


@pytest.mark.parametrize(
    ("channel", "urgency", "goes_on"),
    [
        (Channel.push, Urgency.usual, True),
        (Channel.email, Urgency.urgent, True),
        (Channel.sms, Urgency.safety, False),
        (Channel.email, Urgency.usual, False),
    ],
)
def test_silence_means_something_on_the_app_and_for_what_is_urgent(
    *, channel: Channel, urgency: Urgency, goes_on: bool
) -> None:
    assert goes_on_after_silence(channel, urgency) is goes_on


def test_every_symptom_is_told_under_its_own_urgency() -> None:
    told = [flag for urgency in SymptomUrgency for flag in flags_of(urgency)]

    assert sorted(told, key=RED_FLAGS.index) == list(RED_FLAGS)
    assert all(flag.urgency is urgency for urgency in SymptomUrgency for flag in flags_of(urgency))
