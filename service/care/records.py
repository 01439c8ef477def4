"""Facts as a client gives them, parsed: field for field the columns that a client may set.

A record knows no id, no practice and no revision. Forms and plausible ranges are checked by `service.care.checks`.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from schedules.plan.vocabulary import (
    Approach,
    ApproachClass,
    Channel,
    EpisodeStatus,
    Instrument,
    Language,
    OpioidUse,
    Procedure,
    ReminderCategory,
    Setting,
    SurgeryStatus,
    Units,
    WorkClass,
)

# A patient's settings: what the patient may change too.
PATIENT_MAY_CHANGE = frozenset(
    {"language", "country", "time_zone", "units", "channels", "opted_out", "quiet_from", "quiet_until"}
    | {"opted_out_categories", "reminders_paused_at"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRecord:
    """A patient's facts. `country` is ISO 3166-1 alpha-2 and `time_zone` IANA: where the patient is now."""

    mrn: str
    given_name: str
    family_name: str
    date_of_birth: date
    language: Language
    country: str
    time_zone: str
    units: Units
    channels: tuple[Channel, ...] = ()
    opted_out: tuple[Channel, ...] = ()
    opted_out_categories: tuple[ReminderCategory, ...] = ()
    quiet_from: time | None = None
    quiet_until: time | None = None
    reminders_paused_at: datetime | None = None
    details_consent_at: datetime | None = None
    died_on: date | None = None
    email: str | None = None
    phone: str | None = None
    work_class: WorkClass | None = None
    opioid_use: OpioidUse = OpioidUse.unknown
    takes_blood_thinner: bool | None = None
    has_diabetes_or_glp1: bool | None = None
    uses_nicotine: bool | None = None
    has_implanted_device: bool | None = None
    low_bone_density: bool | None = None
    wants_contact_sport: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRecord:
    """An episode's facts. `label` is the clinic's own word for it, such as E1."""

    patient_id: str
    label: str
    status: EpisodeStatus = EpisodeStatus.active
    coordinator_id: str | None = None
    workers_comp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SurgeryRecord:
    """A surgery's facts. Without `approach_class` the approach decides it; a surgeon may override it."""

    episode_id: str
    stage: int
    procedure: Procedure
    approach: Approach
    approach_class: ApproachClass | None = None
    levels: tuple[str, ...] = ()
    surgery_on: date | None = None
    status: SurgeryStatus = SurgeryStatus.planned
    setting: Setting | None = None
    surgeon_id: str | None = None
    site: str | None = None
    indication: str | None = None
    arrival_at: time | None = None
    discharged_on: date | None = None
    blood_loss_ml: int | None = None
    brace_ordered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInRecord:
    """What a patient reports at one time. Pain from 0 (none) to 10; minutes and steps of the whole day.

    `red_flags` are the keys of those said yes to, `wound_signs` what is seen at the wound, `exercises` the keys of
    those done on the day; None: not asked. Sleep, mood and confidence from 0, the worst, to 10.
    """

    episode_id: str
    reported_at: datetime
    pain: int
    pain_back: int | None = None
    pain_leg: int | None = None
    pain_neck: int | None = None
    pain_arm: int | None = None
    walking_minutes: int | None = None
    steps: int | None = None
    took_opioid: bool | None = None
    red_flags: tuple[str, ...] | None = None
    opioid_doses: int | None = None
    temperature_tenths_c: int | None = None
    wound_signs: tuple[str, ...] | None = None
    exercises: tuple[str, ...] | None = None
    sleep: int | None = None
    mood: int | None = None
    confidence: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidFlags:
    """What of a check-in asks for a person at once. Temperature in tenths of a degree Celsius."""

    episode_id: str
    reported_at: datetime
    red_flags: tuple[str, ...]
    wound_signs: tuple[str, ...]
    temperature_tenths_c: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersRecord:
    """One answered questionnaire. `answers` holds the instrument's parts, see `schedules.plan.questionnaires`."""

    episode_id: str
    instrument: Instrument
    answered_at: datetime
    answers: dict[str, Any]
    milestone_id: str | None = None
