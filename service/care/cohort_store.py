"""Stores what is new of one patient of a caseload, with its plan, in the caller's transaction."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from models import Episode, Patient, Practice, Surgery, journal
from models.audit import ActorKind, AuditAction
from models.private import lookup_hash
from schedules.planning import plan_episode
from service.care.cohort_match import Match, StoredPatient, in_stage_order
from service.care.cohort_rows import CohortRow
from service.care.enrol import add_episode, add_patient, add_surgery, clinic_today
from service.care.records import EpisodeRecord
from service.errors import ConflictError, Fault

_ID_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Importer:
    """Who imports, for the audit trail. `route` is the command's name or the route's template."""

    kind: ActorKind = ActorKind.command
    id: str | None = None
    route: str = "flask import"


def store_new(
    session: Session,
    practice: Practice,
    new: Iterable[Match],
    stored: StoredPatient,
    *,
    now: datetime,
    importer: Importer,
) -> None:
    """Add what is new of one patient, plan every episode that it touches, and leave one audit entry.

    Raises InvalidError or PlanError if the facts are not possible.
    """
    by_episode: defaultdict[str, list[Match]] = defaultdict(list)
    for match in new:
        by_episode[match.row.episode].append(match)
    first = next(iter(by_episode.values()))[0].row
    patient = stored.patient or _add_patient(session, practice, first, now)
    episodes = []
    for label, matches in by_episode.items():
        episode = stored.episodes.get(label) or _add_episode(session, patient, matches[0].row, now)
        _add_surgeries(session, episode, matches, stored.surgeries_of(label), today=clinic_today(practice, now))
        episodes.append(episode)
    # All are there before the first is planned: of what overlapping episodes share, one speaks.
    for episode in episodes:
        plan_episode(session, practice.id, episode.id, now)
    about = {"rows": sum(map(len, by_episode.values()))}
    act = journal.Act(
        importer.kind, importer.id, AuditAction.import_, importer.route, about=about, patient_ids=(patient.id,)
    )
    journal.append(session, practice.id, act, now)


def _add_patient(session: Session, practice: Practice, row: CohortRow, now: datetime) -> Patient:
    patient_id = _derived_id(practice.id, "patient", row.patient.mrn)
    if session.get(Patient, (practice.id, patient_id)) is not None:
        raise ConflictError(Fault("/mrn", "a patient who was neither erased nor merged into another", "one who was"))
    return add_patient(session, practice, patient_id, row.patient, now)


def _add_episode(session: Session, patient: Patient, row: CohortRow, now: datetime) -> Episode:
    episode_id = _derived_id(patient.practice_id, "episode", row.patient.mrn, row.episode)
    record = EpisodeRecord(patient_id=patient.id, label=row.episode, workers_comp=row.workers_comp)
    return add_episode(session, patient, episode_id, record, now)


def _add_surgeries(
    session: Session, episode: Episode, matches: Iterable[Match], stored: tuple[Surgery, ...], *, today: date
) -> None:
    """Add surgeries as the episode's next stages, in the order of their days."""
    taken = {surgery.id for surgery in stored}
    next_stage = max((surgery.stage for surgery in stored), default=0) + 1
    for stage, match in enumerate(in_stage_order(matches), next_stage):
        surgery_id = _surgery_id(episode.practice_id, match.row, taken)
        taken.add(surgery_id)
        record = dataclasses.replace(match.row.surgery, episode_id=episode.id, stage=stage)
        add_surgery(session, episode, surgery_id, record, today)


def _surgery_id(practice_id: str, row: CohortRow, taken: set[str]) -> str:
    """Return the id of the first surgery of this procedure in the episode that is not taken yet."""
    natural_key = (row.patient.mrn, row.episode, row.surgery.procedure)
    ordinal = 1
    while (surgery_id := _derived_id(practice_id, "surgery", *natural_key, str(ordinal))) in taken:
        ordinal += 1
    return surgery_id


def _derived_id(practice_id: str, *natural_key: str) -> str:
    """Return the id that follows from a natural key. Keyed, so that an id in a log cannot be tried back to an MRN."""
    told = "\0".join(natural_key).encode().hex()
    return lookup_hash(told, practice_id).hex()[:_ID_LENGTH]
