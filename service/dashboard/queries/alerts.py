"""Who is named in an alert's story."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Staff
from service.care.alerts import AlertStory


def find_staff_names(session: Session, practice_id: str, story: AlertStory) -> Mapping[str, str]:
    """Return the names of whoever has the alert, or did something about it, by id."""
    ids = {story.alert.owner_id, story.alert.acknowledged_by, *(entry.made_by for entry in story.log)} - {None}
    query = select(Staff.id, Staff.display_name).where(Staff.practice_id == practice_id, Staff.id.in_(ids))
    return {row[0]: row[1] for row in session.execute(query)}
