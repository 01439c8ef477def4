"""Use cases: a patient, an episode and a surgery enter the practice.

Each makes one row and adds it to the session; foreign keys are checked at the commit, so a parent need not be written
before its child. After the last surgery of an episode the caller calls `schedules.planning.plan_episode` once.
"""

import dataclasses
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models import CheckIn, Episode, Patient, Practice, QuestionnaireAnswer, Surgery
from models.private import make_data_key
from schedules.plan.errors import PlanError
from schedules.plan.library import Library, approach_class_of
from schedules.plan.protocol import Protocol
from schedules.plan.vocabulary import ApproachClass
from schedules.planning.library import library_of
from service.care.checks import patient_faults, surgery_faults
from service.care.records import AnswersRecord, CheckInRecord, EpisodeRecord, PatientRecord, SurgeryRecord
from service.errors import Fault, InvalidError, from_plan

Record = PatientRecord | EpisodeRecord | SurgeryRecord | CheckInRecord | AnswersRecord
Row = Patient | Episode | Surgery | CheckIn | QuestionnaireAnswer


def add_patient(session: Session, practice: Practice, patient_id: str, record: PatientRecord, now: datetime) -> Patient:
    """Add a patient to the session and return the row. The database holds that an MRN is used once in a practice.

    Raises InvalidError if the facts are not possible.
    """
    refuse_faults(patient_faults(record, clinic_today(practice, now)))
    # Session, id and practice come first: the private columns are sealed for them, under the patient's own key.
    patient = Patient(practice_id=practice.id, id=patient_id)
    session.add(patient)
    make_data_key(session, practice.id, patient_id)
    write_fields(patient, record)
    return patient


def add_episode(session: Session, patient: Patient, episode_id: str, record: EpisodeRecord, now: datetime) -> Episode:
    """Add an episode of `patient`, enrolled now, to the session and return the row.

    The caller has made sure that the coordinator is the practice's; the composite key holds it.
    """
    episode = Episode(practice_id=patient.practice_id, id=episode_id, enrolled_at=now)
    write_fields(episode, record)
    session.add(episode)
    return episode


def add_surgery(session: Session, episode: Episode, surgery_id: str, record: SurgeryRecord, today: date) -> Surgery:
    """Add a surgery to the session, with the newest protocol that serves it pinned, and return the row.

    `today` is the clinic's calendar date, see `clinic_today`.
    Raises InvalidError if the facts are not possible, or the procedure has no such approach, class or levels.
    """
    refuse_faults(surgery_faults(record, today))
    surgery = Surgery(practice_id=episode.practice_id, id=surgery_id, patient_id=episode.patient_id)
    session.add(surgery)
    write_fields(surgery, record)
    pin_protocol(surgery, record, library_of(session, episode.practice_id))
    return surgery


def changes(existing: Row, record: Record) -> tuple[str, ...]:
    """Return the names of the fields in which a record differs from what is stored, in the record's order.

    Private columns are compared as plain text.
    """
    return tuple(name for name, value in stored_fields(record).items() if getattr(existing, name) != value)


def write_fields(row: Row, record: Record) -> None:
    """Write every field of a record to a row. A surgery's protocol is not touched: see `pin_protocol`."""
    for name, value in stored_fields(record).items():
        setattr(row, name, value)


def fields_of(row: Row, record_type: type[Record]) -> dict[str, Any]:
    """Return the facts of a stored row as the arguments of its record."""
    values = {field.name: getattr(row, field.name) for field in dataclasses.fields(record_type)}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def pin_protocol(surgery: Surgery, record: SurgeryRecord, library: Library) -> None:
    """Pin the protocol of the practice's library that serves a surgery: id, version and digest.

    Raises InvalidError if the procedure has no such approach, class or number of levels.
    """
    protocol = protocol_for(record, library)
    surgery.protocol_id = protocol.id
    surgery.protocol_version = protocol.version
    surgery.protocol_digest = protocol.digest


def protocol_for(record: SurgeryRecord, library: Library) -> Protocol:
    """Return the protocol that serves a surgery: the practice's newest released one, else the newest that ships.

    Raises InvalidError if the procedure has no such approach, class or number of levels.
    """
    try:
        return library.select(record.procedure, record.approach, effective_class(record), len(record.levels))
    except PlanError as error:
        raise from_plan(error) from None


def effective_class(record: SurgeryRecord) -> ApproachClass | None:
    """Return the surgeon's approach class, or else the one that follows from the approach.

    Raises InvalidError if the procedure has no such approach.
    """
    if record.approach_class is not None:
        return record.approach_class
    try:
        return approach_class_of(record.procedure, record.approach)
    except PlanError as error:
        raise from_plan(error) from None


def clinic_today(practice: Practice, now: datetime) -> date:
    """Return the clinic's calendar date at `now`: the medical day is counted in the clinic's zone."""
    return now.astimezone(ZoneInfo(practice.time_zone)).date()


def refuse_faults(faults: tuple[Fault, ...]) -> None:
    """Raise InvalidError with `faults`, if there are any."""
    if faults:
        raise InvalidError(*faults)


def stored_fields(record: Record) -> dict[str, Any]:
    """Return a record's fields as their columns hold them. Raises InvalidError as `effective_class` does."""
    fields = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    if isinstance(record, SurgeryRecord):
        fields["approach_class"] = effective_class(record)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
