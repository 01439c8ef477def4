"""What follows from the kind of a milestone: whose step it is, what it lifts, whether it waits for the collar.

Knows no day and no protocol.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from schedules.plan.vocabulary import MilestoneKind, Owner, RestrictionKind, WorkClass


@dataclass(frozen=True, slots=True)
class KindRule:
    """`lifts` marks a milestone that never becomes allowed by date alone (only a clinician clears it)."""

    owner: Owner = Owner.clinic
    lifts: RestrictionKind | None = None
    waits_for_collar: bool = False


_PATIENT = KindRule(owner=Owner.patient)
_WORK = KindRule(lifts=RestrictionKind.work)
_SPORT = KindRule(lifts=RestrictionKind.sport, waits_for_collar=True)
_CLINIC = KindRule()

_RULES: Mapping[MilestoneKind, KindRule] = MappingProxyType(
    {
        MilestoneKind.prom_baseline: _PATIENT,
        MilestoneKind.prom_followup: _PATIENT,
        MilestoneKind.opioid_stop: _PATIENT,
        MilestoneKind.walk30: _PATIENT,
        MilestoneKind.sit60: _PATIENT,
        MilestoneKind.check_in: _PATIENT,
        MilestoneKind.pt_start: KindRule(waits_for_collar=True),
        MilestoneKind.drive: KindRule(lifts=RestrictionKind.driving, waits_for_collar=True),
        MilestoneKind.blt_end: KindRule(lifts=RestrictionKind.bending_twisting),
        MilestoneKind.brace_wean: KindRule(lifts=RestrictionKind.brace),
        MilestoneKind.lifting_step: KindRule(lifts=RestrictionKind.lifting),
        MilestoneKind.rtw_sed: _WORK,
        MilestoneKind.rtw_light: _WORK,
        MilestoneKind.rtw_med: _WORK,
        MilestoneKind.rtw_heavy: _WORK,
        MilestoneKind.rtw_very_heavy: _WORK,
        MilestoneKind.sport_low: _SPORT,
        MilestoneKind.sport_nc: _SPORT,
        MilestoneKind.sport_ct: _SPORT,
    }
)

WORK_CLASS_OF: Mapping[MilestoneKind, WorkClass] = MappingProxyType(
    {
        MilestoneKind.rtw_sed: WorkClass.sedentary,
        MilestoneKind.rtw_light: WorkClass.light,
        MilestoneKind.rtw_med: WorkClass.medium,
        MilestoneKind.rtw_heavy: WorkClass.heavy,
        MilestoneKind.rtw_very_heavy: WorkClass.very_heavy,
    }
)


def rule_of(kind: MilestoneKind) -> KindRule:
    """Return the rule of `kind`. What is not named above is the clinic's step and lifts nothing."""
    return _RULES.get(kind, _CLINIC)
