"""What an answer to each questionnaire consists of, and which questionnaires a procedure asks. Pure: `scores` scores.

Item answers are kept only where the licence lets the items be shown: pain by place (NRS) and the 24 statements of the
Roland-Morris questionnaire. Of the others the score, or the sum of a paper form, is kept as it was entered. Source:
evidence file, section 5.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from schedules.plan.errors import PlanError
from schedules.plan.vocabulary import Instrument, MilestoneKind, Procedure

STATEMENTS: Final = 24  # of the Roland-Morris questionnaire
SECTIONS: Final = 10  # of the indices of Oswestry and of neck disability
POINTS_OF_SECTION: Final = 5  # the most that one section gives
QUESTIONNAIRE_KINDS: Final = (MilestoneKind.prom_baseline, MilestoneKind.prom_followup)
# The parts of an answer. Their ranges stand with the API's fields, where every part has one name.
PARTS: Final[Mapping[Instrument, tuple[str, ...]]] = MappingProxyType(
    {
        Instrument.nrs: ("back", "leg", "neck", "arm"),
        Instrument.rmdq: ("ticked",),
        Instrument.odi: ("percent", "points", "answered"),
        Instrument.ndi: ("percent", "points", "answered"),
        Instrument.eq5d: ("index", "vas"),
        Instrument.promis: ("physical_function", "pain_interference", "global_physical", "global_mental"),
        Instrument.sf12: ("physical", "mental"),
        Instrument.mjoa: ("total",),
    }
)
# Told in percent or in points, of which nobody could tell later which one was meant; with points, how many sections.
_BY_SECTIONS: Final = frozenset({Instrument.odi, Instrument.ndi})
_CERVICAL: Final = frozenset({Procedure.acdf, Procedure.posterior_cervical_foraminotomy})


def refuse_other_parts(instrument: Instrument, given: Mapping[str, Any]) -> None:
    """Raise PlanError unless an answer to `instrument` has parts, and no others than that instrument's."""
    if instrument in _BY_SECTIONS:
        _refuse_other_sections(instrument, given)
        return
    parts = PARTS[instrument]
    if not given or not given.keys() <= set(parts):
        wanted = "one" if len(parts) == 1 else "at least one"
        raise PlanError("answers", f"{wanted} of {', '.join(parts)} for {instrument}", ", ".join(given) or "nothing")


def asked_after(procedures: Collection[Procedure]) -> tuple[Instrument, ...]:
    """Return the questionnaires that these procedures ask: those of the core set that fit the neck, or the low back.

    Pain by place with a questionnaire of function is one of the core sets (evidence file, section 5, S112; grade C).
    """
    asked = [Instrument.nrs]
    if not procedures or not set(procedures) <= _CERVICAL:
        asked.append(Instrument.rmdq)
    if set(procedures) & _CERVICAL:
        asked.append(Instrument.ndi)
    return tuple(asked)


def _refuse_other_sections(instrument: Instrument, given: Mapping[str, Any]) -> None:
    if given.keys() not in ({"percent"}, {"points"}, {"points", "answered"}):
        expected = f"percent, or points with the number of answered sections, for {instrument}"
        raise PlanError("answers", expected, ", ".join(given) or "nothing")
    most = POINTS_OF_SECTION * given.get("answered", SECTIONS)
    if given.get("points", 0) > most:
        raise PlanError("answers/points", f"at most {most}, {POINTS_OF_SECTION} a section", str(given["points"]))
