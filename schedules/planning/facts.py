"""Reads what the plan engine needs to know of an episode from its rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models.care import Episode, Milestone, MilestoneProgress, Restriction, Surgery
from models.people import Patient
from models.practice import Practice
from models.reminder import Reminder
from schedules.plan.build import PatientFacts, Plan, PlannedMilestone, Stage, build_plan
from schedules.plan.protocol import Protocol
from schedules.plan.reminders import ReminderPrefs
from schedules.plan.timing import QuietHours
from schedules.plan.vocabulary import EpisodeStatus, OpioidUse, SurgeryStatus
from schedules.planning.library import find_protocol
from schedules.planning.rows import find, find_all

PlanRow = TypeVar("PlanRow", Milestone, Restriction, Reminder)
_PLANNED_FOR = (EpisodeStatus.active, EpisodeStatus.paused)


@dataclass(frozen=True, slots=True)
class Care:
    """An episode with everything that its plan depends on. `surgeries` are in the order of their stages.

    `protocols` are the versions that they pin, by id and version.
    """

    practice: Practice
    patient: Patient
    episode: Episode
    surgeries: tuple[Surgery, ...]
    protocols: Mapping[tuple[str, int], Protocol]

    is_new: bool  # added in this transaction: nothing can be stored under it yet

    @property
    def zone(self) -> ZoneInfo:
        """Return the clinic's zone, in which the medical day is counted."""
        return ZoneInfo(self.practice.time_zone)

    @property
    def sends(self) -> bool:
        """Return whether reminders are planned at all: not for the dead, nor for those who left."""
        return self.patient.died_on is None and self.episode.status in _PLANNED_FOR

    def medical_day(self, instant: datetime) -> date:
        """Return the clinic's calendar day of an instant."""
        return instant.astimezone(self.zone).date()


@dataclass(frozen=True, slots=True)
class SurgeryPlan:
    """The plan of one surgery of an episode, from the protocol version that the surgery pins.

    `known_at` is the instant from which on we knew its date: what was past by then follows its own policy.
    """

    surgery: Surgery
    protocol: Protocol
    plan: Plan
    known_at: datetime


@dataclass(frozen=True, slots=True)
class PlacedItem:
    """A milestone of the plan with the id of its row and of its surgery."""

    id: str
    surgery_id: str
    planned: PlannedMilestone


def load_care(session: Session, practice_id: str, episode_id: str) -> Care:
    """Return the episode's care, its patient's row locked to the commit. Raises LookupError if it is not stored."""
    episode = find(session, Episode, practice_id, episode_id)
    if episode is None:
        raise LookupError("expected a stored episode, got an unknown id")
    patient = find(session, Patient, practice_id, episode.patient_id, lock=True)
    practice = session.get(Practice, practice_id)
    if patient is None or practice is None:
        raise LookupError("expected an episode of a stored patient and practice")
    surgeries = find_all(session, Surgery, practice_id, episode_id=episode_id)
    in_order = tuple(sorted(surgeries, key=lambda each: each.stage))
    pins = {(each.protocol_id, each.protocol_version) for each in surgeries}
    protocols = {pin: find_protocol(session, practice_id, *pin) for pin in sorted(pins)}
    return Care(practice, patient, episode, in_order, protocols, is_new=episode in session.new)


def stored_rows(session: Session, care: Care, model: type[PlanRow]) -> dict[str, PlanRow]:
    """Return the episode's stored rows of a table of the plan, by id."""
    if care.is_new:
        return {}
    rows = find_all(session, model, care.episode.practice_id, episode_id=care.episode.id)
    return {row.id: row for row in rows}


def plan_surgery(care: Care, surgery: Surgery, now: datetime) -> SurgeryPlan:
    """Return the plan of one surgery of the episode. `now` stands for the instant at which a date becomes known."""
    protocol = care.protocols[surgery.protocol_id, surgery.protocol_version]
    known_at = surgery.dated_at or now
    plan = build_plan([_stage(surgery, protocol)], _facts(care.patient), enrolled_on=care.medical_day(known_at))
    return SurgeryPlan(surgery, protocol, plan, known_at)


def _stage(surgery: Surgery, protocol: Protocol) -> Stage:
    return Stage(
        ordinal=surgery.stage,
        protocol=protocol,
        day0=surgery.surgery_on,
        status=SurgeryStatus(surgery.status),
        setting=surgery.setting,
        brace_ordered=surgery.brace_ordered,
        discharged_on=surgery.discharged_on,
    )


def _facts(patient: Patient) -> PatientFacts:
    return PatientFacts(
        work_class=patient.work_class,
        opioid_use=OpioidUse(patient.opioid_use),
        low_bone_density=bool(patient.low_bone_density),
        wants_contact_sport=patient.wants_contact_sport,
        takes_blood_thinner=patient.takes_blood_thinner,
        has_diabetes_or_glp1=patient.has_diabetes_or_glp1,
        uses_nicotine=patient.uses_nicotine,
    )


def settled_milestones(session: Session, care: Care) -> set[str]:
    """Return the ids of the patient's milestones that were achieved or skipped: they keep their rows as they are."""
    if care.is_new:
        return set()
    rows = find_all(session, MilestoneProgress, care.episode.practice_id, patient_id=care.patient.id)
    return {row.id for row in rows if row.achieved_on is not None or row.skip_reason is not None}


def reminder_prefs(care: Care) -> ReminderPrefs:
    """Return when this patient may be reached, and which days the clinic is closed besides weekends."""
    patient = care.patient
    quiet = None
    if patient.quiet_from is not None and patient.quiet_until is not None:
        quiet = QuietHours(start=patient.quiet_from, end=patient.quiet_until)
    return ReminderPrefs(
        zone=ZoneInfo(patient.time_zone),
        clinic_zone=care.zone,
        quiet_hours=quiet,
        closed_days=frozenset(date.fromisoformat(day) for day in care.practice.closed_on),
    )
