"""What an answer to each questionnaire consists of. Pure: no score is computed here, and none is trusted.

Item answers are kept only where the licence lets the items be shown: pain by place (NRS) and the 24 statements of the
Roland-Morris questionnaire. Of the others the score is kept as it was entered. Source: evidence file, section 5.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from schedules.plan.errors import PlanError
from schedules.plan.vocabulary import Instrument, MilestoneKind

STATEMENTS: Final = 24  # of the Roland-Morris questionnaire
QUESTIONNAIRE_KINDS: Final = (MilestoneKind.prom_baseline, MilestoneKind.prom_followup)
# The parts of an answer. Their ranges stand with the API's fields, where every part has one name.
PARTS: Final[Mapping[Instrument, tuple[str, ...]]] = MappingProxyType(
    {
        Instrument.nrs: ("back", "leg", "neck", "arm"),
        Instrument.rmdq: ("ticked",),
        Instrument.odi: ("percent",),
        Instrument.ndi: ("points", "percent"),
        Instrument.eq5d: ("index", "vas"),
        Instrument.promis: ("physical_function", "pain_interference", "global_physical", "global_mental"),
        Instrument.sf12: ("physical", "mental"),
        Instrument.mjoa: ("total",),
    }
)
# The neck disability index is told in points or in percent, which nobody could tell apart later.
_ONE_ALONE: Final = frozenset({Instrument.ndi})


def refuse_other_parts(instrument: Instrument, given: Collection[str]) -> None:
    """Raise PlanError unless an answer to `instrument` has parts, and no others than that instrument's."""
    parts = PARTS[instrument]
    too_many = instrument in _ONE_ALONE and len(given) > 1
    if not given or too_many or not set(given) <= set(parts):
        wanted = "one" if instrument in _ONE_ALONE or len(parts) == 1 else "at least one"
        raise PlanError("answers", f"{wanted} of {', '.join(parts)} for {instrument}", ", ".join(given) or "nothing")
