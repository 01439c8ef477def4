"""An opioid taper: which step holds on a day, and what is above it."""

from datetime import date

import pytest

from schedules.plan.taper import TaperStep, is_above_step, step_on

STEPS = (TaperStep(date(2026, 3, 2), 300), TaperStep(date(2026, 3, 5), 150), TaperStep(date(2026, 3, 9), 0))


@pytest.mark.parametrize(
    ("on", "most"),
    [
        (date(2026, 3, 1), None),
        (date(2026, 3, 2), 300),
        (date(2026, 3, 4), 300),
        (date(2026, 3, 5), 150),
        (date(2027, 3, 5), 0),
    ],
)
def test_a_step_holds_from_its_day_until_the_next(on: date, most: int | None) -> None:
    step = step_on(STEPS, on)

    assert (None if step is None else step.most_mme_tenths) == most


def test_only_more_than_the_step_is_above_it_and_before_the_first_nothing_is() -> None:
    assert not is_above_step(STEPS[1], 150)
    assert is_above_step(STEPS[1], 151)
    assert is_above_step(STEPS[2], 1)
    assert not is_above_step(None, 5000)
