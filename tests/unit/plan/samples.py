"""Surgeries and plans for the tests of the plan engine; day 0 is Monday 2 March 2026 unless a test says otherwise."""

from dataclasses import replace
from datetime import date, timedelta

from schedules.plan.build import (
    ClinicRules,
    PatientFacts,
    Plan,
    PlannedMilestone,
    PlannedRestriction,
    Stage,
    build_plan,
)
from schedules.plan.library import load_library
from schedules.plan.protocol import Protocol
from schedules.plan.vocabulary import (
    Phase,
    RestrictionKind,
    Setting,
    SurgeryStatus,
)

DAY0 = date(2026, 3, 2)
BEFORE_EVERYTHING = date(2025, 12, 1)
PROTOCOL_IDS = (
    "MD-MISS", "MD-OPEN", "LAM-MISS", "LAM-OPEN", "TLIF-MISS", "TLIF-OPEN", "ALIF-MISS", "LLIF-MISS",
    "INTRACEPT", "KYPHO", "ACDF-1", "ACDF-2+", "PCF-MISS", "PC-OPEN",
)  # fmt: skip


def protocol(protocol_id: str) -> Protocol:
    """Return version 1 of a protocol that ships."""
    return load_library().protocol(protocol_id, 1)


def stage(protocol_id: str = "MD-MISS", *, day0: date | None = DAY0, ordinal: int = 1) -> Stage:
    """Return an inpatient stage whose surgery was performed."""
    return Stage(ordinal, protocol(protocol_id), day0, SurgeryStatus.performed, Setting.inpatient)


def braced(protocol_id: str) -> Stage:
    """Return a stage for which a brace or collar was ordered."""
    return replace(stage(protocol_id), brace_ordered=True)


def plan(
    *stages: Stage,
    patient: PatientFacts | None = None,
    enrolled_on: date = BEFORE_EVERYTHING,
    clinic: ClinicRules | None = None,
) -> Plan:
    """Return the plan of `stages`; the patient's work class is not known unless `patient` says it."""
    facts = patient or PatientFacts(work_class=None)
    return build_plan(stages, facts, enrolled_on=enrolled_on, clinic=clinic or ClinicRules())


def keys(a_plan: Plan, phase: Phase = Phase.after_surgery) -> set[str]:
    """Return the keys of the milestones of one phase."""
    return {item.key for item in a_plan.milestones if item.phase is phase}


def milestone(a_plan: Plan, key: str, occurrence: int = 1) -> PlannedMilestone:
    """Return the milestone with `key`."""
    return next(item for item in a_plan.milestones if (item.key, item.occurrence) == (key, occurrence))


def restrictions(a_plan: Plan, kind: RestrictionKind) -> list[PlannedRestriction]:
    """Return the restrictions of one kind in their order."""
    return [item for item in a_plan.restrictions if item.kind is kind]


INTRACEPT = stage("INTRACEPT", day0=date(2026, 3, 1))
DISCECTOMY = stage("MD-MISS", day0=date(2026, 3, 22), ordinal=2)


def second(protocol_id: str, *, after_days: int, ordinal: int = 2) -> Stage:
    """Return a later stage, so many days after day 0 of the first."""
    return stage(protocol_id, day0=DAY0 + timedelta(days=after_days), ordinal=ordinal)


def occurrences(a_plan: Plan, key: str) -> list[int]:
    return [item.occurrence for item in a_plan.milestones if item.key == key]


def with_template(protocol_id: str, key: str, **days: int | None) -> Protocol:
    """Return a protocol with other days of one milestone, as a clinic's own copy may have."""
    shipped = protocol(protocol_id)
    milestones = tuple(replace(each, **days) if each.key == key else each for each in shipped.milestones)  # type: ignore[arg-type]
    return replace(shipped, milestones=milestones)


def without_template(protocol_id: str, key: str) -> Protocol:
    shipped = protocol(protocol_id)
    return replace(shipped, milestones=tuple(each for each in shipped.milestones if each.key != key))


def bound(item: PlannedMilestone) -> tuple[date | None, str, int, str]:
    return item.eligible_on, item.binds, item.binding_stage, item.binding_procedure
