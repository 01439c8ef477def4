"""`kill -9` of a whole worker at each of the nine points of a delivery's life (R01-R07): nothing is lost.

The mail server sees a message twice only where the worker died between the gate's commit and the result's.
"""

from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.reminder import AttemptOutcome, DeliveryState
from tests import builders
from tests.clock import MONDAY_AFTERNOON
from tests.database import settings_for
from tests.failpoints import FailPoint, running_worker
from tests.worker.desks import SHORT_LEASE
from tests.worker.peers import kill_whoever_waits, mail_server
from tests.worker.rows import open_count, outcomes, wait_until

ABANDONED, ACCEPTED = AttemptOutcome.abandoned, AttemptOutcome.accepted

# The point, how often the mail server accepted the message in all, and what became of the attempts.
POINTS = [
    ("claim_uncommitted", 1, [ACCEPTED]),
    ("claimed", 1, [ACCEPTED]),
    ("gate_uncommitted", 1, [ACCEPTED]),
    ("gated", 1, [ABANDONED, ACCEPTED]),
    ("before_send", 1, [ABANDONED, ACCEPTED]),
    ("provider_accepted", 2, [ABANDONED, ACCEPTED]),
    ("replied", 2, [ABANDONED, ACCEPTED]),
    ("result_uncommitted", 2, [ABANDONED, ACCEPTED]),
    ("recorded", 1, [ACCEPTED]),
]


@pytest.mark.parametrize(("point", "accepted", "attempts"), POINTS, ids=[point for point, *_ in POINTS])
def test_a_worker_killed_at_any_point_loses_no_message(
    engine: Engine,
    session: Session,
    database_url: str,
    tmp_path: Path,
    point: str,
    accepted: int,
    attempts: list[AttemptOutcome],
) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))
    session.commit()
    marker = tmp_path / "died"

    with mail_server() as peer:
        settings = settings_for(database_url, smtp_port=peer.port, sender_processes=1, **SHORT_LEASE)
        with running_worker(settings, now=MONDAY_AFTERNOON, fail=FailPoint(point, marker)) as doomed:
            if point == "provider_accepted":
                peer.answer_data = kill_whoever_waits(marker, lambda: doomed.pid)
            doomed.wait_for_death()
        with running_worker(settings, now=MONDAY_AFTERNOON):
            wait_until(lambda: open_count(engine) == 0)

    session.refresh(delivery)
    assert delivery.state is DeliveryState.sent
    assert len(peer.mails) == accepted
    assert len(set(peer.keys)) == 1
    assert outcomes(session, delivery) == attempts
