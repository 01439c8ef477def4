"""The plan of an episode as it stands on one day of the clinic's calendar. States are computed here, on reading."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Episode, Milestone, MilestoneProgress, Practice, Restriction, Surgery
from models.base import Synced
from schedules.plan.items import Plan, PlannedMilestone
from schedules.plan.progress import NO_PROGRESS, ProgressFacts, facts_of, milestone_state, next_items
from schedules.plan.protocol import Protocol, Text
from schedules.plan.vocabulary import MilestoneState, Phase, ProtocolStatus, SkipReason
from schedules.planning.library import find_protocol

NEXT_COUNT = 3
_MILESTONE_FIELDS = tuple(field.name for field in fields(PlannedMilestone))


@dataclass(frozen=True, slots=True)
class StageView:
    """One surgery of the plan. `pod` is the postoperative day on the plan's day: negative before surgery."""

    surgery: Surgery
    pod: int | None
    protocol_status: ProtocolStatus


@dataclass(frozen=True, slots=True)
class MilestoneView:
    """A milestone, what was reported of it, and how it stands."""

    row: Milestone
    progress: MilestoneProgress | None
    state: MilestoneState

    @property
    def pod(self) -> int | None:
        """Return the postoperative day of the target; None before surgery and without a target."""
        return self.row.target_days if self.row.phase is Phase.after_surgery else None

    @property
    def achieved_on(self) -> date | None:
        """Return the day on which it was reached."""
        return self.progress.achieved_on if self.progress is not None else None

    @property
    def skip_reason(self) -> SkipReason | None:
        """Return why it was skipped."""
        return self.progress.skip_reason if self.progress is not None else None


@dataclass(frozen=True, slots=True)
class RestrictionView:
    """A restriction, and whether it holds on the plan's day."""

    row: Restriction
    active: bool


@dataclass(frozen=True, slots=True)
class PlanView:
    """A whole plan. `revision` is the highest of all rows that it shows."""

    episode: Episode
    as_of: date
    revision: int
    surgeries: tuple[StageView, ...]
    milestones: tuple[MilestoneView, ...]
    restrictions: tuple[RestrictionView, ...]
    next: tuple[MilestoneView, ...]


@dataclass(frozen=True, slots=True)
class _Stored:
    surgeries: Sequence[Surgery]
    milestones: Sequence[Milestone]
    progress: dict[str, MilestoneProgress]
    restrictions: Sequence[Restriction]

    def rows(self) -> list[Synced]:
        return [*self.surgeries, *self.milestones, *self.progress.values(), *self.restrictions]


def view_plan(session: Session, practice: Practice, episode: Episode, as_of: date) -> PlanView:
    """Return the episode's plan as it stands on `as_of`, a day of the clinic's calendar."""
    stored = _load(session, episode)
    zone = ZoneInfo(practice.time_zone)
    protocols = {surgery.id: _protocol(session, surgery) for surgery in stored.surgeries}
    facts = {row.id: _progress_facts(row, stored.progress.get(row.id), zone) for row in stored.milestones}
    milestones = {row.id: _milestone(row, stored, facts[row.id], as_of) for row in stored.milestones}
    return PlanView(
        episode=episode,
        as_of=as_of,
        revision=max(row.rev for row in (episode, *stored.rows())),
        surgeries=tuple(_stage(surgery, protocols[surgery.id], as_of) for surgery in stored.surgeries),
        milestones=tuple(sorted(milestones.values(), key=_place)),
        restrictions=tuple(RestrictionView(row, _holds(row, as_of)) for row in stored.restrictions),
        next=_next(milestones, facts, as_of),
    )


def _load(session: Session, episode: Episode) -> _Stored:
    whose = {"practice_id": episode.practice_id, "episode_id": episode.id}
    milestones = session.scalars(select(Milestone).filter_by(**whose)).all()
    reported = select(MilestoneProgress).filter_by(practice_id=episode.practice_id, patient_id=episode.patient_id)
    ids = {row.id for row in milestones}
    order = (Restriction.occurrence, Restriction.kind, Restriction.sequence)
    return _Stored(
        surgeries=session.scalars(select(Surgery).filter_by(**whose).order_by(Surgery.stage)).all(),
        milestones=milestones,
        progress={row.id: row for row in session.scalars(reported) if row.id in ids},
        restrictions=session.scalars(select(Restriction).filter_by(**whose).order_by(*order)).all(),
    )


def _protocol(session: Session, surgery: Surgery) -> Protocol:
    return find_protocol(session, surgery.practice_id, surgery.protocol_id, surgery.protocol_version)


def _stage(surgery: Surgery, protocol: Protocol, as_of: date) -> StageView:
    pod = None if surgery.surgery_on is None else (as_of - surgery.surgery_on).days
    return StageView(surgery, pod, protocol.status)


def _progress_facts(row: Milestone, progress: MilestoneProgress | None, zone: ZoneInfo) -> ProgressFacts:
    cancelled_on = None if row.cancelled_at is None else row.cancelled_at.astimezone(zone).date()
    if progress is None:
        return ProgressFacts(cancelled_on=cancelled_on)
    skipped_on = None if progress.skip_reason is None else progress.reported_at.astimezone(zone).date()
    return ProgressFacts(achieved_on=progress.achieved_on, skipped_on=skipped_on, cancelled_on=cancelled_on)


def _planned(row: Milestone) -> PlannedMilestone:
    values: dict[str, Any] = {name: getattr(row, name) for name in _MILESTONE_FIELDS}
    text = None if row.text is None else Text(**row.text)
    return PlannedMilestone(**values | {"sources": tuple(row.sources), "text": text})


def _milestone(row: Milestone, stored: _Stored, facts: ProgressFacts, as_of: date) -> MilestoneView:
    return MilestoneView(row, stored.progress.get(row.id), milestone_state(facts_of(_planned(row)), facts, as_of))


def _holds(row: Restriction, as_of: date) -> bool:
    """Return whether a limit holds on a day. That a patient was seen to go beyond it does not lift it."""
    begun = row.from_on is not None and row.from_on <= as_of and row.cancelled_at is None
    return begun and (row.through_on is None or row.through_on >= as_of)


def _next(
    milestones: dict[str, MilestoneView], facts: dict[str, ProgressFacts], as_of: date
) -> tuple[MilestoneView, ...]:
    standing = {
        (view.row.key, view.row.occurrence): view for view in milestones.values() if view.row.cancelled_at is None
    }
    plan = Plan(tuple(_planned(view.row) for view in sorted(standing.values(), key=_place)), ())
    progress = {key: facts.get(view.row.id, NO_PROGRESS) for key, view in standing.items()}
    wanted = next_items(plan, as_of, progress=progress, count=NEXT_COUNT)
    return tuple(standing[item.key, item.occurrence] for item in wanted)


def _place(view: MilestoneView) -> tuple[int, bool, int, str]:
    days = view.row.target_days if view.row.target_days is not None else view.row.earliest_days
    return (view.row.occurrence, days is None, days or 0, view.row.key)
