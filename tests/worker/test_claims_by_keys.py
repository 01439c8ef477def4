"""What a claim costs does not grow with what a clinic has stored: no statement walks through it."""

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests import builders
from tests.clock import FixedClock
from tests.walks import walks_of
from tests.worker.desks import claim_all

pytestmark = pytest.mark.sqlite_only  # PostgreSQL counts its rows, and plans by that


def test_what_is_due_and_what_else_the_patient_has_is_looked_up_by_keys(
    engine: Engine, session: Session, clock: FixedClock
) -> None:
    clinic = builders.practice(session)
    for _ in range(2):
        builders.due_delivery(session, clinic)
    session.commit()

    with walks_of(engine) as walks:
        claims = claim_all(session, clock)

    assert (len(claims), walks) == (2, [])
