"""Says what a change of an episode's surgeries would do to its plan. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from schedules.plan.replan import EpisodeDiff


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

    Raises LookupError for an unknown episode, or a change of a surgery that it does not have, PlanError for facts that
    no plan can be made from.
    """
    raise NotImplementedError
