"""Scores of answered questionnaires, computed from raw answers by the published rules, or not at all. Pure.

Source of every range and rule: evidence file, section 5. What a licence lets nobody compute here (PROMIS, SF-12, EQ-5D)
is the score as it was entered.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from schedules.plan.questionnaires import POINTS_OF_SECTION, SECTIONS, STATEMENTS
from schedules.plan.vocabulary import Instrument

# Of Oswestry's ten sections this many must be answered (no source was read for it: grade E). For the neck disability
# index none was found, and the same is asked.
LEAST_SECTIONS: Final = 8


class Measure(StrEnum):
    """What a score measures: one line of a patient's course."""

    nrs_back = "nrs_back"
    nrs_leg = "nrs_leg"
    nrs_neck = "nrs_neck"
    nrs_arm = "nrs_arm"
    rmdq = "rmdq"
    odi = "odi"
    ndi = "ndi"
    eq5d_index = "eq5d_index"
    eq5d_vas = "eq5d_vas"
    promis_physical_function = "promis_physical_function"
    promis_pain_interference = "promis_pain_interference"
    promis_global_physical = "promis_global_physical"
    promis_global_mental = "promis_global_mental"
    sf12_physical = "sf12_physical"
    sf12_mental = "sf12_mental"
    mjoa = "mjoa"


class NotScored(StrEnum):
    """Why answers have no score."""

    too_few_answered = "too_few_answered"


@dataclass(frozen=True, slots=True)
class Score:
    """The score of one measure; `value` is None where the published rule gives none, and `not_scored` says why."""

    measure: Measure
    value: float | None
    not_scored: NotScored | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """The range of a measure, and whether a higher score is better."""

    lowest: float
    highest: float
    is_higher_better: bool
    unit: str


T_SCORE: Final = "T-score"  # mean 50, standard deviation 10
_PAIN: Final = Scale(0, 10, is_higher_better=False, unit="points")
_BETTER_IF_HIGHER: Final = Scale(0, 100, is_higher_better=True, unit=T_SCORE)
_PERCENT: Final = Scale(0, 100, is_higher_better=False, unit="percent")
SCALES: Final[Mapping[Measure, Scale]] = MappingProxyType(
    {
        Measure.nrs_back: _PAIN,
        Measure.nrs_leg: _PAIN,
        Measure.nrs_neck: _PAIN,
        Measure.nrs_arm: _PAIN,
        Measure.rmdq: Scale(0, STATEMENTS, is_higher_better=False, unit="points"),
        Measure.odi: _PERCENT,
        Measure.ndi: _PERCENT,
        Measure.eq5d_index: Scale(-1.1, 1, is_higher_better=True, unit="index"),
        Measure.eq5d_vas: Scale(0, 100, is_higher_better=True, unit="points"),
        Measure.promis_physical_function: _BETTER_IF_HIGHER,
        Measure.promis_pain_interference: Scale(0, 100, is_higher_better=False, unit=T_SCORE),
        Measure.promis_global_physical: _BETTER_IF_HIGHER,
        Measure.promis_global_mental: _BETTER_IF_HIGHER,
        Measure.sf12_physical: _BETTER_IF_HIGHER,
        Measure.sf12_mental: _BETTER_IF_HIGHER,
        Measure.mjoa: Scale(0, 18, is_higher_better=True, unit="points"),
    }
)
# Which part of an answer is which measure, of the instruments whose parts are scores as they are.
_AS_ENTERED: Final[Mapping[Instrument, Mapping[str, Measure]]] = MappingProxyType(
    {
        Instrument.nrs: {place: Measure(f"nrs_{place}") for place in ("back", "leg", "neck", "arm")},
        Instrument.eq5d: {"index": Measure.eq5d_index, "vas": Measure.eq5d_vas},
        Instrument.promis: {
            part: Measure(f"promis_{part}")
            for part in ("physical_function", "pain_interference", "global_physical", "global_mental")
        },
        Instrument.sf12: {"physical": Measure.sf12_physical, "mental": Measure.sf12_mental},
        Instrument.mjoa: {"total": Measure.mjoa},
    }
)


def scores_of(instrument: Instrument, answers: Mapping[str, Any]) -> tuple[Score, ...]:
    """Return the scores of an answer, whose parts `questionnaires.refuse_other_parts` has let pass.

    >>> scores_of(Instrument.odi, {"points": 16, "answered": 9})
    (Score(measure=<Measure.odi: 'odi'>, value=35.6, not_scored=None),)
    """
    computed = _COMPUTED.get(instrument)
    if computed is not None:
        return (computed(answers),)
    parts = _AS_ENTERED[instrument]
    return tuple(Score(measure, answers[part]) for part, measure in parts.items() if part in answers)


def _score_rmdq(answers: Mapping[str, Any]) -> Score:
    """Count the ticks: what is not ticked, or does not apply, counts nothing (S126b)."""
    return Score(Measure.rmdq, len(answers["ticked"]))


def _score_odi(answers: Mapping[str, Any]) -> Score:
    """100 x sum / (5 x sections answered), in percent to one place (S127)."""
    return _score_sections(Measure.odi, answers)


def _score_ndi(answers: Mapping[str, Any]) -> Score:
    """The sum twice, in percent; a missing section counts the mean of those answered (S124): the same quotient."""
    return _score_sections(Measure.ndi, answers)


def _score_sections(measure: Measure, answers: Mapping[str, Any]) -> Score:
    if "percent" in answers:
        return Score(measure, answers["percent"])
    answered = answers.get("answered", SECTIONS)
    if answered < LEAST_SECTIONS:
        return Score(measure, None, NotScored.too_few_answered)
    return Score(measure, round(100 * answers["points"] / (POINTS_OF_SECTION * answered), 1))


_COMPUTED: Final[Mapping[Instrument, Callable[[Mapping[str, Any]], Score]]] = MappingProxyType(
    {Instrument.rmdq: _score_rmdq, Instrument.odi: _score_odi, Instrument.ndi: _score_ndi}
)
