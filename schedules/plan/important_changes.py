"""What change of a score matters to a patient: the published minimal important changes, each with source and grade.

They depend on method and procedure, so that every one that applies is told and none is picked (evidence file, section
5). The file grades day offsets; by the same table a measured figure is B, a consensus C, an author's note D, and what
was read in no source E. What was not read on a known scale (NDI after ACDF, S121) or needs bands (mJOA) is left out.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from schedules.plan.scores import SCALES, T_SCORE, Measure
from schedules.plan.vocabulary import Grade, Procedure


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportantChange:
    """One published figure: an amount of the measure's own unit, or if `is_percent` a share of the baseline.

    `procedures`: it was measured after these alone; empty: it is used for any. `sources`: none was read if empty.
    """

    amount: float
    grade: Grade
    is_percent: bool = False
    sources: tuple[str, ...] = ()
    procedures: frozenset[Procedure] = frozenset()


def _points(amount: float, grade: Grade, *sources: str, after: tuple[Procedure, ...] = ()) -> ImportantChange:
    return ImportantChange(amount=amount, grade=grade, sources=sources, procedures=frozenset(after))


def _of_baseline(grade: Grade) -> ImportantChange:
    return ImportantChange(amount=30, grade=grade, is_percent=True, sources=("S114",))


_DECOMPRESSION: Final = (Procedure.lumbar_microdiscectomy, Procedure.lumbar_laminectomy)
# S114 is about low back pain: for the neck and the arm it is carried over.
_LOW_BACK: Final = (_points(2, Grade.C, "S114"), _of_baseline(Grade.C))
_CARRIED_OVER: Final = (_points(2, Grade.E, "S114"), _of_baseline(Grade.E))
_HALF_DEVIATION: Final = _points(5, Grade.E)  # half a standard deviation: a rule of thumb
IMPORTANT_CHANGES: Final[dict[Measure, tuple[ImportantChange, ...]]] = {
    Measure.nrs_back: (*_LOW_BACK, _points(2.7, Grade.B, "S115")),
    Measure.nrs_leg: (*_LOW_BACK, _points(3.2, Grade.B, "S115")),
    Measure.nrs_neck: _CARRIED_OVER,
    Measure.nrs_arm: _CARRIED_OVER,
    Measure.rmdq: (_points(5, Grade.C, "S114"), _of_baseline(Grade.C)),
    Measure.odi: (
        _points(10, Grade.C, "S114"),
        _of_baseline(Grade.C),
        _points(12.8, Grade.B, "S113"),
        _points(15, Grade.B, "S120", after=_DECOMPRESSION),
        _points(18, Grade.B, "S115"),
    ),
    Measure.ndi: (_points(10, Grade.D, "S124"), _points(15, Grade.E, "S125")),
    Measure.eq5d_index: (
        _points(0.10, Grade.B, "S115"),
        _points(0.219, Grade.B, "S120", after=_DECOMPRESSION),
    ),
    Measure.promis_physical_function: (
        _HALF_DEVIATION,
        _points(4.2, Grade.B, "S118", after=(Procedure.tlif,)),
        _points(7.3, Grade.B, "S119", after=(Procedure.alif,)),
    ),
    Measure.promis_pain_interference: (_HALF_DEVIATION,),
    Measure.promis_global_physical: (_HALF_DEVIATION,),
    Measure.promis_global_mental: (_HALF_DEVIATION,),
    Measure.sf12_physical: (
        _points(4.9, Grade.B, "S113", "S22"),
        _points(6.8, Grade.B, "S118", after=(Procedure.tlif,)),
        _points(8.2, Grade.B, "S119", after=(Procedure.alif,)),
    ),
}
_PLACES: Final = 3  # of a change: what floating point adds is cut off


def important_changes(measure: Measure, procedures: Collection[Procedure]) -> tuple[ImportantChange, ...]:
    """Return the figures that apply to a measure after these procedures."""
    known = IMPORTANT_CHANGES.get(measure, ())
    return tuple(each for each in known if not each.procedures or each.procedures & set(procedures))


def improvement(measure: Measure, baseline: float, value: float) -> float:
    """Return by how much a score is better than the baseline, in the measure's unit; negative if it is worse."""
    better = value - baseline if SCALES[measure].is_higher_better else baseline - value
    return round(better, _PLACES)


def improvement_percent(measure: Measure, baseline: float, value: float) -> int | None:
    """Return the improvement as a share of the baseline in whole percent; None where there is no share of it.

    A share has a meaning where zero is nothing at all: of pain and disability. A T-score has no such zero.
    """
    scale = SCALES[measure]
    if scale.is_higher_better or scale.unit == T_SCORE or baseline <= 0:
        return None
    return round(100 * (baseline - value) / baseline)


def is_reached(change: ImportantChange, measure: Measure, baseline: float, value: float) -> bool:
    """Return whether a score is better than the baseline by at least an important change."""
    better = improvement(measure, baseline, value)
    if not change.is_percent:
        return better >= change.amount
    return baseline > 0 and better >= round(change.amount * baseline / 100, _PLACES)


def reached_at(change: ImportantChange, measure: Measure, baseline: float) -> float | None:
    """Return the score from which on a change from the baseline is reached; None where the scale ends before it."""
    if change.is_percent and baseline <= 0:
        return None
    scale = SCALES[measure]
    amount = change.amount * baseline / 100 if change.is_percent else change.amount
    at = round(baseline + amount if scale.is_higher_better else baseline - amount, _PLACES)
    return at if scale.lowest <= at <= scale.highest else None
