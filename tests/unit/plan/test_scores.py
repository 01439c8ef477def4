"""Scores equal what is published, and without enough answers there is none."""

from typing import Any

import pytest

from schedules.plan.questionnaires import PARTS, STATEMENTS
from schedules.plan.roland_morris import STATEMENT_TEXTS
from schedules.plan.scores import SCALES, Measure, NotScored, Score, scores_of
from schedules.plan.vocabulary import Instrument


@pytest.mark.parametrize(
    ("instrument", "answers", "value"),
    [
        # Points of the most that the answered sections can give: 16 of 50 is 32 %; with a section left out, 16 of 45.
        (Instrument.odi, {"points": 16, "answered": 10}, 32),
        (Instrument.odi, {"points": 16}, 32),
        (Instrument.odi, {"points": 16, "answered": 9}, 35.6),
        (Instrument.odi, {"points": 0, "answered": 8}, 0),
        (Instrument.odi, {"points": 40, "answered": 8}, 100),
        (Instrument.odi, {"percent": 37.8}, 37.8),
        # Vernon: the sum twice is percent; a missing section counts the mean of those answered: 18 + 18/9 of 50.
        (Instrument.ndi, {"points": 17}, 34),
        (Instrument.ndi, {"points": 18, "answered": 9}, 40),
        # Roland and Morris: the number of statements ticked, 0 to 24.
        (Instrument.rmdq, {"ticked": []}, 0),
        (Instrument.rmdq, {"ticked": [3, 1, 24]}, 3),
        (Instrument.rmdq, {"ticked": list(range(1, 25))}, 24),
        (Instrument.mjoa, {"total": 14}, 14),
    ],
)
def test_a_score_is_what_the_published_rule_gives(
    instrument: Instrument, answers: dict[str, Any], value: float
) -> None:
    (score,) = scores_of(instrument, answers)

    assert (score.value, score.not_scored) == (value, None)


@pytest.mark.parametrize("instrument", [Instrument.odi, Instrument.ndi])
def test_an_index_with_too_few_sections_has_no_score(instrument: Instrument) -> None:
    (score,) = scores_of(instrument, {"points": 14, "answered": 7})

    assert (score.value, score.not_scored) == (None, NotScored.too_few_answered)


def test_pain_is_told_place_by_place_as_it_was_entered() -> None:
    assert scores_of(Instrument.nrs, {"leg": 0, "back": 7}) == (Score(Measure.nrs_back, 7), Score(Measure.nrs_leg, 0))


@pytest.mark.parametrize("instrument", Instrument)
def test_every_part_of_an_instrument_is_scored_on_a_known_scale(instrument: Instrument) -> None:
    entered = set(PARTS[instrument]) - {"points", "answered"}
    answers: dict[str, Any] = {part: [1] if part == "ticked" else 1 for part in entered}

    scores = scores_of(instrument, answers)

    assert len(scores) == len(entered)
    for score in scores:
        assert score.value is not None
        assert SCALES[score.measure].lowest <= score.value <= SCALES[score.measure].highest


def test_the_statements_are_all_there_in_their_printed_order() -> None:
    assert len(set(STATEMENT_TEXTS)) == STATEMENTS
    assert STATEMENT_TEXTS[0] == "I stay at home most of the time because of my back."
    assert STATEMENT_TEXTS[8] == "I get dressed more slowly then usual because of my back."
    assert STATEMENT_TEXTS[23] == "I stay in bed most of the time because of my back."
