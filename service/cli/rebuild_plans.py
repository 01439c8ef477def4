"""`flask rebuild-plans`: brings stored plans to what the engine and the clinic's settings call for now."""

import click
from flask.cli import with_appcontext
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from models import Episode, journal
from models.audit import ActorKind, AuditAction
from models.isolation import see
from schedules.plan.errors import PlanError
from schedules.plan.vocabulary import EpisodeStatus
from schedules.planning import plan_episode
from service.cli.context import choose_practice, clock, fail, sessions

_OPEN = (EpisodeStatus.active, EpisodeStatus.paused)


@click.command("rebuild-plans")
@click.option("--practice", "slug", help="The clinic's slug; not needed while there is one clinic.")
@with_appcontext
def rebuild_plans(slug: str | None) -> None:
    """Plan every open episode again, each in a transaction of its own: after an upgrade, or a change of settings.

    What stands as it should stays untouched, and nothing that was sent is sent again.
    """
    with sessions() as make_session:
        practice_id, episode_ids = _open_episodes(make_session, slug)
        refused = [each for each in episode_ids if not _rebuild(make_session, practice_id, each)]
    print(f"{len(episode_ids)} open episodes: {len(episode_ids) - len(refused)} planned again, {len(refused)} refused.")
    if refused:
        fail("No plan can be made for: " + ", ".join(refused))


def _open_episodes(make_session: sessionmaker[Session], slug: str | None) -> tuple[str, list[str]]:
    with make_session() as session:
        practice_id = choose_practice(session, slug).id
        ids = (
            select(Episode.id)
            .where(Episode.practice_id == practice_id, Episode.status.in_(_OPEN), Episode.deleted.is_(False))
            .order_by(Episode.id)
        )
        return practice_id, list(session.scalars(ids))


def _rebuild(make_session: sessionmaker[Session], practice_id: str, episode_id: str) -> bool:
    """Plan one episode again. Return whether there is a plan for what it holds."""
    with make_session() as session:
        see(session, practice_id)
        now = clock().now()
        try:
            plan_episode(session, practice_id, episode_id, now)
        except PlanError:
            return False
        patient_id = session.get_one(Episode, (practice_id, episode_id)).patient_id
        route, about = "flask rebuild-plans", {"episode_id": episode_id}
        act = journal.Act(ActorKind.command, None, AuditAction.write, route, about=about, patient_ids=[patient_id])
        journal.append(session, practice_id, act, now)
        session.commit()
        return True


COMMANDS = (rebuild_plans,)
