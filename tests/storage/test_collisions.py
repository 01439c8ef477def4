"""Conflicts from before collisions had a mark of their own are upgraded with it, and can be told from others."""

from sqlalchemy.orm import Session

from models import SyncConflict
from models.merging import LostBy
from models.migrate import downgrade, upgrade
from tests import builders


def test_older_conflicts_get_the_mark_that_their_collision_has_when_it_comes_again(
    session: Session, owner_url: str
) -> None:
    patient = builders.patient(session, builders.practice(session))
    builders.conflict(session, patient, id="first", lost_by=LostBy.unknown)
    builders.conflict(session, patient, id="second", collision="another")
    session.commit()

    downgrade(owner_url, "0014")
    upgrade(owner_url)

    found = session.query(SyncConflict).populate_existing().order_by(SyncConflict.id).all()
    assert [(row.id, row.collision, row.lost_by) for row in found] == [
        ("first", "first", "staff"), ("second", "second", "patient"),
    ]  # fmt: skip
