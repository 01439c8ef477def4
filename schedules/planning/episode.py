"""Writes the plan of an episode: milestones, restrictions, reminders with their deliveries, questions for the clinic.

Writing twice changes nothing. What was achieved or skipped keeps its row; what no longer applies is cancelled with a
reason; what was sent is never sent again.
"""

from collections.abc import Collection, Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.base import OfPatient
from models.bulk import insert_at_commit
from models.care import Milestone, Restriction
from schedules.plan.build import PlannedMilestone, PlannedRestriction
from schedules.plan.identity import plan_row_id
from schedules.plan.vocabulary import CancelReason, SurgeryStatus
from schedules.planning.facts import (
    Care,
    PlacedItem,
    SurgeryPlan,
    load_care,
    plan_surgery,
    settled_milestones,
    stored_rows,
)
from schedules.planning.reminders import write_reminders
from schedules.planning.tasks import write_tasks
from schedules.planning.withdrawal import Answer

_MILESTONE_COLUMNS = (
    "key", "kind", "occurrence", "phase", "earliest_days", "target_days", "latest_days", "eligible_days",
    "earliest_on", "target_on", "latest_on", "eligible_on", "not_before_days", "not_before_on", "binds",
    "binding_procedure", "binding_stage", "superseded_on", "superseded_by", "lifts", "owner", "grade", "note",
    "past_policy",
)  # fmt: skip
_RESTRICTION_COLUMNS = (
    "kind", "occurrence", "sequence", "from_days", "through_days", "from_on", "through_on", "eligible_days",
    "eligible_on", "lifted_by", "lifted_by_occurrence", "condition", "limit_lb", "limit_minutes", "binding_procedure",
    "binding_stage", "grade",
)  # fmt: skip


def plan_episode(session: Session, practice_id: str, episode_id: str, now: datetime) -> dict[str, Answer]:
    """Bring the episode's stored plan to what its surgeries call for, in the session's transaction.

    Return an answer for each reminder that had to be taken back. Call it once an episode in a transaction: the rows
    that it adds show from the commit on. Raises LookupError for an unknown episode.
    """
    care = load_care(session, practice_id, episode_id)
    for surgery in care.surgeries:
        if surgery.dated_at is None and surgery.surgery_on is not None:
            surgery.dated_at = now
    plans = [
        plan_surgery(care, surgery, now) for surgery in care.surgeries if surgery.status is not SurgeryStatus.cancelled
    ]
    milestones = _write_milestones(session, care, plans, now)
    _write_restrictions(session, care, plans, now)
    answers, asked = write_reminders(session, care, plans, now=now)
    write_tasks(session, care, milestones, asked=asked, now=now)
    return answers


def _write_milestones(session: Session, care: Care, plans: list[SurgeryPlan], now: datetime) -> dict[str, PlacedItem]:
    """Return the episode's milestones that apply, by id."""
    practice_id, episode_id = care.episode.practice_id, care.episode.id
    stored = stored_rows(session, care, Milestone)
    settled = settled_milestones(session, care)
    applying: dict[str, PlacedItem] = {}
    for each in plans:
        for planned in each.plan.milestones:
            row_id = plan_row_id(practice_id, episode_id, "milestone", planned.key, planned.occurrence)
            row = stored.get(row_id)
            columns = _columns(planned, _MILESTONE_COLUMNS)
            if row is None:
                insert_at_commit(session, Milestone, {"id": row_id} | _whose(care, each.surgery.id) | columns)
            elif row_id not in settled:
                _update(row, columns)
            applying[row_id] = PlacedItem(row_id, each.surgery.id, planned)
    _cancel_rest(care, stored.values(), applying, now)
    return applying


def _write_restrictions(session: Session, care: Care, plans: list[SurgeryPlan], now: datetime) -> None:
    practice_id, episode_id = care.episode.practice_id, care.episode.id
    stored = stored_rows(session, care, Restriction)
    applying: set[str] = set()
    for each in plans:
        for planned in each.plan.restrictions:
            row_id = plan_row_id(
                practice_id, episode_id, "restriction", planned.kind, planned.occurrence, planned.sequence
            )
            row = stored.get(row_id)
            columns = _columns(planned, _RESTRICTION_COLUMNS)
            if row is None:
                insert_at_commit(session, Restriction, {"id": row_id} | _whose(care, each.surgery.id) | columns)
            else:
                _update(row, columns)
            applying.add(row_id)
    _cancel_rest(care, stored.values(), applying, now)


def _columns(planned: PlannedMilestone | PlannedRestriction, names: Iterable[str]) -> dict[str, Any]:
    text = None if planned.text is None else asdict(planned.text)
    return {name: getattr(planned, name) for name in names} | {"sources": list(planned.sources), "text": text}


def _whose(care: Care, surgery_id: str) -> dict[str, str]:
    return {
        "practice_id": care.episode.practice_id,
        "patient_id": care.patient.id,
        "episode_id": care.episode.id,
        "surgery_id": surgery_id,
    }


def _update(row: Milestone | Restriction, columns: dict[str, Any]) -> None:
    for name, value in columns.items():
        setattr(row, name, value)
    row.cancelled_at = row.cancel_reason = None


def _cancel_rest(care: Care, stored: Iterable[OfPatient], applying: Collection[str], now: datetime) -> None:
    cancelled = {each.id for each in care.surgeries if each.status is SurgeryStatus.cancelled}
    for row in stored:
        if isinstance(row, Milestone | Restriction) and row.id not in applying and row.cancelled_at is None:
            row.cancelled_at = now
            gone = row.surgery_id in cancelled
            row.cancel_reason = CancelReason.surgery_cancelled if gone else CancelReason.not_applicable
