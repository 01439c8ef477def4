"""How much it costs to show what a move would change, against planning the same episode once without any comparison.

Run with `.venv/bin/python -m tests.bench.bench_replan`; prints one line. The work is the whole dry run of a staged
episode on SQLite: rows read, both plans compared, every message judged, the fingerprint. The bare work is the pure plan
with its reminders.
"""

import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from time import process_time

from sqlalchemy.orm import Session

from models import Surgery
from models.engine import make_engine, make_session_factory
from models.migrate import upgrade
from models.private import set_key
from schedules.planning import SurgeryChange, diff_episode, plan_episode
from tests import builders
from tests.bench.bench_staged import plan_staged, staged_episode
from tests.database import owner_url_of

NOW = datetime(2026, 2, 2, 15, 0, tzinfo=UTC)
ROUNDS = 15
A_ROUND = 10


def stored_episode(session: Session) -> Surgery:
    """Store the episode of two stages with its plan; return the second surgery."""
    episode = builders.episode(session, builders.patient(session, builders.practice(session)))
    surgeries = [
        builders.surgery(
            session,
            episode,
            stage=stage.ordinal,
            surgery_on=stage.day0,
            procedure=stage.protocol.procedure,
            protocol_id=stage.protocol.id,
            protocol_digest=stage.protocol.digest,
        )
        for stage in staged_episode()
    ]
    session.commit()
    plan_episode(session, episode.practice_id, episode.id, NOW)
    session.commit()
    return surgeries[-1]


def main() -> None:
    """Print the ratio."""
    set_key(bytes(range(32)))
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
        upgrade(url)
        engine = make_engine(owner_url_of(url))
        with make_session_factory(engine)() as session:
            surgery = stored_episode(session)
            print(_compare(session, surgery))
        engine.dispose()


def _compare(session: Session, surgery: Surgery) -> str:
    change = SurgeryChange(surgery.id, {"surgery_on": date(2026, 3, 29)})
    stages = staged_episode()
    told = diff_episode(session, surgery.practice_id, surgery.episode_id, [change], NOW)
    items = len(told.milestones) + len(told.restrictions) + len(told.reminders)
    pairs = []
    for _ in range(ROUNDS):
        start = process_time()
        for _ in range(A_ROUND):
            diff_episode(session, surgery.practice_id, surgery.episode_id, [change], NOW)
            session.rollback()
        middle = process_time()
        for _ in range(A_ROUND):
            plan_staged(stages)
        pairs.append((middle - start, process_time() - middle))
    ratio = median(whole / bare for whole, bare in pairs)
    cost_ms = median(whole for whole, _ in pairs) / A_ROUND * 1e3
    return f"replan_diff: ratio {ratio:.1f} ({cost_ms:.1f} ms a dry run of two stages, {items} items and messages)"


if __name__ == "__main__":
    main()
