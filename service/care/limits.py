"""What a patient may do on a day of the clinic's calendar, in one episode and over all that are open."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Episode, Patient
from schedules.plan.day_limits import DayLimits, strictest
from schedules.plan.vocabulary import EpisodeStatus
from schedules.planning.clearing import load_clearing_case
from service.care.enrol import clinic_today
from service.care.reach import find_patient, find_row, practice_of
from service.identity.principal import Principal

OPEN_EPISODES = (EpisodeStatus.active, EpisodeStatus.paused)


@dataclass(frozen=True, slots=True)
class EpisodeLimits:
    """What one episode limits on the day `on`."""

    patient_id: str
    episode_id: str
    on: date
    limits: DayLimits


@dataclass(frozen=True, slots=True)
class PatientLimits:
    """What all open episodes of a patient limit on the day `on`: the strictest, and each. None: no episode is open."""

    patient_id: str
    on: date
    limits: DayLimits | None
    episodes: tuple[EpisodeLimits, ...]


def episode_limits(
    session: Session, caller: Principal, episode_id: str, *, on: date | None, now: datetime
) -> EpisodeLimits:
    """Return what an episode limits on a day, by default today, as known at `now`. Raises NotFoundError."""
    episode = find_row(session, caller, Episode, episode_id)
    patient = find_patient(session, caller, episode.patient_id)
    return _limits(session, caller, patient, episode, on=on, now=now)


def patient_limits(
    session: Session, caller: Principal, patient_id: str, *, on: date | None, now: datetime
) -> PatientLimits:
    """Return the strictest limits over the patient's open episodes on a day, by default today. Raises NotFoundError."""
    patient = find_patient(session, caller, patient_id)
    query = select(Episode).filter_by(practice_id=patient.practice_id, patient_id=patient.id, deleted=False)
    open_ones = sorted(session.scalars(query.where(Episode.status.in_(OPEN_EPISODES))), key=lambda row: row.id)
    each = tuple(_limits(session, caller, patient, episode, on=on, now=now) for episode in open_ones)
    return PatientLimits(
        patient_id=patient.id,
        on=on or clinic_today(practice_of(session, caller), now),
        limits=strictest(one.limits for one in each) if each else None,
        episodes=each,
    )


def _limits(
    session: Session, caller: Principal, patient: Patient, episode: Episode, *, on: date | None, now: datetime
) -> EpisodeLimits:
    practice = practice_of(session, caller)
    day = on or clinic_today(practice, now)
    case = load_clearing_case(session, practice, patient, episode.id)
    return EpisodeLimits(patient.id, episode.id, day, case.limits(day, now))
