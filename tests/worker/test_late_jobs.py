"""A job whose turn comes late is done late, never dropped (T05)."""

import os
import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests import builders
from tests.clock import MONDAY_AFTERNOON
from tests.database import settings_for
from tests.failpoints import FailPoint, running_worker
from tests.worker.peers import mail_server
from tests.worker.rows import open_count, wait_until

HELD_UP_SECONDS = 1.2  # a second is APScheduler's own patience


@pytest.mark.sqlite_only
def test_jobs_behind_one_that_was_held_up_are_done_all_the_same(
    engine: Engine, session: Session, database_url: str, tmp_path: Path
) -> None:
    builders.due_delivery(session, builders.practice(session))
    session.commit()
    marker = tmp_path / "frozen"

    with mail_server() as peer:
        # The first round is the only one for an hour; the first of its jobs holds up the tick.
        settings = settings_for(database_url, smtp_port=peer.port, sender_processes=1, poll_seconds=3600.0)
        with running_worker(settings, now=MONDAY_AFTERNOON, fail=FailPoint("clock_read", marker, freeze=True)):
            wait_until(lambda: marker.exists() and marker.read_text(encoding="ascii") != "")
            time.sleep(HELD_UP_SECONDS)
            os.kill(int(marker.read_text(encoding="ascii")), signal.SIGCONT)

            wait_until(lambda: open_count(engine) == 0, within=20.0)

    assert len(peer.mails) == 1
