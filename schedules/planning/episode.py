"""Brings an episode's stored plan to what its facts call for: milestones, restrictions, reminders, questions.

Writing twice changes nothing. Loads, lets the pure rules decide, stores; what a dry run shows is decided by the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.bulk import insert_at_commit
from models.care import Milestone, Restriction
from schedules.plan.items import PlannedMilestone, PlannedRestriction
from schedules.plan.replan import Decided, ItemChange
from schedules.planning.dates import date_before, note_date
from schedules.planning.exercises import write_exercises
from schedules.planning.facts import Care, load_care
from schedules.planning.outlook import all_reminders, look_ahead
from schedules.planning.reminders import ReminderStore
from schedules.planning.stored import load_stored
from schedules.planning.tasks import write_tasks
from schedules.planning.withdrawal import Answer

_NOT_AS_THEY_ARE = ("sources", "text")
_MILESTONE_COLUMNS = tuple(each.name for each in fields(PlannedMilestone) if each.name not in _NOT_AS_THEY_ARE)
_RESTRICTION_COLUMNS = tuple(each.name for each in fields(PlannedRestriction) if each.name not in _NOT_AS_THEY_ARE)


def plan_episode(session: Session, practice_id: str, episode_id: str, now: datetime) -> dict[str, Answer]:
    """Bring the episode's stored plan to what its surgeries call for, in the session's transaction.

    Return an answer for each reminder that had to be taken back, those of the patient's other episodes included. Call
    it once an episode in a transaction: the rows that it adds show from the commit on. Raises LookupError for an
    unknown episode, PlanError for facts that no plan can be made from.
    """
    care = load_care(session, practice_id, episode_id)
    for surgery in care.surgeries:
        note_date(surgery, date_before(surgery), now)
    stored = load_stored(session, care)
    outlook = look_ahead(session, care, stored, now, is_dry_run=False)
    _store(session, care, stored.rows.milestones, outlook.milestones, now)
    _store(session, care, stored.rows.restrictions, outlook.restrictions, now)
    store = ReminderStore(session, care, all_reminders(stored), outlook.messages, now)
    answers = store.store(outlook.reminders) | store.store(outlook.beside)
    write_exercises(
        session,
        care.episode,
        (each.planned for each in outlook.restrictions if each.cancel_reason is None),
        stored.rows.milestones.values(),
        surgeries=care.surgeries,
        clearances=stored.clearances,
        progress=stored.progress,
    )
    write_tasks(session, care, outlook.standing, asked=outlook.asked, now=now)
    return answers


def _store(
    session: Session,
    care: Care,
    rows: Mapping[str, Milestone] | Mapping[str, Restriction],
    decided: Iterable[Decided[PlannedMilestone]] | Iterable[Decided[PlannedRestriction]],
    now: datetime,
) -> None:
    for each in decided:
        row = rows.get(each.id)
        if row is None:
            model = Milestone if isinstance(each.planned, PlannedMilestone) else Restriction
            insert_at_commit(session, model, {"id": each.id} | _whose(care, each.surgery_id) | _columns(each.planned))
        elif each.cancel_reason is not None:
            row.cancelled_at, row.cancel_reason = now, each.cancel_reason
        elif each.change is not ItemChange.unchanged:
            _update(row, each.surgery_id, _columns(each.planned))


def _columns(planned: PlannedMilestone | PlannedRestriction) -> dict[str, Any]:
    names = _MILESTONE_COLUMNS if isinstance(planned, PlannedMilestone) else _RESTRICTION_COLUMNS
    text = None if planned.text is None else planned.text.by_language()
    return {name: getattr(planned, name) for name in names} | {"sources": list(planned.sources), "text": text}


def _whose(care: Care, surgery_id: str) -> dict[str, str]:
    return {
        "practice_id": care.episode.practice_id,
        "patient_id": care.patient.id,
        "episode_id": care.episode.id,
        "surgery_id": surgery_id,
    }


def _update(row: Milestone | Restriction, surgery_id: str, columns: dict[str, Any]) -> None:
    for name, value in (columns | {"surgery_id": surgery_id}).items():
        if getattr(row, name) != value:
            setattr(row, name, value)
    row.cancelled_at = row.cancel_reason = None
