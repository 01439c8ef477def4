"""Reads what a clearance depends on from an episode's rows, and writes a clearance with what it takes back.

Decides nothing clinical: `schedules.plan.gates` and `schedules.plan.conditions` do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.care import Milestone, Surgery
from models.clearance import Clearance, ObservedFact
from models.ids import new_id
from models.people import Patient
from models.practice import Practice
from models.report import CheckIn
from schedules.plan.conditions import Ground, Judgement, Observed, judge
from schedules.plan.gates import Gate, gate_of
from schedules.plan.items import Plan, PlannedMilestone
from schedules.plan.lifted import Cleared, StandingClearances, is_at_least
from schedules.plan.limits import DayLimits, limits_on
from schedules.plan.protocol import WorkDemands
from schedules.plan.vocabulary import Condition, Observation, RestrictionKind, SurgeryStatus, WorkClass
from schedules.planning.exercises import are_exercises_after, refresh_exercises
from schedules.planning.library import find_protocol
from schedules.planning.rules import clinic_rules
from schedules.planning.stored_plan import stored_clearances, stored_plan
from schedules.planning.withdrawal import Answer, withdraw


@dataclass(frozen=True, slots=True)
class ClearingCase:
    """Everything that the clearances of one episode depend on. `surgeries` are those that are not cancelled."""

    practice: Practice
    patient: Patient
    surgeries: tuple[Surgery, ...]
    plan: Plan
    clearances: tuple[Cleared, ...]
    observed: tuple[Observed, ...]
    work: WorkDemands
    bone_density_holds: bool

    @property
    def day0s(self) -> Mapping[int, date | None]:
        """Return the day of each surgery by stage."""
        return {surgery.stage: surgery.surgery_on for surgery in self.surgeries}

    def gate(self, milestone: PlannedMilestone, on: date, work_class: WorkClass | None = None) -> Gate | None:
        """Return what a clearance of `milestone` on the day `on` waits for; None if it lifts nothing."""
        return gate_of(
            milestone,
            self.plan,
            on=on,
            day0s=self.day0s,
            work=self.work,
            work_class=work_class,
            bone_density_holds=self.bone_density_holds,
        )

    def judge(self, gate: Gate, *, on: date, at: datetime) -> tuple[Judgement, ...]:
        """Return how each condition of `gate` stands for a clearance on the day `on`, as known at `at`."""
        hours = self.practice.opioid_free_hours
        return judge(gate, self.observed, on=on, at=at, day0s=self.day0s, opioid_free_hours=hours)

    def limits(self, on: date, at: datetime) -> DayLimits:
        """Return what the patient may do on the day `on`, by what was known at the instant `at`."""
        return limits_on(
            self.plan,
            on,
            clearances=self.clearances,
            day0s=self.day0s,
            work=self.work,
            own_class=self.patient.work_class,
            unmet=self._unmet(on, at),
            barred=self.barred(on, at),
        )

    def standing(self, on: date) -> StandingClearances:
        """Return the clearances that stand on a day."""
        return StandingClearances(self.plan, self.clearances, on=on, day0s=self.day0s)

    def missing_before(self, gate: Gate, occurrence: int, on: date) -> list[str]:
        """Return what must be cleared before and is not: keys of lifting steps, or a class of work."""
        standing = self.standing(on)
        missing = [key for key, of_stage in gate.after if not standing.hold(key, of_stage)]
        granted = standing.granted_class(occurrence)
        if gate.after_class is not None and not is_at_least(granted[0] if granted else None, gate.after_class):
            missing.append(gate.after_class.value)
        return missing

    def barred(self, on: date, at: datetime) -> dict[RestrictionKind, date]:
        """Return since when nobody drives: the day of an opioid or sedative that is too recent."""
        days = {each.id: each.on for each in self.observed}
        barred: dict[RestrictionKind, date] = {}
        for milestone in self.plan.milestones:
            gate = self.gate(milestone, on) if milestone.lifts is RestrictionKind.driving else None
            for each in self.judge(gate, on=on, at=at) if gate is not None else ():
                if each.ground is Ground.too_recent and each.rests_on is not None:
                    barred[RestrictionKind.driving] = days[each.rests_on]
        return barred

    def refused(self, on: date, at: datetime) -> frozenset[tuple[str, int]]:
        """Return the milestones to whose clearance a finding says no, by key and occurrence."""
        refused = set()
        for milestone in self.plan.milestones:
            gate = self.gate(milestone, on) if milestone.lifts is not None else None
            if gate is not None and any(each.ground is Ground.says_no for each in self.judge(gate, on=on, at=at)):
                refused.add((milestone.key, milestone.occurrence))
        return frozenset(refused)

    def _unmet(self, on: date, at: datetime) -> frozenset[tuple[str, int]]:
        unmet = set()
        for milestone in self.plan.milestones:
            gate = self.gate(milestone, on) if milestone.lifts is not None else None
            if gate is not None and not all(
                each.holds is True or each.condition is Condition.day_reached for each in self.judge(gate, on=on, at=at)
            ):
                unmet.add((milestone.key, milestone.occurrence))
        return frozenset(unmet)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A clearance as it is given: by a member of staff or by a rule, on which grounds (condition: ground, by code)."""

    cleared_on: date
    grounds: dict[str, str]
    cleared_by: str | None = None
    rule_id: str | None = None
    work_class: WorkClass | None = None
    override: str | None = None


def load_clearing_case(session: Session, practice: Practice, patient: Patient, episode_id: str) -> ClearingCase:
    """Return what the clearances of an episode depend on, as stored."""
    query = select(Surgery).filter_by(practice_id=practice.id, episode_id=episode_id, deleted=False)
    surgeries = tuple(
        each for each in session.scalars(query.order_by(Surgery.stage)) if each.status is not SurgeryStatus.cancelled
    )
    protocols = [find_protocol(session, practice.id, each.protocol_id, each.protocol_version) for each in surgeries]
    clinics = clinic_rules(practice).work
    return ClearingCase(
        practice=practice,
        patient=patient,
        surgeries=surgeries,
        plan=stored_plan(session, practice.id, episode_id),
        clearances=stored_clearances(session, practice.id, episode_id),
        observed=_observed(session, practice, episode_id, surgeries),
        work=clinics or (protocols[-1].work if protocols else WorkDemands((), ())),
        bone_density_holds=bool(patient.low_bone_density)
        and any(each.low_bone_density is not None for each in protocols),
    )


def give_clearance(
    session: Session, milestone: Milestone, given: Given, now: datetime
) -> tuple[Clearance, dict[str, Answer]]:
    """Add a clearance to the session, and take back what asked for it. The caller holds the patient's lock.

    Less than the patient's own work leaves the messages standing: the milestone still waits.
    """
    row = Clearance(practice_id=milestone.practice_id, id=new_id(now), patient_id=milestone.patient_id)
    session.add(row)
    row.episode_id, row.milestone_id = milestone.episode_id, milestone.id
    row.cleared_on, row.cleared_at, row.cleared_by, row.rule_id = given.cleared_on, now, given.cleared_by, given.rule_id
    row.work_class, row.grounds, row.override = given.work_class, given.grounds, given.override
    if are_exercises_after([milestone]):
        refresh_exercises(session, milestone.practice_id, milestone.episode_id)
    if given.work_class is not None:
        return row, {}
    taken_back = withdraw(
        session,
        milestone.practice_id,
        milestone.patient_id,
        now=now,
        reason="cleared",
        milestone_ids=[milestone.id],
    )
    return row, taken_back


def _observed(
    session: Session, practice: Practice, episode_id: str, surgeries: Sequence[Surgery]
) -> tuple[Observed, ...]:
    """Return the observed facts of an episode, and the opioids and sedatives that check-ins report."""
    zone = ZoneInfo(practice.time_zone)
    stages: dict[str | None, int] = {each.id: each.stage for each in surgeries}
    whose = {"practice_id": practice.id, "episode_id": episode_id, "deleted": False}
    # Sorted here: for an order by id SQLite would walk through all that the practice has.
    facts = sorted(session.scalars(select(ObservedFact).filter_by(**whose)), key=lambda row: row.id)
    reports = sorted(session.scalars(select(CheckIn).filter_by(**whose, took_opioid=True)), key=lambda row: row.id)
    found = [
        Observed(row.id, row.what, row.observed_at, row.observed_at.astimezone(zone).date(), stages.get(row.surgery_id))
        for row in facts
        if row.surgery_id is None or row.surgery_id in stages
    ]
    found += [
        Observed(row.id, Observation.opioid_taken, row.reported_at, row.reported_at.astimezone(zone).date())
        for row in reports
    ]
    return tuple(found)
