"""What goes into a plan and what comes out: surgeries and facts of the patient, dated milestones and restrictions.

`*_days` count from the day of surgery (day 0), `*_on` are dates of the clinic's calendar. Holds no rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from schedules.plan.check_ins import NO_RHYTHM, RhythmHistory
from schedules.plan.protocol import Protocol, Text, WorkDemands
from schedules.plan.vocabulary import (
    Grade,
    OpioidUse,
    Owner,
    PastPolicy,
    Phase,
    Procedure,
    RestrictionKind,
    Setting,
    SurgeryStatus,
    WorkClass,
)


@dataclass(frozen=True, slots=True)
class FilledSlot:
    """What a clinician entered for an item that depends on the person, for the day of surgery `for_day0` only.

    `due_on` is the day on which the patient is told, None where the reminder's own anchor gives it. `is_signed`:
    by whoever must sign it (anaesthesia, for fasting). `needs_arrival`: its times count from the arrival time.
    """

    for_day0: date
    due_on: date | None = None
    is_signed: bool = True
    needs_arrival: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """One surgery of an episode. `day0` None: the date is not known yet.

    `discharged_on` is what happened; it moves no item. `known_on` is the clinic's calendar day on which the date became
    known to us, None: the day of enrolment. `slots` are the personal items that a clinician filled, by milestone key.
    """

    ordinal: int
    protocol: Protocol
    day0: date | None
    status: SurgeryStatus
    setting: Setting | None
    brace_ordered: bool = False
    discharged_on: date | None = None
    known_on: date | None = None
    slots: Mapping[str, FilledSlot] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class ClinicRules:
    """What a clinic sets for all its plans.

    `work` replaces the protocol's table of physical demand levels by the jurisdiction's. `workers_comp_percent`
    lengthens the work milestones of workers' compensation cases: 100 changes nothing, and no published figure exists
    (evidence file, section 8.4). `check_ins` says on which days patients are asked how they are.
    """

    work: WorkDemands | None = None
    workers_comp_percent: int = 100
    check_ins: RhythmHistory = NO_RHYTHM


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """What a plan needs to know of a patient. None: not known, which counts as yes where that is the safer reading."""

    work_class: WorkClass | None
    opioid_use: OpioidUse = OpioidUse.unknown
    low_bone_density: bool = False
    wants_contact_sport: bool = False
    takes_blood_thinner: bool | None = None
    has_diabetes_or_glp1: bool | None = None
    uses_nicotine: bool | None = None
    workers_comp: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One stage with all that its plan depends on. `work` is the table of demand levels in force.

    `work_percent` stretches the work milestones, 100 leaves them. What was past on `known_on` follows its past policy.
    """

    stage: Stage
    patient: PatientFacts
    work: WorkDemands
    work_percent: int
    known_on: date
    check_ins: RhythmHistory = NO_RHYTHM


@dataclass(frozen=True, slots=True)
class PlannedMilestone:
    """One milestone of one stage; (`key`, `occurrence`) is its identity within the episode.

    `eligible_*` is the first day on which all day conditions hold, `binds` what fixes it. With `lifts` set, that day
    allows nothing: a clinician clears it. `past_policy` is set if the day was past at enrolment. `not_before_*` bounds
    an item that only a clinician dates. `binding_stage` is the ordinal of the stage whose procedure binds. From
    `superseded_on` on the occurrence of stage `superseded_by` stands in its place.
    """

    key: str
    kind: str
    occurrence: int
    phase: Phase
    earliest_days: int | None
    target_days: int | None
    latest_days: int | None
    earliest_on: date | None
    target_on: date | None
    latest_on: date | None
    eligible_days: int | None
    eligible_on: date | None
    binds: str
    binding_procedure: Procedure
    lifts: RestrictionKind | None
    grade: Grade | None
    sources: tuple[str, ...]
    note: str | None
    text: Text | None
    past_policy: PastPolicy | None
    owner: Owner = Owner.clinic
    not_before_days: int | None = None
    not_before_on: date | None = None
    binding_stage: int = 1
    superseded_on: date | None = None
    superseded_by: int | None = None

    @property
    def pod(self) -> int | None:
        """Return the postoperative day of the target; None before surgery and without a target."""
        return self.target_days if self.phase is Phase.after_surgery else None

    @property
    def day0(self) -> date | None:
        """Return the day of surgery that the dates count from; None for an item without dates."""
        if self.earliest_on is None or self.earliest_days is None:
            return None
        return self.earliest_on - timedelta(days=self.earliest_days)


@dataclass(frozen=True, slots=True)
class PlannedRestriction:
    """One limit over a span of days; (`kind`, `occurrence`, `sequence`) is its identity within the episode.

    `through_*` None: until a clinician clears it, which may be from `eligible_*` on; that day ends nothing by itself.
    `lifted_by` and `lifted_by_occurrence` name the milestone whose clearance ends it, `condition` what the clinician
    must have seen. `limit_lb` are pounds, `limit_minutes` minutes at a time, None where the limit is neither.
    """

    kind: RestrictionKind
    occurrence: int
    sequence: int
    from_days: int
    through_days: int | None
    from_on: date | None
    through_on: date | None
    limit_lb: int | None
    text: Text
    binding_procedure: Procedure
    grade: Grade
    sources: tuple[str, ...]
    eligible_days: int | None = None
    eligible_on: date | None = None
    lifted_by: str | None = None
    condition: str | None = None
    lifted_by_occurrence: int | None = None
    limit_minutes: int | None = None
    binding_stage: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan: milestones in the order of their days, restrictions by kind and time."""

    milestones: tuple[PlannedMilestone, ...]
    restrictions: tuple[PlannedRestriction, ...]
