"""Plans an episode again as a job, in a transaction of its own with its entry in the trail."""

from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from models import journal
from models.audit import ActorKind, AuditAction
from models.care import Episode
from models.isolation import in_practice
from schedules.planning import plan_episode


def replan_as_job(
    make_session: sessionmaker[Session], practice_id: str, episode_id: str, *, job: str, now: datetime
) -> None:
    """Plan an episode again and enter that `job` did. Raises what planning raises, and stores nothing then."""
    with in_practice(make_session, practice_id) as session:
        plan_episode(session, practice_id, episode_id, now)
        act = journal.Act(
            actor_kind=ActorKind.worker,
            actor_id=None,
            action=AuditAction.write,
            route=f"job {job}",
            about={"episode_id": episode_id},
            patient_ids=[session.get_one(Episode, (practice_id, episode_id)).patient_id],
        )
        journal.append(session, practice_id, act, now)
