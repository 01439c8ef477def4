"""Keeps the exercises that an episode's phones show: whatever changes a limit or reports a milestone calls this."""

from collections.abc import Collection, Iterable
from datetime import date

from sqlalchemy.orm import Session

from models.care import Episode, Milestone, MilestoneProgress, Restriction, Surgery
from models.clearance import Clearance
from models.sync import let_change_again
from schedules.plan.exercise_windows import ExerciseFacts, exercises_told
from schedules.plan.exercises import ASKED_AFTER, ASKED_WHILE
from schedules.plan.items import PlannedRestriction
from schedules.plan.lifted import Cleared
from schedules.plan.vocabulary import SurgeryStatus
from schedules.planning.facts import PLANNED_FOR, find_episode
from schedules.planning.rows import find_all
from schedules.planning.stored_plan import planned_restriction


def are_exercises_after(milestones: Iterable[Milestone]) -> bool:
    """Return whether an exercise is asked about, or no more, once one of these was reached or cleared."""
    return any(each.kind in ASKED_AFTER or each.lifts in ASKED_WHILE for each in milestones)


def refresh_exercises(session: Session, practice_id: str, episode_id: str) -> None:
    """Bring the exercises of an episode to what is stored of it. Raises LookupError for an unknown episode."""
    episode = find_episode(session, practice_id, episode_id)
    restrictions = find_all(session, Restriction, practice_id, episode_id=episode_id)
    standing = [planned_restriction(row) for row in restrictions if row.cancelled_at is None and not row.deleted]
    write_exercises(
        session,
        episode,
        standing,
        find_all(session, Milestone, practice_id, episode_id=episode_id),
        surgeries=find_all(session, Surgery, practice_id, episode_id=episode_id),
        clearances=find_all(session, Clearance, practice_id, patient_id=episode.patient_id),
        progress=find_all(session, MilestoneProgress, practice_id, patient_id=episode.patient_id),
    )


def write_exercises(
    session: Session,
    episode: Episode,
    restrictions: Iterable[PlannedRestriction],
    milestones: Collection[Milestone],
    *,
    surgeries: Iterable[Surgery],
    clearances: Iterable[Clearance],
    progress: Iterable[MilestoneProgress],
) -> None:
    """Bring the exercises of an episode to what its plan and what was reported call for; none once it has ended.

    `milestones` are those that are stored: none that is new was reached. An episode that stays as it is takes no
    revision.
    """
    by_id = {row.id: row for row in milestones}
    facts = ExerciseFacts(
        restrictions=tuple(restrictions),
        clearances=tuple(
            Cleared(by_id[row.milestone_id].key, by_id[row.milestone_id].occurrence, row.cleared_on, row.revoked_on)
            for row in clearances
            if row.milestone_id in by_id and not row.deleted
        ),
        day0s={row.stage: row.surgery_on for row in surgeries if row.status is not SurgeryStatus.cancelled},
        reached=_reached({row.id: row.kind for row in milestones}, progress),
    )
    told = exercises_told(facts) if episode.status in PLANNED_FOR else []
    if episode.exercises != told:
        let_change_again(session, episode)
        episode.exercises = told


def _reached(kinds: dict[str, str], progress: Iterable[MilestoneProgress]) -> dict[str, date]:
    reached: dict[str, date] = {}
    for row in progress:
        if row.achieved_on is not None and kinds.get(row.id) in ASKED_AFTER:
            kind = kinds[row.id]
            reached[kind] = min(row.achieved_on, reached.get(kind, row.achieved_on))
    return reached
