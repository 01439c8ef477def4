"""Use cases: a surgery is stored and changed, its plan with it.

Once a surgery has a date it has a dated plan: its date, approach, class, levels, procedure and stage then change by a
move only, which shows the difference first.
"""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models import Episode, Milestone, Surgery, Task
from models.report import TaskKind, TaskState
from schedules.plan.vocabulary import SurgeryStatus
from schedules.planning import Answer, plan_episode, withdraw
from schedules.planning.corrections import correction_due, send_correction, upset_of
from schedules.planning.library import library_of
from service.care.checks import surgery_faults
from service.care.enrol import add_surgery, changes, clinic_today, pin_protocol, refuse_faults, write_fields
from service.care.patients import RequireMatch
from service.care.reach import (
    find_named_episode,
    is_stored,
    lock_patient,
    lock_row,
    practice_of,
    refuse_change,
    refuse_who_treats_nobody,
)
from service.care.records import SurgeryRecord
from service.errors import ConflictError, Fault, NeedsMoveError, NotFoundError
from service.identity.principal import Principal

_SERVED_BY = frozenset({"procedure", "approach", "approach_class", "levels"})
_MOVED_ONLY = _SERVED_BY | {"surgery_on", "stage"}
_PLANNED_BY = _MOVED_ONLY | {"status", "setting", "brace_ordered", "discharged_on", "arrival_at"}
_ANSWERS = {SurgeryStatus.planned: (SurgeryStatus.performed, SurgeryStatus.cancelled)}


def put_surgery(
    session: Session,
    caller: Principal,
    surgery_id: str,
    record: SurgeryRecord,
    *,
    now: datetime,
    require_match: RequireMatch,
) -> tuple[Surgery, bool]:
    """Store a surgery under the client's id, and plan its episode. Return the row, and whether it is new.

    Raises NotFoundError for an episode or surgeon of another practice, ConflictError for a stage in use, InvalidError
    for facts that are not possible or a procedure without such an approach, and what `require_match` raises.
    """
    if not is_stored(session, caller, Surgery, surgery_id):
        episode = find_named_episode(session, caller, record.episode_id)
        lock_patient(session, caller.practice_id, episode.patient_id)
        # Again under the lock: who sends twice at once finds what the first try stored.
        if not is_stored(session, caller, Surgery, surgery_id):
            return _add(session, caller, episode, surgery_id, record, now=now), True
    try:
        existing = lock_row(session, caller, Surgery, surgery_id)
    except NotFoundError:
        # An id in use out of sight, and an episode out of sight: refused as if the id were free.
        find_named_episode(session, caller, record.episode_id)
        raise
    change_surgery(session, caller, existing, record, now=now, require_match=require_match)
    return existing, False


def _add(
    session: Session, caller: Principal, episode: Episode, surgery_id: str, record: SurgeryRecord, *, now: datetime
) -> Surgery:
    _refuse_taken_stage(session, episode, record.stage)
    refuse_who_treats_nobody(session, caller.practice_id, record.surgeon_id, "/surgeon_id")
    today = clinic_today(practice_of(session, caller), now)
    surgery = add_surgery(session, episode, surgery_id, record, today)
    plan_episode(session, caller.practice_id, episode.id, now)
    return surgery


def change_surgery(
    session: Session,
    caller: Principal,
    surgery: Surgery,
    record: SurgeryRecord,
    *,
    now: datetime,
    require_match: RequireMatch,
) -> None:
    """Write what differs to a surgery that is locked, and plan the episode again where its plan follows from it.

    Raises as `put_surgery` does, and NeedsMoveError for what a move only may change, ConflictError for a status that
    does not follow from the stored one.
    """
    changed = frozenset(changes(surgery, record))
    if not changed:
        return
    require_match(surgery)
    _refuse_impossible_change(surgery, record, changed)
    refuse_faults(surgery_faults(record, clinic_today(practice_of(session, caller), now)))
    episode = session.get_one(Episode, (surgery.practice_id, surgery.episode_id))
    if "stage" in changed:
        _refuse_taken_stage(session, episode, record.stage)
    if "surgeon_id" in changed:
        refuse_who_treats_nobody(session, surgery.practice_id, record.surgeon_id, "/surgeon_id")
    upset = upset_of(surgery, becomes_on=record.surgery_on, becomes=record.status)
    correction = correction_due(session, episode, [] if upset is None else [upset], lock=True)
    write_fields(surgery, record)
    if changed & _SERVED_BY:
        pin_protocol(surgery, record, library_of(session, surgery.practice_id))
    if "status" in changed:
        answer_status(session, caller, surgery, now)
    if changed & _PLANNED_BY:
        plan_episode(session, surgery.practice_id, surgery.episode_id, now)
    if correction is not None:
        send_correction(session, episode, correction, now)


def _refuse_impossible_change(surgery: Surgery, record: SurgeryRecord, changed: frozenset[str]) -> None:
    if "episode_id" in changed:
        raise refuse_change("/episode_id", "the episode of this surgery, which never changes")
    if surgery.surgery_on is not None and changed & _MOVED_ONLY:
        expected = "no change outside a move, since the surgery has a date"
        raise NeedsMoveError(*(Fault(f"/{name}", expected, "a change") for name in sorted(changed & _MOVED_ONLY)))
    if "status" in changed and record.status not in _ANSWERS.get(surgery.status, ()):
        follows = " or ".join(_ANSWERS.get(surgery.status, ())) or "no other status"
        raise ConflictError(Fault("/status", f"{follows} after {surgery.status}", record.status.value))


def answer_status(session: Session, caller: Principal, surgery: Surgery, now: datetime) -> dict[str, Answer]:
    """Close the question whether the surgery happened; a cancelled one takes its messages back.

    Return an answer for each reminder that was taken back.
    """
    about_it = {"patient_id": surgery.patient_id, "surgery_id": surgery.id}  # found by patient
    for task in session.scalars(select(Task).filter_by(practice_id=surgery.practice_id, **about_it)):
        if task.kind is TaskKind.confirm_surgery and task.state is TaskState.open:
            task.state, task.done_at, task.done_by = TaskState.done, now, caller.staff_id
    if surgery.status is not SurgeryStatus.cancelled:
        return {}
    query = select(Milestone.id).filter_by(practice_id=surgery.practice_id, surgery_id=surgery.id)
    ids = session.scalars(query).all()
    whose = (surgery.practice_id, surgery.patient_id)
    return withdraw(session, *whose, now=now, reason="surgery_cancelled", milestone_ids=ids)


def _refuse_taken_stage(session: Session, episode: Episode, stage: int) -> None:
    same = (Surgery.practice_id == episode.practice_id, Surgery.episode_id == episode.id, Surgery.stage == stage)
    if session.scalar(select(exists().where(*same))):
        raise ConflictError(Fault("/stage", "a stage that no other surgery of the episode has", str(stage)))
