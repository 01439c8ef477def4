"""Clears what a clinic's signed rule covers, once every condition holds. Nobody vouches for anything here.

What a clinician once revoked, or cleared before the surgery moved, is a clinician's again. Decides nothing clinical.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
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
    """A milestone whose day has come and which nobody has cleared yet.

    One patient's come together, by their day: a lighter class of work before a heavier one.
    """

    patient_id: str
    episode_id: str
    milestone_id: str


def rules_in_force(session: Session, practice_id: str) -> list[ClearanceRule]:
    """Return the practice's rules that are not retired, by id."""
    query = select(ClearanceRule).filter_by(practice_id=practice_id, retired_at=None)
    return list(session.scalars(query.order_by(ClearanceRule.id)))


@dataclass(frozen=True, slots=True)
class Look:
    """Some of a practice's candidates. `worth_trying`: all of each patient for whom a rule could clear one now.

    `through`: the last patient who was looked at; None if there was nobody else.
    """

    count: int
    worth_trying: tuple[Candidate, ...]
    through: str | None


def look_at(session: Session, practice_id: str, now: datetime, *, after: str, most: int) -> Look:
    """Look at up to `most` candidates of a practice, patient by patient, from the id `after` on. Writes nothing."""
    practice = session.get_one(Practice, practice_id)
    kinds = [each.milestone_kind for each in rules_in_force(session, practice_id)]
    query = _waiting(practice_id, kinds, _today(practice, now)).where(Milestone.patient_id > after).limit(most)
    found = [Candidate(*row) for row in session.execute(query)] if kinds else []
    patients = {each: list(group) for each, group in groupby(found, key=lambda each: each.patient_id)}
    goes_on = len(found) == most
    if goes_on and len(patients) > 1:
        patients.popitem()  # perhaps not whole
    # What is cleared first can let the next be cleared: all of a patient's are tried, in their order.
    worth = [
        each
        for of_patient in patients.values()
        if _is_any_met(session, practice, of_patient, now)
        for each in of_patient
    ]
    return Look(sum(map(len, patients.values())), tuple(worth), list(patients)[-1] if goes_on else None)


def clear_by_rule(session: Session, practice_id: str, candidate: Candidate, now: datetime) -> Clearance | None:
    """Clear a candidate if a rule covers it and every condition holds now; return the clearance, or None.

    Everything is looked at again under the patient's lock: a fact or a clearance may have come in between.
    """
    patient = find(session, Patient, practice_id, candidate.patient_id, lock=True)
    practice = session.get_one(Practice, practice_id)
    rules = rules_in_force(session, practice_id)
    query = _waiting(practice_id, (each.milestone_kind for each in rules), _today(practice, now))
    waits = session.execute(query.where(Milestone.id == candidate.milestone_id)).one_or_none() is not None
    if patient is None or not waits:
        return None
    milestone = session.get_one(Milestone, (practice_id, candidate.milestone_id))
    given = _given(rules, milestone, load_clearing_case(session, practice, patient, milestone.episode_id), now)
    return None if given is None else give_clearance(session, milestone, given, now)[0]


def _is_any_met(session: Session, practice: Practice, of_patient: Sequence[Candidate], now: datetime) -> bool:
    """Return whether a rule could clear one of a patient's candidates now."""
    rules = rules_in_force(session, practice.id)
    try:
        patient = session.get_one(Patient, (practice.id, of_patient[0].patient_id))
        cases = {each: load_clearing_case(session, practice, patient, each) for each in _episodes(of_patient)}
        for each in of_patient:
            milestone = session.get_one(Milestone, (practice.id, each.milestone_id))
            if _given(rules, milestone, cases[each.episode_id], now) is not None:
                return True
    except Exception:  # noqa: BLE001 - a plan that cannot be read stops no other: trying it tells of the fault
        return True
    return False


def _episodes(of_patient: Iterable[Candidate]) -> set[str]:
    return {each.episode_id for each in of_patient}


def _given(rules: Sequence[ClearanceRule], milestone: Milestone, case: ClearingCase, now: datetime) -> Given | None:
    """Return the clearance that a rule gives now, None if none does."""
    today = _today(case.practice, now)
    gate = case.gate(planned_milestone(milestone), today)
    rule = next((each for each in rules if gate is not None and _covers(each, milestone, case, gate)), None)
    if gate is None or rule is None or gate.person_only or case.missing_before(gate, milestone.occurrence, today):
        return None
    judged = case.judge(gate, on=today, at=now)
    if not all(each.holds is True for each in judged):
        return None
    grounds = {each.condition.value: Ground.met.value for each in judged}
    return Given(cleared_on=today, grounds=grounds, rule_id=rule.id)


def _today(practice: Practice, now: datetime) -> date:
    return now.astimezone(ZoneInfo(practice.time_zone)).date()


def _covers(rule: ClearanceRule, milestone: Milestone, case: ClearingCase, gate: Gate) -> bool:
    """Return whether the rule is for this kind, after the protocol of every surgery whose limits would be lifted."""
    if rule.milestone_kind != milestone.kind:
        return False
    stages = {stage for needed in gate.needed for stage in needed.stages}
    protocols = {each.protocol_id for each in case.surgeries if each.stage in stages}
    return rule.protocol_id is None or protocols == {rule.protocol_id}


def _waiting(practice_id: str, kinds: Iterable[str], today: date) -> Select[str, str, str]:
    cleared = exists().where(Clearance.practice_id == Milestone.practice_id, Clearance.milestone_id == Milestone.id)
    skipped = exists().where(
        MilestoneProgress.practice_id == Milestone.practice_id,
        MilestoneProgress.id == Milestone.id,
        MilestoneProgress.skip_reason.is_not(None),
    )
    return (
        select(Milestone.patient_id, Milestone.episode_id, Milestone.id)
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
