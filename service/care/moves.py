"""Use cases: a move of surgeries is shown before it happens, applied as it was shown, and looked up later.

What it does to the plan is the engine's business (`schedules.planning`); what a change may be, `move_changes` says.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Episode
from models.change import PlanChange
from models.people import StaffRole
from models.reminder import Delivery
from schedules.plan.errors import PlanError
from schedules.plan.replan import EpisodeDiff
from schedules.plan.vocabulary import MoveReason
from schedules.planning import Answer, diff_episode, plan_episode
from schedules.planning.corrections import Correction, Upset, correction_due, send_correction, upset_of
from schedules.planning.rows import find_all
from service.care.enrol import add_surgery, clinic_today
from service.care.lists import rows_after
from service.care.move_changes import ChangedSurgery, ChangeKind, Move, changed_surgeries
from service.care.reach import find_row, lock_row, practice_of
from service.care.surgeries import answer_status
from service.errors import Fault, ForbiddenError, InvalidError, StaleMoveError, from_plan
from service.identity.principal import Principal

_CLINICAL = frozenset({ChangeKind.approach_changed, ChangeKind.levels_changed, ChangeKind.procedure_changed})
_MAY_CONVERT = (StaffRole.clinician, StaffRole.coordinator)
# What the history tells of a surgery: codes, numbers and dates only.
_TOLD = (
    "stage", "procedure", "approach", "approach_class", "levels", "surgery_on", "arrival_at", "status", "setting",
    "brace_ordered", "protocol_id", "protocol_version",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Preview:
    """What a move would do. `surgeries` say what became what, `correction` what the patient would hear at once."""

    episode: Episode
    surgeries: list[dict[str, Any]]
    correction: dict[str, Any] | None
    diff: EpisodeDiff


def preview_move(session: Session, caller: Principal, episode_id: str, move: Move, now: datetime) -> Preview:
    """Return what a move would do now. Reads only.

    Raises NotFoundError for an episode or surgery out of reach, ForbiddenError for a conversion by another role,
    ConflictError and InvalidError for changes that are not possible.
    """
    episode = find_row(session, caller, Episode, episode_id)
    return _look(session, caller, episode, move, now)[0]


def apply_move(
    session: Session,
    caller: Principal,
    episode_id: str,
    move: Move,
    *,
    change_id: str,
    fingerprint: str,
    now: datetime,
) -> PlanChange:
    """Make the changes of a dry run whose diff had `fingerprint`, in the session's transaction. Return what was done.

    Raises StaleMoveError if it would now do anything else than was shown, and as `preview_move` does.
    """
    episode = lock_row(session, caller, Episode, episode_id)
    # Held to the commit, so that no worker's send comes between what is compared and what is taken back.
    find_all(session, Delivery, episode.practice_id, lock=True, patient_id=episode.patient_id)
    preview, surgeries, correction = _look(session, caller, episode, move, now)
    if preview.diff.fingerprint != fingerprint:
        raise StaleMoveError(Fault("/token", "the token of a dry run from what is stored now", "one from before"))
    answers = _store(session, caller, episode, surgeries, now)
    if correction is not None:
        send_correction(session, episode, correction, now)
    change = PlanChange(practice_id=episode.practice_id, id=change_id, patient_id=episode.patient_id)
    session.add(change)
    change.episode_id, change.reason, change.reason_text = episode.id, move.reason, move.reason_text
    change.changes = {"surgeries": preview.surgeries, "correction": preview.correction}
    change.answers = {reminder_id: answer.value for reminder_id, answer in sorted(answers.items())}
    change.changed_by, change.changed_at = caller.actor_id, now
    return change


def find_applied(session: Session, caller: Principal, episode_id: str, change_id: str) -> PlanChange | None:
    """Return the move that was applied under this id, or None, with the episode's patient locked to the commit.

    Raises NotFoundError for an episode out of reach.
    """
    episode = lock_row(session, caller, Episode, episode_id)
    return session.get(PlanChange, (episode.practice_id, change_id))


def list_moves(
    session: Session, practice_id: str, episode_id: str, *, after: str | None, limit: int
) -> Sequence[PlanChange]:
    """Return up to `limit` moves of an episode, oldest first, from the one after the id `after` on."""
    place = (PlanChange.changed_at, PlanChange.id)
    query = select(PlanChange).filter_by(practice_id=practice_id, episode_id=episode_id, deleted=False)
    return rows_after(session, query, place, practice_id=practice_id, after=after, limit=limit)


def _look(
    session: Session, caller: Principal, episode: Episode, move: Move, now: datetime
) -> tuple[Preview, tuple[ChangedSurgery, ...], Correction | None]:
    """Return what a move does, with what carrying it out needs."""
    _refuse_role(caller, move)
    if (move.reason is MoveReason.other) != (move.reason_text is not None):
        raise InvalidError(Fault("/reason_text", "a text if the reason is other, else none", "the opposite"))
    surgeries = changed_surgeries(session, caller, episode, move, now)
    changes = [each.for_plan() for each in surgeries]
    try:
        diff = diff_episode(session, episode.practice_id, episode.id, changes, now)
    except PlanError as error:
        raise from_plan(error, {error.where: "/changes"}.items()) from None
    correction = correction_due(session, episode, [*_upsets(surgeries)])
    preview = Preview(episode, [_summary(each) for each in surgeries], _told(correction), diff)
    return preview, surgeries, correction


def _refuse_role(caller: Principal, move: Move) -> None:
    for index, change in enumerate(move.changes):
        if change.kind in _CLINICAL and caller.role not in _MAY_CONVERT:
            raise ForbiddenError(Fault(f"/changes/{index}/change", "a clinician or coordinator", "another role"))


def _store(
    session: Session, caller: Principal, episode: Episode, surgeries: Iterable[ChangedSurgery], now: datetime
) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    today = clinic_today(practice_of(session, caller), now)
    for each in surgeries:
        if each.was is None:
            add_surgery(session, episode, each.surgery_id, each.record, today)
            continue
        for name, value in each.columns.items():
            setattr(each.was, name, value)
        if ChangeKind.surgery_cancelled in each.kinds:
            answers |= answer_status(session, caller, each.was, now)
    return answers | plan_episode(session, episode.practice_id, episode.id, now)


def _upsets(surgeries: Iterable[ChangedSurgery]) -> Iterable[Upset]:
    for each in surgeries:
        if each.was is None:
            continue
        upset = upset_of(each.was, becomes_on=each.record.surgery_on, becomes=each.record.status)
        if upset is not None:
            yield upset


def _summary(changed: ChangedSurgery) -> dict[str, Any]:
    names = [name for name in _TOLD if name in changed.columns]
    was = {name: _plain(getattr(changed.was, name)) for name in names} if changed.was is not None else None
    becomes = {name: _plain(changed.columns[name]) for name in names}
    return {"surgery_id": changed.surgery_id, "changes": list(changed.kinds), "was": was, "becomes": becomes}


def _told(correction: Correction | None) -> dict[str, Any] | None:
    if correction is None:
        return None
    keys = correction.milestone_keys
    return {"surgery_id": correction.surgery_id, "key": correction.key.value, "milestone_keys": keys} | {
        "message": correction.message.value
    }


def _plain(value: Any) -> Any:
    """Return a fact as JSON holds it."""
    if isinstance(value, time):
        return value.strftime("%H:%M")
    return value.isoformat() if isinstance(value, date) else value
