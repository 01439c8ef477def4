"""Use cases: a patient's facts are stored, changed and listed. A change re-plans what depends on it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from models import Episode, Patient
from models.base import Synced
from models.caseload import admit, whole_practice
from schedules.plan.vocabulary import EpisodeStatus
from schedules.planning import answers_now, plan_episode, withdraw
from service.care.assignments import assign
from service.care.checks import patient_faults
from service.care.enrol import add_patient, changes, clinic_today, refuse_faults, write_fields
from service.care.lists import rows_after
from service.care.reach import is_stored, practice_of
from service.care.records import PATIENT_MAY_CHANGE, PatientRecord
from service.care.versions import former_columns, keep_former_version
from service.errors import ConflictError, Fault, ForbiddenError, NotFoundError
from service.identity.principal import Principal

RequireMatch = Callable[[Synced], None]
# What a plan's days, its reminders' times, or whether there are any, follow from.
_PLANNED_BY = frozenset(
    {"time_zone", "quiet_from", "quiet_until", "died_on", "work_class", "opioid_use", "takes_blood_thinner"}
    | {"has_diabetes_or_glp1", "uses_nicotine", "low_bone_density", "wants_contact_sport"}
)
# What the worker reads again before each send.
_SENT_BY = frozenset(
    {"channels", "opted_out", "opted_out_categories", "reminders_paused_at", "details_consent_at", "email", "phone"}
    | {"language"}
    | {"time_zone", "quiet_from", "quiet_until"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientFilter:
    """Which patients a list holds. `status` and `coordinator_id` are of any episode, the same one if both are given."""

    status: EpisodeStatus | None = None
    coordinator_id: str | None = None
    mrn: str | None = None


def put_patient(
    session: Session,
    caller: Principal,
    patient_id: str,
    record: PatientRecord,
    *,
    now: datetime,
    require_match: RequireMatch,
) -> tuple[Patient, bool]:
    """Store a patient under the client's id. Return the row, and whether it is new.

    A body that equals what is stored changes nothing and needs no ETag. Whoever sees their own caseload alone has the
    new patient on it. Raises NotFoundError for one of another caseload, ConflictError for an MRN in use, InvalidError
    for facts that are not possible, and what `require_match` raises.
    """
    existing = session.get(Patient, (caller.practice_id, patient_id), with_for_update={"key_share": True})
    if existing is not None and existing.deleted:
        told = "an id that no patient had who was erased or merged into another: make another one"
        raise ConflictError(Fault("", told, "one of such a patient"))
    if existing is None and is_stored(session, caller, Patient, patient_id):
        raise NotFoundError  # of somebody else's caseload
    if existing is not None:
        change_patient(session, caller, existing, record, now=now, require_match=require_match)
        return existing, False
    _refuse_taken_mrn(session, caller.practice_id, record.mrn)
    patient = add_patient(session, practice_of(session, caller), patient_id, record, now)
    if caller.own_caseload_only:
        assign(session, caller, patient.id, caller.actor_id, now)
        admit(session, patient.id)
    return patient, True


def change_patient(
    session: Session,
    caller: Principal,
    patient: Patient,
    record: PatientRecord,
    *,
    now: datetime,
    require_match: RequireMatch,
) -> None:
    """Write what differs, and plan again what depends on it, in the session's transaction.

    What settings said before is kept: a device may overwrite what somebody else has set.

    Raises as `put_patient` does, and ForbiddenError if a patient changes what only the clinic may.
    """
    changed = frozenset(changes(patient, record))
    if not changed:
        return
    require_match(patient)
    if caller.patient_id is not None and not changed <= PATIENT_MAY_CHANGE:
        told = "one of " + ", ".join(sorted(PATIENT_MAY_CHANGE))
        raise ForbiddenError(
            *(Fault(f"/{name}", told, "another field") for name in sorted(changed - PATIENT_MAY_CHANGE))
        )
    refuse_faults(patient_faults(record, clinic_today(practice_of(session, caller), now)))
    if "mrn" in changed:
        _refuse_taken_mrn(session, caller.practice_id, record.mrn)
    settings = changed & PATIENT_MAY_CHANGE
    if settings:
        keep_former_version(session, patient, former_columns(patient, settings), now, by=caller.reporter)
    write_fields(patient, record)
    _follow(session, patient, changed, now)


def list_patients(
    session: Session, practice_id: str, wanted: PatientFilter, *, after: str | None, limit: int
) -> Sequence[Patient]:
    """Return up to `limit` patients in the order of their names, from the one after the id `after` on."""
    place = (Patient.family_name, Patient.given_name, Patient.id)
    query = _matching(select(Patient).where(Patient.practice_id == practice_id, Patient.deleted.is_(False)), wanted)
    return rows_after(session, query, place, practice_id=practice_id, after=after, limit=limit)


def _matching(query: Select[Patient], wanted: PatientFilter) -> Select[Patient]:
    if wanted.mrn is not None:
        query = query.where(Patient.mrn == wanted.mrn)
    of_episode = []
    if wanted.status is not None:
        of_episode.append(Episode.status == wanted.status)
    if wanted.coordinator_id is not None:
        of_episode.append(Episode.coordinator_id == wanted.coordinator_id)
    if of_episode:
        whose = (Episode.practice_id == Patient.practice_id, Episode.patient_id == Patient.id)
        query = query.where(exists().where(*whose, *of_episode))
    return query


def _follow(session: Session, patient: Patient, changed: frozenset[str], now: datetime) -> None:
    if "died_on" in changed and patient.died_on is not None:
        withdraw(session, patient.practice_id, patient.id, now=now, reason="died")
    if changed & _PLANNED_BY:
        episodes = select(Episode.id).where(
            Episode.practice_id == patient.practice_id, Episode.patient_id == patient.id
        )
        for episode_id in session.scalars(episodes.order_by(Episode.id)).all():
            plan_episode(session, patient.practice_id, episode_id, now)
    if changed & _SENT_BY:
        # Whoever locks the delivery rows first decides: a send that has not passed its last check sees the change.
        answers_now(session, patient.practice_id, patient.id)


def _refuse_taken_mrn(session: Session, practice_id: str, mrn: str) -> None:
    taken = exists().where(Patient.practice_id == practice_id, Patient.mrn == mrn)
    with whole_practice(session):
        is_taken = session.scalar(select(taken))
    if is_taken:
        raise ConflictError(Fault("/mrn", "an MRN that no other patient has", "one in use"))
