"""An item that two open episodes of a patient share is said once."""

from dataclasses import replace
from datetime import date

import pytest

from schedules.plan.side_by_side import Topic, said_elsewhere, topic_of
from schedules.plan.vocabulary import Phase
from tests.unit.plan.samples import milestone, plan, stage

FIRST = Topic(
    "e1", "walk30", 1, Phase.after_surgery, date(2026, 3, 9), date(2026, 3, 23), date(2026, 3, 16)
)  # fmt: skip
SECOND = replace(FIRST, episode_id="e2", first_on=date(2026, 3, 23), last_on=date(2026, 4, 6), day=date(2026, 3, 30))


def test_a_topic_is_a_milestone_with_its_window_and_its_day() -> None:
    drive = milestone(plan(stage()), "drive")
    undated = milestone(plan(stage(day0=None)), "drive")
    education = milestone(plan(stage()), "education")

    assert topic_of("e1", drive) == Topic(
        "e1", "drive", 1, Phase.after_surgery, date(2026, 3, 9), date(2026, 3, 16), date(2026, 3, 16)
    )
    assert topic_of("e1", undated) is None
    assert topic_of("e1", replace(drive, eligible_on=date(2026, 4, 1))) == Topic(
        "e1", "drive", 1, Phase.after_surgery, date(2026, 3, 9), date(2026, 4, 1), date(2026, 4, 1)
    )
    assert topic_of("e1", replace(drive, eligible_on=None, target_on=date(2026, 3, 12))) == Topic(
        "e1", "drive", 1, Phase.after_surgery, date(2026, 3, 9), date(2026, 3, 16), date(2026, 3, 12)
    )
    assert topic_of("e1", replace(education, eligible_on=None)) == Topic(
        "e1", "education", 1, Phase.before_surgery, date(2026, 1, 1), date(2026, 3, 1), date(2026, 1, 1)
    )


BEFORE = replace(FIRST, phase=Phase.before_surgery)
UP_TO_ITS_DAY = replace(FIRST, last_on=date(2026, 3, 16))
FROM_ITS_DAY = replace(FIRST, episode_id="e2", first_on=date(2026, 3, 16))


@pytest.mark.parametrize(
    ("one", "other", "silent"),
    [
        (FIRST, SECOND, {FIRST}),
        (SECOND, FIRST, {FIRST}),
        (FIRST, replace(SECOND, first_on=date(2026, 3, 24)), set()),
        (FIRST, replace(FIRST, episode_id="e2"), {replace(FIRST, episode_id="e2")}),
        (UP_TO_ITS_DAY, FROM_ITS_DAY, {FROM_ITS_DAY}),
        (FIRST, replace(SECOND, key="sit60"), set()),
        (FIRST, replace(SECOND, episode_id="e1", occurrence=2), set()),
        (FIRST, replace(SECOND, phase=Phase.before_surgery), set()),
        (BEFORE, replace(BEFORE, episode_id="e2"), {replace(BEFORE, episode_id="e2")}),
        (BEFORE, replace(BEFORE, episode_id="e2", last_on=date(2026, 3, 24)), set()),
        (BEFORE, replace(BEFORE, episode_id="e2", first_on=date(2026, 3, 8)), set()),
    ],
)
def test_the_episode_whose_day_is_later_speaks(one: Topic, other: Topic, silent: set[Topic]) -> None:
    assert said_elsewhere([one, other]) == silent


def test_what_is_silent_silences_nobody() -> None:
    third = replace(FIRST, episode_id="e3", first_on=date(2026, 3, 1), last_on=date(2026, 3, 10), day=date(2026, 3, 5))

    assert said_elsewhere([third, FIRST, SECOND]) == {FIRST}
