"""What a job has that the worker's parent gives a process of its own: an engine, the time, and one line if it fails."""

import logging
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from config import Settings
from models.engine import begin_reads, make_engine, make_session_factory
from schedules.clock import Clock

logger = logging.getLogger(__name__)


def run_apart(
    name: str,
    job: Callable[[sessionmaker[Session], datetime], None],
    settings: Settings,
    clock: Clock,
    read_now: Callable[[Session, Clock], datetime],
) -> None:
    """Do the job with sessions of its own and the present time. What it raises is one line in the log."""
    engine = make_engine(settings.database_url)
    make_session = make_session_factory(engine)
    try:
        with make_session() as session:
            begin_reads(session)
            now = read_now(session, clock)
        job(make_session, now)
    except Exception as error:  # noqa: BLE001 - no trace, which could show what a row holds
        logger.error("%s raised %s", name, type(error).__name__)
    finally:
        engine.dispose()
