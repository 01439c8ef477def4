"""Says what making a stored plan again would change, and whether it would change anything. Reads only."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.care import Surgery
from schedules.plan.items import PlannedMilestone, PlannedRestriction
from schedules.plan.rearm import Step
from schedules.plan.replan import Decided, ItemChange
from schedules.plan.rewording import only_lacks_words
from schedules.planning.facts import care_of, find_episode
from schedules.planning.outlook import Outlook, look_ahead
from schedules.planning.rows import find_all
from schedules.planning.stored import load_stored


def look_ahead_unlocked(session: Session, practice_id: str, episode_id: str, now: datetime) -> Outlook:
    """Return what `plan_episode` would change. Locks nothing.

    Raises LookupError for an unknown episode, PlanError for facts that no plan can be made from.
    """
    episode = find_episode(session, practice_id, episode_id)
    care = care_of(session, episode, find_all(session, Surgery, practice_id, episode_id=episode_id))
    return look_ahead(session, care, load_stored(session, care), now, is_dry_run=True)


def equals_its_rebuild(session: Session, practice_id: str, episode_id: str, now: datetime) -> bool:
    """Return whether `plan_episode` would leave milestones, restrictions and messages as they are. Locks nothing.

    Raises as `look_ahead_unlocked` does.
    """
    outlook = look_ahead_unlocked(session, practice_id, episode_id, now)
    messages = (*outlook.reminders, *outlook.beside)
    return (
        all(_stays(each) for each in outlook.milestones)
        and all(_stays(each) for each in outlook.restrictions)
        and all(each.step is Step.leave or only_lacks_words(each) for each in messages)
    )


def _stays(decided: Decided[PlannedMilestone] | Decided[PlannedRestriction]) -> bool:
    return decided.change in (ItemChange.unchanged, ItemChange.kept) and decided.was == decided.planned
