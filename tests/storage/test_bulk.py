"""Rows that are inserted unless they are there."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import DeadAddress
from models.bulk import insert_once
from schedules.plan.vocabulary import Provider
from tests import builders
from tests.clock import MONDAY_AFTERNOON


def test_a_row_is_inserted_once_and_whoever_inserts_it_is_told_so(session: Session) -> None:
    columns = {"practice_id": builders.practice(session).id, "target": b"somebody", "provider": Provider.smtp}
    told = []

    for name in ("a", "b"):
        row = columns | {"delivery_id": name, "died_at": MONDAY_AFTERNOON}
        told.append(insert_once(session, DeadAddress, row))

    assert told == [True, False]
    assert session.scalars(select(DeadAddress.delivery_id)).all() == ["a"]
