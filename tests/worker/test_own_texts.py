"""A message under a clinic's own protocol says the clinic's words; its gate asks one query more."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from models.care import Surgery
from schedules.delivery.message import render
from schedules.plan.library import load_library
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.planning.test_own_library import version
from tests.worker.desks import PUBLIC_URL, claim_all, pass_now, reminder_draft

SHIPPED = "[imaging]"
OURS = '[texts.reminders.walk30.encourage]\nen = "Walk with Casey."\nes = "Camine con Casey."\n\n[imaging]'


@pytest.fixture
def surgery(session: Session) -> Surgery:
    """Return a surgery that pins the clinic's own version, with a message that is due."""
    practice = builders.practice(session)
    row = version(session, practice, 1, change=(SHIPPED, OURS))
    episode = builders.episode(session, builders.patient(session, practice, email="alex@example.org"))
    surgery = builders.surgery(session, episode, protocol_id="hudson-disc", protocol_digest=row.digest)
    builders.delivery(session, builders.reminder(session, builders.milestone(session, surgery)))
    return surgery


def test_the_clinics_own_words_go_out(session: Session, clock: FixedClock, surgery: Surgery) -> None:
    permit = pass_now(session, claim_all(session, clock)[0])

    assert permit is not None
    body = render(reminder_draft(permit), permit.address, MONDAY_AFTERNOON, PUBLIC_URL).body
    assert body.startswith("Walk with Casey.\n\n")
    (item,) = reminder_draft(permit).items
    shipped = replace(reminder_draft(permit), items=(replace(item, own=None, protocol_id="MD-MISS"),))
    assert "Casey" not in render(shipped, permit.address, MONDAY_AFTERNOON, PUBLIC_URL).body


def test_the_gate_asks_one_query_more_for_an_own_version(
    engine: Engine, session: Session, clock: FixedClock, surgery: Surgery
) -> None:
    load_library()
    (claim,) = claim_all(session, clock)
    session.commit()
    session.expunge_all()
    selects: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT") and "set_config" not in statement:
            selects.append(statement)

    pass_now(session, claim)

    assert len(selects) == 6
