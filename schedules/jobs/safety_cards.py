"""Keeps every clinic's card for phones current: after a new release, and whatever else changed what stands on it."""

from sqlalchemy.orm import Session, sessionmaker

from models.isolation import in_practice, reading_practice
from models.practice import Practice
from schedules.jobs.practices import for_each, practice_ids
from schedules.planning.safety_cards import is_card_current, write_safety_card


def write_safety_cards(make_session: sessionmaker[Session]) -> None:
    """Write the cards that differ from what would be composed now. A card that stands takes no revision."""

    def write(practice_id: str) -> None:
        with reading_practice(make_session, practice_id) as session:
            if is_card_current(session, session.get_one(Practice, practice_id)):
                return
        with in_practice(make_session, practice_id) as session:
            # A change of the practice, which writes the card too, waits for this one or is seen by it.
            practice = session.get_one(Practice, practice_id, with_for_update={"key_share": True})
            write_safety_card(session, practice)

    for_each(practice_ids(make_session), write)
