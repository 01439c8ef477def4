"""Reads what is stored of a patient's plans, one query a table, and hands it over as the pure rules want it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy.orm import Session

from models.care import Episode, Milestone, MilestoneProgress, Restriction
from models.clearance import Clearance
from models.reminder import Reminder
from schedules.plan.corrections import URGENT_KEYS
from schedules.plan.items import PlannedMilestone, PlannedRestriction
from schedules.plan.kinds import WORK_CLASS_OF
from schedules.plan.lifted import is_at_least
from schedules.plan.protocol import Text
from schedules.plan.rearm import StoredReminder
from schedules.plan.reminders import PLANNED, PlannedReminder
from schedules.plan.replan import Stored
from schedules.plan.vocabulary import EpisodeStatus, MilestoneKind, ReminderOutcome, ReminderState
from schedules.planning.facts import Care
from schedules.planning.rows import find_all
from schedules.planning.stored_plan import planned_milestone, planned_restriction


@dataclass(frozen=True, slots=True)
class PlanRows:
    """The rows of one episode's plan, by id."""

    milestones: Mapping[str, Milestone] = field(default_factory=dict)
    restrictions: Mapping[str, Restriction] = field(default_factory=dict)
    reminders: Mapping[str, Reminder] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Beside:
    """Another episode of the patient that is under way, with its milestones and reminders."""

    episode: Episode
    rows: PlanRows


@dataclass(frozen=True, slots=True)
class StoredCare:
    """What is stored of an episode's plan and of the plans beside it.

    `complete` says of each of the patient's milestones that was achieved, skipped or cleared which of these it is;
    `clearances` and `progress` are all of the patient's.
    """

    rows: PlanRows = PlanRows()
    beside: tuple[Beside, ...] = ()
    complete: Mapping[str, str] = field(default_factory=dict)
    clearances: tuple[Clearance, ...] = ()
    progress: tuple[MilestoneProgress, ...] = ()


def load_stored(session: Session, care: Care) -> StoredCare:
    """Return what is stored of the patient's plans; nothing for a patient who is added in this transaction."""
    practice_id, patient_id = care.episode.practice_id, care.patient.id
    if care.patient in session.new:
        return StoredCare(beside=_beside(_others(find_new(session, care)), [], []))
    # Of a patient who died no episode speaks, so none takes another one's turn.
    has_died = care.patient.died_on is not None
    episodes = [] if has_died else find_all(session, Episode, practice_id, patient_id=patient_id)
    others = _others(episodes, but=care.episode)
    if care.is_new and not others:
        return StoredCare()
    milestones = find_all(session, Milestone, practice_id, patient_id=patient_id)
    reminders = _planned_ones(find_all(session, Reminder, practice_id, patient_id=patient_id))
    restrictions = [] if care.is_new else find_all(session, Restriction, practice_id, episode_id=care.episode.id)
    clearances = find_all(session, Clearance, practice_id, patient_id=patient_id)
    progress = find_all(session, MilestoneProgress, practice_id, patient_id=patient_id)
    return StoredCare(
        PlanRows(
            milestones={row.id: row for row in milestones if row.episode_id == care.episode.id},
            restrictions={row.id: row for row in restrictions},
            reminders={row.id: row for row in reminders if row.episode_id == care.episode.id},
        ),
        _beside(others, milestones, reminders),
        _complete(care, milestones, clearances, progress),
        tuple(clearances),
        tuple(progress),
    )


def _planned_ones(reminders: Collection[Reminder]) -> list[Reminder]:
    # An urgent correction belongs to no plan: it stands until it is out.
    return [row for row in reminders if row.key not in URGENT_KEYS]


def find_new(session: Session, care: Care) -> list[Episode]:
    """Return the other episodes that are added in this transaction to a patient who is new."""
    return [
        row
        for row in session.new
        if isinstance(row, Episode) and row is not care.episode and row.patient_id == care.patient.id
    ]


def _others(episodes: Collection[Episode], *, but: Episode | None = None) -> list[Episode]:
    return [each for each in episodes if each is not but and each.status is EpisodeStatus.active and not each.deleted]


def _beside(
    episodes: Collection[Episode], milestones: Collection[Milestone], reminders: Collection[Reminder]
) -> tuple[Beside, ...]:
    return tuple(
        Beside(
            episode,
            PlanRows(
                milestones={row.id: row for row in milestones if row.episode_id == episode.id},
                reminders={row.id: row for row in reminders if row.episode_id == episode.id},
            ),
        )
        for episode in episodes
    )


def _complete(
    care: Care,
    milestones: Collection[Milestone],
    clearances: Collection[Clearance],
    reported: Collection[MilestoneProgress],
) -> dict[str, str]:
    by_id = {row.id: row for row in milestones}
    day0s = {surgery.id: surgery.surgery_on for surgery in care.surgeries}
    complete = {
        row.id: "cleared"
        for clearance in clearances
        if (row := by_id.get(clearance.milestone_id)) is not None
        and _clears(clearance, row)
        and _follows_surgery(clearance, row, day0s)
    }
    for progress in reported:
        if progress.achieved_on is not None:
            complete[progress.id] = "achieved"
        elif progress.skip_reason is not None:
            complete[progress.id] = "skipped"
    return complete


def _clears(clearance: Clearance, milestone: Milestone) -> bool:
    """Return whether a clearance that stands is for all that the milestone asks for: not for lighter work only."""
    if clearance.revoked_on is not None or clearance.deleted:
        return False
    wanted = WORK_CLASS_OF.get(MilestoneKind(milestone.kind))
    return clearance.work_class is None or wanted is None or is_at_least(clearance.work_class, wanted)


def _follows_surgery(clearance: Clearance, milestone: Milestone, day0s: Mapping[str, date | None]) -> bool:
    """Return whether a clearance counts: not one from before the surgery, whose day has changed since."""
    if milestone.surgery_id not in day0s:
        return True  # of another episode, which is not planned now
    day0 = day0s[milestone.surgery_id]
    return day0 is not None and day0 <= clearance.cleared_on


def stored_milestones(stored: StoredCare) -> dict[str, Stored[PlannedMilestone]]:
    """Return an episode's stored milestones as the pure rules want them."""
    return {
        row.id: Stored(row.surgery_id, planned_milestone(row), row.cancelled_at is not None, row.id in stored.complete)
        for row in stored.rows.milestones.values()
    }


def stored_restrictions(stored: StoredCare) -> dict[str, Stored[PlannedRestriction]]:
    """Return an episode's stored restrictions as the pure rules want them."""
    return {
        row.id: Stored(row.surgery_id, planned_restriction(row), row.cancelled_at is not None)
        for row in stored.rows.restrictions.values()
    }


def stored_reminders(rows: PlanRows) -> dict[str, StoredReminder]:
    """Return an episode's stored reminders as the pure rules want them."""
    planned = {row.id: _planned(row, rows.milestones[row.milestone_id]) for row in rows.reminders.values()}
    for row in rows.reminders.values():
        if row.digest_in is not None and row.digest_in in planned:
            planned[row.id] = replace(planned[row.id], digest_in=planned[row.digest_in].identity)
    return {
        row.id: StoredReminder(row.id, row.milestone_id, planned[row.id], row.state, row.reason)
        for row in rows.reminders.values()
    }


def _planned(row: Reminder, milestone: Milestone) -> PlannedReminder:
    never_armed = row.state is ReminderState.suppressed and row.reason in set(ReminderOutcome)
    return PlannedReminder(
        key=row.key,
        milestone_key=milestone.key,
        occurrence=milestone.occurrence,
        repeat=row.repeat,
        category=row.category,
        phase=row.phase,
        scheduled_on=row.scheduled_on,
        due_at=row.due_at,
        useful_until=row.useful_until,
        past_policy=None,
        outcome=ReminderOutcome(row.reason) if never_armed and row.reason is not None else PLANNED,
        text=None if row.text is None else Text(**row.text),
    )
