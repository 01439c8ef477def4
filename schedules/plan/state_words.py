"""How a milestone's state reads to the patient, in every language. Knows no day.

A patient reads "talk to us", never "overdue", and of a limit never that it may be given up before a clinician cleared
it. Defaults of the product that a clinic's clinician reads before use, like all texts that ship.
"""

from collections.abc import Mapping
from types import MappingProxyType

from schedules.plan.protocol import Text
from schedules.plan.vocabulary import MilestoneState, Owner

_WORDS: Mapping[MilestoneState, Text] = MappingProxyType(
    {
        MilestoneState.unscheduled: Text(en="No date yet", es="Todavía sin fecha"),
        MilestoneState.upcoming: Text(en="Coming up", es="Más adelante"),
        MilestoneState.open: Text(en="In progress", es="En curso"),
        MilestoneState.due: Text(en="Planned for now", es="Previsto para ahora"),
        MilestoneState.overdue: Text(en="Talk to us", es="Hable con nosotros"),
        MilestoneState.achieved: Text(en="Done", es="Hecho"),
        MilestoneState.cleared: Text(en="Cleared by your care team", es="Autorizado por su equipo médico"),
        MilestoneState.eligible: Text(en="Ask us whether you are ready", es="Pregúntenos si ya está preparado"),
        MilestoneState.skipped: Text(en="Left out", es="Omitido"),
        MilestoneState.cancelled: Text(en="No longer part of your plan", es="Ya no forma parte de su plan"),
    }
)
_NOT_YET = Text(en="Not yet: your care team decides", es="Todavía no: lo decide su equipo médico")
_OURS = Text(en="We will see to this with you", es="Lo veremos con usted")
_BEFORE_THE_LIMIT_ENDS = frozenset({MilestoneState.upcoming, MilestoneState.open, MilestoneState.due})


def patient_words(state: MilestoneState, owner: Owner, *, lifts: bool) -> Text:
    """Return what a patient reads of a milestone in `state`. `lifts`: a clinician's clearance ends a limit with it."""
    if lifts and state in _BEFORE_THE_LIMIT_ENDS:
        return _NOT_YET
    if owner is Owner.clinic and state is MilestoneState.due:
        return _OURS
    return _WORDS[state]
