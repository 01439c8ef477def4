"""What an answer to each questionnaire consists of."""

import pytest

from schedules.plan.errors import PlanError
from schedules.plan.questionnaires import PARTS, asked_after, refuse_other_parts
from schedules.plan.vocabulary import Instrument, Procedure


@pytest.mark.parametrize("instrument", Instrument)
def test_each_part_alone_answers_its_instrument_and_no_part_of_another_does(instrument: Instrument) -> None:
    others = {part for parts in PARTS.values() for part in parts} - set(PARTS[instrument])

    for part in set(PARTS[instrument]) - {"answered"}:
        refuse_other_parts(instrument, {part: 1})
    for part in others:
        with pytest.raises(PlanError):
            refuse_other_parts(instrument, {PARTS[instrument][0]: 1, part: 1})


@pytest.mark.parametrize(
    ("instrument", "given", "expected"),
    [
        (Instrument.nrs, {}, "answers: expected at least one of back, leg, neck, arm for nrs, got nothing"),
        (Instrument.mjoa, {"vas": 1}, "answers: expected one of total for mjoa, got vas"),
        (
            Instrument.ndi,
            {"points": 20, "percent": 40},
            "answers: expected percent, or points with the number of answered sections, for ndi, got points, percent",
        ),
        (
            Instrument.odi,
            {"answered": 9},
            "answers: expected percent, or points with the number of answered sections, for odi, got answered",
        ),
        (
            Instrument.odi,
            {"points": 46, "answered": 9},
            "answers/points: expected at most 45, 5 a section, got 46",
        ),
    ],
)
def test_a_refusal_says_what_was_expected(instrument: Instrument, given: dict[str, int], expected: str) -> None:
    with pytest.raises(PlanError) as refused:
        refuse_other_parts(instrument, given)

    assert str(refused.value) == expected


def test_several_parts_may_be_answered_at_once() -> None:
    refuse_other_parts(Instrument.eq5d, {"index": 0.7, "vas": 80})
    refuse_other_parts(Instrument.nrs, {"back": 1, "leg": 2, "neck": 0, "arm": 0})
    refuse_other_parts(Instrument.odi, {"points": 45, "answered": 9})


@pytest.mark.parametrize(
    ("procedures", "asked"),
    [
        ((), (Instrument.nrs, Instrument.rmdq)),
        ((Procedure.tlif,), (Instrument.nrs, Instrument.rmdq)),
        ((Procedure.acdf,), (Instrument.nrs, Instrument.ndi)),
        ((Procedure.acdf, Procedure.tlif), (Instrument.nrs, Instrument.rmdq, Instrument.ndi)),
    ],
)
def test_the_neck_and_the_low_back_are_asked_their_own(
    procedures: tuple[Procedure, ...], asked: tuple[Instrument, ...]
) -> None:
    assert asked_after(procedures) == asked
