"""Reads an episode's plan from its rows, as the items that states are computed from. Knows no day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Episode, Milestone, MilestoneProgress, Practice, Restriction, Surgery
from models.base import OfPatient, Synced
from models.change import SlotEntry
from models.clearance import Clearance, ObservedFact
from schedules.plan.course import CourseItem, ItemKey
from schedules.plan.kinds import WORK_CLASS_OF
from schedules.plan.lifted import is_at_least
from schedules.plan.progress import ClearedSpan, MilestoneFacts, ProgressFacts, SlotState, facts_of
from schedules.plan.vocabulary import MilestoneKind, SurgeryStatus, WorkClass
from schedules.planning.slots import SIGNED_KINDS, SLOT_KINDS
from schedules.planning.stored_plan import planned_milestone


@dataclass(frozen=True, slots=True)
class PlanRows:
    """The stored plan of an episode with all that was reported of it. `progress` and `slots` are by milestone id."""

    episode: Episode
    zone: ZoneInfo
    surgeries: tuple[Surgery, ...]
    milestones: tuple[Milestone, ...]
    restrictions: tuple[Restriction, ...]
    progress: Mapping[str, MilestoneProgress]
    slots: Mapping[str, SlotEntry]
    clearances: tuple[Clearance, ...]
    observed: tuple[ObservedFact, ...]

    @property
    def revision(self) -> int:
        """Return the highest revision of all rows that states and limits follow from."""
        planned: Iterable[Synced] = (self.episode, *self.surgeries, *self.milestones, *self.restrictions)
        reported: Iterable[Synced] = (*self.progress.values(), *self.slots.values(), *self.clearances, *self.observed)
        return max(row.rev for row in (*planned, *reported))

    @property
    def day0s(self) -> dict[int, date | None]:
        """Return the day of each surgery that is not cancelled, by stage."""
        return {row.stage: row.surgery_on for row in self.surgeries if row.status is not SurgeryStatus.cancelled}

    @property
    def first_surgery_on(self) -> date | None:
        """Return the day of the earliest surgery that is not cancelled."""
        return min(filter(None, self.day0s.values()), default=None)

    def surgery_of(self, milestone: Milestone) -> Surgery:
        """Return the surgery that a milestone of the episode belongs to."""
        return next(row for row in self.surgeries if row.id == milestone.surgery_id)


def load_plan_rows(session: Session, practice: Practice, episode: Episode) -> PlanRows:
    """Return the rows of an episode's plan: surgeries by stage, limits by stage, kind and sequence."""

    def of(model: type[Any], *order: str, **whose: str) -> tuple[Any, ...]:
        # Sorted here: for an order by id SQLite would walk through all that the practice has.
        wanted = {"practice_id": episode.practice_id} | (whose or {"episode_id": episode.id})
        return tuple(sorted(session.scalars(select(model).filter_by(**wanted)), key=attrgetter(*order, "id")))

    milestones = of(Milestone)
    ids = {row.id for row in milestones}
    patients = {"patient_id": episode.patient_id}
    return PlanRows(
        episode=episode,
        zone=ZoneInfo(practice.time_zone),
        surgeries=of(Surgery, "stage"),
        milestones=tuple(sorted(milestones, key=_place)),
        restrictions=of(Restriction, "occurrence", "kind", "sequence"),
        progress=_by_id(of(MilestoneProgress, **patients), ids),
        slots=_by_id(of(SlotEntry, **patients), ids),
        clearances=tuple(row for row in of(Clearance, "cleared_at", **patients) if row.episode_id == episode.id),
        observed=of(ObservedFact),
    )


def course_items(rows: PlanRows) -> tuple[CourseItem, ...]:
    """Return the episode's milestones with what was reported of each, in the order of the plan."""
    cleared: dict[str, list[Clearance]] = {}
    for clearance in rows.clearances:
        cleared.setdefault(clearance.milestone_id, []).append(clearance)
    return tuple(
        CourseItem(
            ItemKey(row.key, row.occurrence),
            _milestone_facts(row, rows),
            _progress_facts(row, rows, cleared.get(row.id, ())),
        )
        for row in rows.milestones
    )


def lifts_whole(clearance: Clearance, milestone: Milestone) -> bool:
    """Return whether a clearance covers all of its milestone: one for a lesser class of work does not."""
    return is_whole(milestone.kind, clearance.work_class)


def is_whole(kind: str, work_class: WorkClass | None) -> bool:
    """Return whether a clearance for a class of work, None for any, covers all of a kind of milestone."""
    own = WORK_CLASS_OF.get(MilestoneKind(kind))
    return own is None or work_class is None or is_at_least(work_class, own)


def _by_id(rows: Iterable[Any], ids: set[str]) -> dict[str, Any]:
    return {row.id: row for row in rows if isinstance(row, OfPatient) and row.id in ids}


def _milestone_facts(row: Milestone, rows: PlanRows) -> MilestoneFacts:
    planned, surgery = planned_milestone(row), rows.surgery_of(row)
    slot = _slot_state(row, rows.slots.get(row.id), surgery.surgery_on)
    if row.kind != MilestoneKind.medicines_restart:
        return facts_of(planned, slot=slot, slot_until_on=surgery.surgery_on)
    # Who pauses a medicine must be told when to take it again, unless we came to know of the surgery after it.
    known_on = None if surgery.dated_at is None else _day_of(surgery.dated_at, rows.zone)
    late = known_on is not None and surgery.surgery_on is not None and known_on > surgery.surgery_on
    return facts_of(planned, slot=None if late else slot)


def _slot_state(row: Milestone, entry: SlotEntry | None, day0: date | None) -> SlotState | None:
    """An entry that was taken away, or is for another day of surgery, counts as none: it may no longer be right."""
    if row.kind not in SLOT_KINDS or day0 is None:
        return None
    if entry is None or entry.deleted or entry.for_day0 != day0:
        return SlotState.blank
    unsigned = row.kind in SIGNED_KINDS and entry.signed_by is None
    return SlotState.unsigned if unsigned else SlotState.filled


def _progress_facts(row: Milestone, rows: PlanRows, clearances: Iterable[Clearance]) -> ProgressFacts:
    progress = rows.progress.get(row.id)
    skipped = progress is not None and progress.skip_reason is not None
    return ProgressFacts(
        achieved_on=progress.achieved_on if progress is not None else None,
        clearances=tuple(
            ClearedSpan(each.cleared_on, each.revoked_on)
            for each in clearances
            if lifts_whole(each, row) and _follows(each, rows.surgery_of(row).surgery_on)
        ),
        skipped_on=_day_of(progress.reported_at, rows.zone) if skipped and progress is not None else None,
        skip_reason=progress.skip_reason if progress is not None else None,
        cancelled_on=None if row.cancelled_at is None else _day_of(row.cancelled_at, rows.zone),
    )


def _follows(clearance: Clearance, day0: date | None) -> bool:
    """Return whether a clearance was given on the day of surgery or later: a move may have put the surgery after it."""
    return day0 is not None and day0 <= clearance.cleared_on


def _day_of(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()


def _place(row: Milestone) -> tuple[int, bool, int, str]:
    days = row.target_days if row.target_days is not None else row.earliest_days
    return (row.occurrence, days is None, days or 0, row.key)
