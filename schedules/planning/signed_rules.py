"""Clears what a clinic's signed rule covers, once every condition holds. Nobody vouches for anything here.

What a clinician once revoked, or cleared before the surgery moved, is a clinician's again. Decides nothing clinical.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from models.care import Episode, Milestone, MilestoneProgress, Surgery
from models.clearance import Clearance, ClearanceRule
from models.people import Patient
from models.practice import Practice
from schedules.plan.conditions import Ground
from schedules.plan.gates import Gate
from schedules.plan.vocabulary import EpisodeStatus, SurgeryStatus
from schedules.planning.clearing import ClearingCase, Given, give_clearance, load_clearing_case
from schedules.planning.rows import find
from schedules.planning.stored_plan import planned_milestone


@dataclass(frozen=True, slots=True)
class Candidate:
    """A milestone whose day has come and which nobody has cleared yet."""

    patient_id: str
    milestone_id: str


def rules_in_force(session: Session, practice_id: str) -> list[ClearanceRule]:
    """Return the practice's rules that are not retired, by id."""
    query = select(ClearanceRule).filter_by(practice_id=practice_id, retired_at=None)
    return list(session.scalars(query.order_by(ClearanceRule.id)))


def candidates(session: Session, practice_id: str, kinds: Iterable[str], today: date) -> list[Candidate]:
    """Return the practice's milestones of some kinds that a rule may look at on the clinic's day `today`.

    One patient's come together, by their day: a lighter class of work before a heavier one.
    """
    found = session.execute(_waiting(practice_id, kinds, today))
    return [Candidate(patient_id, milestone_id) for patient_id, milestone_id in found]


def clear_by_rule(session: Session, practice_id: str, candidate: Candidate, now: datetime) -> Clearance | None:
    """Clear a candidate if a rule covers it and every condition holds now; return the clearance, or None.

    Everything is looked at again under the patient's lock: a fact or a clearance may have come in between.
    """
    patient = find(session, Patient, practice_id, candidate.patient_id, lock=True)
    practice = session.get_one(Practice, practice_id)
    today = now.astimezone(ZoneInfo(practice.time_zone)).date()
    rules = rules_in_force(session, practice_id)
    query = _waiting(practice_id, (each.milestone_kind for each in rules), today)
    waits = session.execute(query.where(Milestone.id == candidate.milestone_id)).one_or_none() is not None
    if patient is None or not waits:
        return None
    milestone = session.get_one(Milestone, (practice_id, candidate.milestone_id))
    case = load_clearing_case(session, practice, patient, milestone.episode_id)
    gate = case.gate(planned_milestone(milestone), today)
    rule = next((each for each in rules if gate is not None and _covers(each, milestone, case, gate)), None)
    if gate is None or rule is None or gate.person_only or case.missing_before(gate, milestone.occurrence, today):
        return None
    judged = case.judge(gate, on=today, at=now)
    if not all(each.holds is True for each in judged):
        return None
    grounds = {each.condition.value: Ground.met.value for each in judged}
    cleared, _ = give_clearance(session, milestone, Given(cleared_on=today, grounds=grounds, rule_id=rule.id), now)
    return cleared


def _covers(rule: ClearanceRule, milestone: Milestone, case: ClearingCase, gate: Gate) -> bool:
    """Return whether the rule is for this kind, after the protocol of every surgery whose limits would be lifted."""
    if rule.milestone_kind != milestone.kind:
        return False
    stages = {stage for needed in gate.needed for stage in needed.stages}
    protocols = {each.protocol_id for each in case.surgeries if each.stage in stages}
    return rule.protocol_id is None or protocols == {rule.protocol_id}


def _waiting(practice_id: str, kinds: Iterable[str], today: date) -> Select[str, str]:
    cleared = exists().where(Clearance.practice_id == Milestone.practice_id, Clearance.milestone_id == Milestone.id)
    skipped = exists().where(
        MilestoneProgress.practice_id == Milestone.practice_id,
        MilestoneProgress.id == Milestone.id,
        MilestoneProgress.skip_reason.is_not(None),
    )
    return (
        select(Milestone.patient_id, Milestone.id)
        .join(Episode, (Episode.practice_id == Milestone.practice_id) & (Episode.id == Milestone.episode_id))
        .join(Surgery, (Surgery.practice_id == Milestone.practice_id) & (Surgery.id == Milestone.surgery_id))
        .join(Patient, (Patient.practice_id == Milestone.practice_id) & (Patient.id == Milestone.patient_id))
        .where(Milestone.practice_id == practice_id, Milestone.kind.in_(sorted(set(kinds))))
        .where(Milestone.lifts.is_not(None), Milestone.cancelled_at.is_(None), ~Milestone.deleted, ~cleared, ~skipped)
        .where(Milestone.eligible_on <= today, Surgery.status == SurgeryStatus.performed, ~Surgery.deleted)
        .where((Milestone.superseded_on.is_(None)) | (Milestone.superseded_on > today))
        .where(Episode.status == EpisodeStatus.active, ~Episode.deleted, Patient.died_on.is_(None), ~Patient.deleted)
        .order_by(Milestone.patient_id, Milestone.eligible_on, Milestone.id)
    )
