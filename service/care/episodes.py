"""Use cases: an episode of care is stored and changed. An end of care withdraws what was not sent."""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models import Episode
from schedules.plan.vocabulary import EpisodeStatus
from schedules.planning import answers_now, plan_episode, withdraw
from service.care.enrol import add_episode, changes, write_fields
from service.care.patients import RequireMatch
from service.care.reach import is_stored, lock_patient, lock_row, refuse_change, refuse_who_treats_nobody
from service.care.records import EpisodeRecord
from service.errors import ConflictError, Fault, NotFoundError
from service.identity.principal import Principal

_PLANNED_FOR = (EpisodeStatus.active, EpisodeStatus.paused)


def put_episode(
    session: Session,
    caller: Principal,
    episode_id: str,
    record: EpisodeRecord,
    *,
    now: datetime,
    require_match: RequireMatch,
) -> tuple[Episode, bool]:
    """Store an episode under the client's id. Return the row, and whether it is new.

    Raises NotFoundError for a patient or coordinator of another practice, ConflictError for a label in use, and what
    `require_match` raises.
    """
    if not is_stored(session, caller, Episode, episode_id):
        patient = lock_patient(session, caller.practice_id, record.patient_id)
        # Again under the lock: who sends twice at once finds what the first try stored.
        if not is_stored(session, caller, Episode, episode_id):
            _refuse_taken_label(session, caller.practice_id, record)
            refuse_who_treats_nobody(session, caller.practice_id, record.coordinator_id, "/coordinator_id")
            return add_episode(session, patient, episode_id, record, now), True
    try:
        existing = lock_row(session, caller, Episode, episode_id)
    except NotFoundError:
        # An id in use out of sight, and a patient out of sight: refused as if the id were free.
        lock_patient(session, caller.practice_id, record.patient_id)
        raise
    change_episode(session, existing, record, now=now, require_match=require_match)
    return existing, False


def change_episode(
    session: Session, episode: Episode, record: EpisodeRecord, *, now: datetime, require_match: RequireMatch
) -> None:
    """Write what differs to an episode that is locked.

    A status that ends the care withdraws its reminders; one that resumes it plans again. That the patient died ends the
    patient's other episodes too.
    Raises as `put_episode` does, and InvalidError for another patient.
    """
    changed = changes(episode, record)
    if not changed:
        return
    require_match(episode)
    if "patient_id" in changed:
        raise refuse_change("/patient_id", "the patient of this episode, who never changes")
    if "label" in changed:
        _refuse_taken_label(session, episode.practice_id, record)
    if "coordinator_id" in changed:
        refuse_who_treats_nobody(session, episode.practice_id, record.coordinator_id, "/coordinator_id")
    before = episode.status
    write_fields(episode, record)
    if episode.status is not before:
        _follow(session, episode, before, now)


def _follow(session: Session, episode: Episode, before: EpisodeStatus, now: datetime) -> None:
    practice_id, patient_id = episode.practice_id, episode.patient_id
    if episode.status not in _PLANNED_FOR:
        ended = [episode, *(_end_others(session, episode) if episode.status is EpisodeStatus.died else ())]
        ids = sorted(each.id for each in ended)
        withdraw(session, practice_id, patient_id, now=now, reason=episode.status.value, episode_ids=ids)
        # What the clinic was still asked about the episode is taken back with it.
        for episode_id in ids:
            plan_episode(session, practice_id, episode_id, now)
    elif before not in _PLANNED_FOR:
        plan_episode(session, practice_id, episode.id, now)
    else:
        answers_now(session, practice_id, patient_id)


def _end_others(session: Session, episode: Episode) -> list[Episode]:
    """End the patient's other episodes too: who died in one is written to about none."""
    others = select(Episode).filter_by(practice_id=episode.practice_id, patient_id=episode.patient_id, deleted=False)
    found = [each for each in session.scalars(others) if each.id != episode.id and each.status in _PLANNED_FOR]
    for each in found:
        each.status = EpisodeStatus.died
    return found


def _refuse_taken_label(session: Session, practice_id: str, record: EpisodeRecord) -> None:
    same = (Episode.practice_id == practice_id, Episode.patient_id == record.patient_id, Episode.label == record.label)
    if session.scalar(select(exists().where(*same))):
        raise ConflictError(Fault("/label", "a label that no other episode of the patient has", "one in use"))
