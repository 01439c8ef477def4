"""What the page of one item needs beside the plan: who cleared it, and what its figures rest on."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Staff
from models.change import SlotEntry
from schedules.plan.library import load_library
from schedules.plan.protocol import Source
from service.care.clearances import ClearanceView


def find_names(
    session: Session, practice_id: str, clearance: ClearanceView | None, entry: SlotEntry | None
) -> Mapping[str, str]:
    """Return the names of who cleared and revoked, entered and signed, by id."""
    history = clearance.history if clearance is not None else ()
    people = [each for row in history for each in (row.cleared_by, row.revoked_by)]
    people += [] if entry is None else [entry.entered_by, entry.signed_by]
    ids = {each for each in people if each is not None}
    if not ids:
        return {}
    query = select(Staff.id, Staff.display_name).where(Staff.practice_id == practice_id, Staff.id.in_(sorted(ids)))
    return {row[0]: row[1] for row in session.execute(query)}


def find_sources(keys: Sequence[str]) -> list[Source]:
    """Return the sources that stand under these keys."""
    known = load_library().sources
    return [known[key] for key in keys if key in known]
