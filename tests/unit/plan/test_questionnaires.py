"""What an answer to each questionnaire consists of."""

import pytest

from schedules.plan.errors import PlanError
from schedules.plan.questionnaires import PARTS, refuse_other_parts
from schedules.plan.vocabulary import Instrument


@pytest.mark.parametrize("instrument", Instrument)
def test_each_part_alone_answers_its_instrument_and_no_part_of_another_does(instrument: Instrument) -> None:
    others = {part for parts in PARTS.values() for part in parts} - set(PARTS[instrument])

    for part in PARTS[instrument]:
        refuse_other_parts(instrument, [part])
    for part in others:
        with pytest.raises(PlanError):
            refuse_other_parts(instrument, [PARTS[instrument][0], part])


@pytest.mark.parametrize(
    ("instrument", "given", "expected"),
    [
        (Instrument.nrs, [], "answers: expected at least one of back, leg, neck, arm for nrs, got nothing"),
        (Instrument.odi, ["vas"], "answers: expected one of percent for odi, got vas"),
        (
            Instrument.ndi,
            ["points", "percent"],
            "answers: expected one of points, percent for ndi, got points, percent",
        ),
    ],
)
def test_a_refusal_says_what_was_expected(instrument: Instrument, given: list[str], expected: str) -> None:
    with pytest.raises(PlanError) as refused:
        refuse_other_parts(instrument, given)

    assert str(refused.value) == expected


def test_several_parts_may_be_answered_at_once() -> None:
    refuse_other_parts(Instrument.eq5d, {"index": 0.7, "vas": 80})
    refuse_other_parts(Instrument.nrs, {"back": 1, "leg": 2, "neck": 0, "arm": 0})
