"""Says what a change of an episode's surgeries would do to its plan. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from models.care import Surgery
from schedules.plan.diff import EpisodeDiff, MilestoneChange, ReminderChange, RestrictionChange
from schedules.plan.items import PlannedMilestone, PlannedRestriction
from schedules.plan.rearm import DecidedReminder
from schedules.plan.replan import Decided
from schedules.planning.dates import note_date
from schedules.planning.facts import Care, care_of, find_episode
from schedules.planning.fingerprint import fingerprint, state_of
from schedules.planning.outlook import look_ahead
from schedules.planning.rows import find_all
from schedules.planning.stored import load_stored


@dataclass(frozen=True, slots=True)
class SurgeryChange:
    """A surgery as it would be stored: `columns` are its attributes after the change, only those that differ or all.

    A surgery that `is_new` names all that a plan needs: stage, procedure, surgery_on, status, setting, brace_ordered,
    discharged_on, protocol_id, protocol_version, protocol_digest. When a date changes, the engine itself notes since
    when it is known (`dated_at`).
    """

    surgery_id: str
    columns: Mapping[str, Any]
    is_new: bool = False


def diff_episode(
    session: Session, practice_id: str, episode_id: str, changes: Sequence[SurgeryChange], now: datetime
) -> EpisodeDiff:
    """Return what `plan_episode` would do once these changes are stored. Writes nothing and locks nothing.

    Reminders of the patient's other episodes are in it where they fall silent, or speak again. Raises LookupError for
    an unknown episode, or a change of a surgery that it does not have, PlanError for facts that no plan can be made
    from.
    """
    care = _care_after(session, practice_id, episode_id, changes, now)
    stored = load_stored(session, care)
    outlook = look_ahead(session, care, stored, now, is_dry_run=True)
    milestones = tuple(_told_milestone(each) for each in outlook.milestones)
    restrictions = tuple(_told_restriction(each) for each in outlook.restrictions)
    reminders = tuple(_told_reminder(each) for each in (*outlook.reminders, *outlook.beside))
    state = state_of(session, care, stored, outlook.messages)
    told = (care.medical_day(now), milestones, restrictions, reminders)
    return EpisodeDiff(milestones, restrictions, reminders, fingerprint(state, told))


def _care_after(
    session: Session, practice_id: str, episode_id: str, changes: Sequence[SurgeryChange], now: datetime
) -> Care:
    """Return the episode's care as it would be: with copies of its surgeries, so that stored rows stay as they are."""
    episode = find_episode(session, practice_id, episode_id)
    stored = {row.id: row for row in find_all(session, Surgery, practice_id, episode_id=episode_id)}
    by_id = {change.surgery_id: change for change in changes}
    for change in changes:
        if change.is_new is (change.surgery_id in stored):
            raise LookupError("expected a new surgery, or a change of one of the episode's own")
    after = [_copy(row, by_id[row.id].columns if row.id in by_id else {}, now) for row in stored.values()]
    whose = {"practice_id": practice_id, "patient_id": episode.patient_id, "episode_id": episode_id}
    for change in changes:
        if change.is_new:
            added = Surgery(**whose | {"id": change.surgery_id} | _stored(change.columns))
            note_date(added, added.surgery_on, now)
            after.append(added)
    repinned = frozenset(each.id for each in after if each.id in stored and _pin(each) != _pin(stored[each.id]))
    return care_of(session, episode, after, repinned=repinned)


def _copy(row: Surgery, columns: Mapping[str, Any], now: datetime) -> Surgery:
    values = {column.key: getattr(row, column.key) for column in inspect(Surgery).column_attrs}
    copy = Surgery(**values | _stored(columns))
    note_date(copy, row.surgery_on, now)
    return copy


def _stored(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored as it is given: a free text is sealed by its row's session, and dates nothing."""
    return {name: value for name, value in columns.items() if name in inspect(Surgery).column_attrs}


def _pin(surgery: Surgery) -> tuple[str, int]:
    return surgery.protocol_id, surgery.protocol_version


def _told_milestone(decided: Decided[PlannedMilestone]) -> MilestoneChange:
    planned, was = decided.planned, decided.was
    return MilestoneChange(
        id=decided.id,
        surgery_id=decided.surgery_id,
        key=planned.key,
        kind=planned.kind,
        occurrence=planned.occurrence,
        phase=planned.phase,
        change=decided.change,
        earliest_on=planned.earliest_on,
        target_on=planned.target_on,
        latest_on=planned.latest_on,
        eligible_on=planned.eligible_on,
        was_earliest_on=None if was is None else was.earliest_on,
        was_target_on=None if was is None else was.target_on,
        was_latest_on=None if was is None else was.latest_on,
        was_eligible_on=None if was is None else was.eligible_on,
        binding_procedure=planned.binding_procedure,
        binding_stage=planned.binding_stage,
        superseded_on=planned.superseded_on,
        superseded_by=planned.superseded_by,
        past_policy=planned.past_policy,
        cancel_reason=decided.cancel_reason,
    )


def _told_restriction(decided: Decided[PlannedRestriction]) -> RestrictionChange:
    planned, was = decided.planned, decided.was
    return RestrictionChange(
        id=decided.id,
        surgery_id=decided.surgery_id,
        kind=planned.kind,
        occurrence=planned.occurrence,
        sequence=planned.sequence,
        change=decided.change,
        limit_lb=planned.limit_lb,
        limit_minutes=planned.limit_minutes,
        from_on=planned.from_on,
        through_on=planned.through_on,
        eligible_on=planned.eligible_on,
        was_from_on=None if was is None else was.from_on,
        was_through_on=None if was is None else was.through_on,
        was_eligible_on=None if was is None else was.eligible_on,
        was_limit_lb=None if was is None else was.limit_lb,
        was_limit_minutes=None if was is None else was.limit_minutes,
        lifted_by=planned.lifted_by,
        lifted_by_occurrence=planned.lifted_by_occurrence,
        binding_procedure=planned.binding_procedure,
        binding_stage=planned.binding_stage,
        cancel_reason=decided.cancel_reason,
    )


def _told_reminder(decided: DecidedReminder) -> ReminderChange:
    """A reminder that the plan no longer calls for has only the times that it had."""
    was = None if decided.stored is None else decided.stored.planned
    planned = decided.planned or was
    if planned is None:
        raise LookupError("expected a reminder that is stored or wanted")
    ahead = decided.planned
    return ReminderChange(
        id=decided.id,
        milestone_id=decided.milestone_id,
        milestone_key=planned.milestone_key,
        occurrence=planned.occurrence,
        key=planned.key,
        repeat=planned.repeat,
        category=planned.category,
        change=decided.change,
        scheduled_on=None if ahead is None else ahead.scheduled_on,
        due_at=None if ahead is None else ahead.due_at,
        was_scheduled_on=None if was is None else was.scheduled_on,
        was_due_at=None if was is None else was.due_at,
        reason=decided.reason,
        past_policy=None if decided.planned is None else decided.planned.past_policy,
        answer=decided.answer,
        is_correction=decided.is_correction,
    )
