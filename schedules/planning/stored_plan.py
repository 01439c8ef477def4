"""The stored plan of an episode as the pure rules read it: what stands, what was cleared, and the days of surgery."""

from dataclasses import fields
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.care import Milestone, Restriction, Surgery
from models.clearance import Clearance
from schedules.plan.items import Plan, PlannedMilestone, PlannedRestriction
from schedules.plan.lifted import Cleared
from schedules.plan.protocol import Text
from schedules.plan.vocabulary import SurgeryStatus

_MILESTONE_FIELDS = tuple(field.name for field in fields(PlannedMilestone))
_RESTRICTION_FIELDS = tuple(field.name for field in fields(PlannedRestriction))
_Row = TypeVar("_Row", Milestone, Restriction)


def stored_plan(session: Session, practice_id: str, episode_id: str) -> Plan:
    """Return the episode's plan as it is stored, without what was cancelled; empty for an unknown episode."""
    milestones = _standing(session, Milestone, practice_id, episode_id)
    restrictions = _standing(session, Restriction, practice_id, episode_id)
    return Plan(
        milestones=tuple(planned_milestone(row) for row in milestones),
        restrictions=tuple(planned_restriction(row) for row in restrictions),
    )


def stored_clearances(session: Session, practice_id: str, episode_id: str) -> tuple[Cleared, ...]:
    """Return every clearance of the episode, the revoked ones included, in the order in which they were given."""
    same = (Milestone.practice_id == Clearance.practice_id) & (Milestone.id == Clearance.milestone_id)
    of_episode = select(Milestone.id).where(Milestone.practice_id == practice_id, Milestone.episode_id == episode_id)
    query = (
        select(Clearance, Milestone.key, Milestone.occurrence)
        .join(Milestone, same)
        .where(Clearance.practice_id == practice_id, ~Clearance.deleted)
        .where(Clearance.milestone_id.in_(of_episode))  # by which they are looked up
        .order_by(Clearance.cleared_at, Clearance.id)
    )
    return tuple(
        Cleared(
            milestone_key=key,
            occurrence=occurrence,
            cleared_on=row.cleared_on,
            revoked_on=row.revoked_on,
            work_class=row.work_class,
        )
        for row, key, occurrence in session.execute(query)
    )


def stored_day0s(session: Session, practice_id: str, episode_id: str) -> dict[int, date | None]:
    """Return the day of each surgery of the episode that is not cancelled, by stage."""
    query = select(Surgery.stage, Surgery.surgery_on).where(
        Surgery.practice_id == practice_id,
        Surgery.episode_id == episode_id,
        Surgery.status != SurgeryStatus.cancelled,
        ~Surgery.deleted,
    )
    return {row.stage: row.surgery_on for row in session.execute(query)}


def planned_milestone(row: Milestone) -> PlannedMilestone:
    """Return a stored milestone as the plan has it."""
    values: dict[str, Any] = {name: getattr(row, name) for name in _MILESTONE_FIELDS}
    text = None if row.text is None else Text(**row.text)
    return PlannedMilestone(**values | {"sources": tuple(row.sources), "text": text})


def planned_restriction(row: Restriction) -> PlannedRestriction:
    """Return a stored restriction as the plan has it."""
    values: dict[str, Any] = {name: getattr(row, name) for name in _RESTRICTION_FIELDS}
    return PlannedRestriction(**values | {"sources": tuple(row.sources), "text": Text(**row.text)})


def _standing(session: Session, model: type[_Row], practice_id: str, episode_id: str) -> list[_Row]:
    query = select(model).where(
        model.practice_id == practice_id,
        model.episode_id == episode_id,
        model.cancelled_at.is_(None),
        ~model.deleted,
    )
    return list(session.scalars(query.order_by(model.occurrence, model.id)))
