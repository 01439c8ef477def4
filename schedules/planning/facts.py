"""Reads what the plan engine needs to know of an episode from its rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models.care import Episode, MilestoneProgress, Surgery
from models.people import Patient
from models.practice import Practice
from schedules.plan.build import PatientFacts, Plan, Stage, build_plan
from schedules.plan.check_ins import check_in_days
from schedules.plan.items import PlannedMilestone
from schedules.plan.protocol import Protocol
from schedules.plan.reminders import ReminderPrefs, StageMessages
from schedules.plan.replan import Placed, Surgeries
from schedules.plan.timing import QuietHours
from schedules.plan.vocabulary import EpisodeStatus, OpioidUse, SurgeryStatus
from schedules.planning.closed_days import closed_days
from schedules.planning.dates import follows_another_protocol
from schedules.planning.library import find_protocol
from schedules.planning.rows import find, find_all
from schedules.planning.rules import clinic_rules
from schedules.planning.slots import Slots, filled_slots, signed_keys

PlacedItem = Placed[PlannedMilestone]
PLANNED_FOR = (EpisodeStatus.active, EpisodeStatus.paused)
# Reminders lie within these spans of the days of surgery: the last questionnaire closes 27 months after the last one.
_BEFORE, _AFTER = timedelta(days=100), timedelta(days=1000)


@dataclass(frozen=True, slots=True)
class Care:
    """An episode with everything that its plan depends on. `surgeries` are in the order of their stages.

    `protocols` are the versions that they pin, by id and version; `repinned` the surgeries that follow another one than
    is stored.
    """

    practice: Practice
    patient: Patient
    episode: Episode
    surgeries: tuple[Surgery, ...]
    protocols: Mapping[tuple[str, int], Protocol]

    is_new: bool  # added in this transaction: nothing can be stored under it yet
    repinned: frozenset[str] = frozenset()

    @property
    def zone(self) -> ZoneInfo:
        """Return the clinic's zone, in which the medical day is counted."""
        return ZoneInfo(self.practice.time_zone)

    @property
    def sends(self) -> bool:
        """Return whether reminders are planned at all: not for the dead, nor for those who left."""
        return self.patient.died_on is None and self.episode.status in PLANNED_FOR

    @property
    def standing(self) -> tuple[Surgery, ...]:
        """Return the surgeries that were not called off."""
        return tuple(each for each in self.surgeries if each.status is not SurgeryStatus.cancelled)

    @property
    def surgery_facts(self) -> Surgeries:
        """Return what the ending of an item follows from."""
        return Surgeries(
            cancelled=frozenset(each.id for each in self.surgeries if each.status is SurgeryStatus.cancelled),
            repinned=self.repinned,
            day0s={each.stage: each.surgery_on for each in self.standing},
        )

    def medical_day(self, instant: datetime) -> date:
        """Return the clinic's calendar day of an instant."""
        return instant.astimezone(self.zone).date()

    def protocol_of(self, surgery: Surgery) -> Protocol:
        """Return the protocol version that a surgery pins."""
        return self.protocols[surgery.protocol_id, surgery.protocol_version]


def load_care(session: Session, practice_id: str, episode_id: str) -> Care:
    """Return the episode's care, its patient's row locked to the commit. Raises LookupError if it is not stored."""
    episode = find_episode(session, practice_id, episode_id)
    find(session, Patient, practice_id, episode.patient_id, lock=True)
    surgeries = find_all(session, Surgery, practice_id, episode_id=episode_id)
    repinned = frozenset(each.id for each in surgeries if follows_another_protocol(each))
    return care_of(session, episode, surgeries, repinned=repinned)


def find_episode(session: Session, practice_id: str, episode_id: str) -> Episode:
    """Return an episode. Raises LookupError if it is not stored."""
    episode = find(session, Episode, practice_id, episode_id)
    if episode is None:
        raise LookupError("expected a stored episode, got an unknown id")
    return episode


def care_of(
    session: Session, episode: Episode, surgeries: list[Surgery], *, repinned: frozenset[str] = frozenset()
) -> Care:
    """Return the care of an episode with these surgeries, which need not be stored. Locks nothing.

    Raises LookupError if its patient or practice is not stored, PlanError for a protocol that does not exist.
    """
    practice_id = episode.practice_id
    patient = find(session, Patient, practice_id, episode.patient_id)
    practice = session.get(Practice, practice_id)
    if patient is None or practice is None:
        raise LookupError("expected an episode of a stored patient and practice")
    in_order = tuple(sorted(surgeries, key=lambda each: each.stage))
    pins = {(each.protocol_id, each.protocol_version) for each in surgeries}
    protocols = {pin: find_protocol(session, practice_id, *pin) for pin in sorted(pins)}
    return Care(practice, patient, episode, in_order, protocols, is_new=episode in session.new, repinned=repinned)


@dataclass(frozen=True, slots=True)
class Outline:
    """The plan of a whole episode, and what the messages about each of its stages follow, by ordinal."""

    plan: Plan
    messages: Mapping[int, StageMessages]


def outline(session: Session, care: Care, now: datetime) -> Outline:
    """Return the plan that an episode's facts call for. `now` stands for the instant at which a date becomes known."""
    slots: Mapping[int, Slots] = filled_slots(session, care)
    stages = [_stage(care, each, slots.get(each.stage, {}), now) for each in care.standing]
    rules = clinic_rules(care.practice)
    plan = build_plan(stages, _facts(care), enrolled_on=care.medical_day(now), clinic=rules)
    messages = {
        each.stage: StageMessages(
            rules=care.protocol_of(each).reminders,
            known_at=each.dated_at or now,
            signed=signed_keys(each, slots.get(each.stage, {})),
            check_in_days=check_in_days(rules.check_ins, each.surgery_on, each.setting),
        )
        for each in care.standing
    }
    return Outline(plan, messages)


def _stage(care: Care, surgery: Surgery, slots: Slots, now: datetime) -> Stage:
    return Stage(
        ordinal=surgery.stage,
        protocol=care.protocol_of(surgery),
        day0=surgery.surgery_on,
        status=SurgeryStatus(surgery.status),
        setting=surgery.setting,
        brace_ordered=bool(surgery.brace_ordered),
        discharged_on=surgery.discharged_on,
        known_on=care.medical_day(surgery.dated_at or now),
        slots=slots,
    )


def _facts(care: Care) -> PatientFacts:
    patient = care.patient
    return PatientFacts(
        work_class=patient.work_class,
        opioid_use=OpioidUse(patient.opioid_use),
        low_bone_density=bool(patient.low_bone_density),
        wants_contact_sport=bool(patient.wants_contact_sport),
        takes_blood_thinner=patient.takes_blood_thinner,
        has_diabetes_or_glp1=patient.has_diabetes_or_glp1,
        uses_nicotine=patient.uses_nicotine,
        workers_comp=bool(care.episode.workers_comp),
    )


def settled_milestones(session: Session, care: Care) -> set[str]:
    """Return the ids of the patient's milestones that were achieved or skipped."""
    if care.is_new:
        return set()
    rows = find_all(session, MilestoneProgress, care.episode.practice_id, patient_id=care.patient.id)
    return {row.id for row in rows if row.achieved_on is not None or row.skip_reason is not None}


def reminder_prefs(care: Care, now: datetime) -> ReminderPrefs:
    """Return when this patient may be reached, and which days the clinic is closed besides weekends."""
    patient = care.patient
    quiet = None
    if patient.quiet_from is not None and patient.quiet_until is not None:
        quiet = QuietHours(start=patient.quiet_from, end=patient.quiet_until)
    days = [care.medical_day(now), *(each.surgery_on for each in care.standing if each.surgery_on is not None)]
    first_on, last_on = _shifted(min(days), -_BEFORE), _shifted(max(days), _AFTER)
    return ReminderPrefs(
        zone=ZoneInfo(patient.time_zone),
        clinic_zone=care.zone,
        quiet_hours=quiet,
        closed_days=closed_days(care.practice, first_on=first_on, last_on=last_on),
    )


def _shifted(on: date, by: timedelta) -> date:
    try:
        return on + by
    except OverflowError:
        return date.min if by < timedelta(0) else date.max
