"""Asks once whether a planned surgery whose day has passed took place."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, sessionmaker

from models.care import Episode, Surgery
from models.isolation import in_practice, reading_practice
from models.people import Patient
from models.practice import Practice
from schedules.jobs.practices import for_each, practice_ids
from schedules.plan.vocabulary import EpisodeStatus, SurgeryStatus
from schedules.planning import ask_whether_it_happened
from schedules.planning.rows import find


def ask_about_passed_surgeries(make_session: sessionmaker[Session], now: datetime) -> None:
    """Ask, once each, whether the planned surgeries took place whose day has passed in their clinic's zone."""

    def ask(practice_id: str) -> None:
        with reading_practice(make_session, practice_id) as session:
            practice = session.get_one(Practice, practice_id)
            passed = _passed_surgeries(practice_id, now.astimezone(ZoneInfo(practice.time_zone)).date())
            found = [(surgery.id, surgery.patient_id) for surgery in session.scalars(passed)]
        for surgery_id, patient_id in found:
            with in_practice(make_session, practice_id) as session:
                # Answers are given under the patient's lock: no question may come after its answer.
                find(session, Patient, practice_id, patient_id, lock=True)
                surgery = session.scalars(passed.where(Surgery.id == surgery_id)).one_or_none()
                if surgery is not None:
                    ask_whether_it_happened(session, surgery, now)

    for_each(practice_ids(make_session), ask)


def _passed_surgeries(practice_id: str, today: date) -> Select[Surgery]:
    return (
        select(Surgery)
        .join(Episode, (Episode.practice_id == Surgery.practice_id) & (Episode.id == Surgery.episode_id))
        .join(Patient, (Patient.practice_id == Surgery.practice_id) & (Patient.id == Surgery.patient_id))
        .where(Surgery.practice_id == practice_id, Surgery.status == SurgeryStatus.planned)
        .where(Surgery.surgery_on < today, ~Surgery.deleted, ~Episode.deleted)
        .where(Episode.status.in_((EpisodeStatus.active, EpisodeStatus.paused)), Patient.died_on.is_(None))
        .order_by(Surgery.id)
    )
