"""Since when a surgery's date is known: what was past by then follows its own policy.

A date that a surgery had before keeps its instant, so that a move there and back leaves the plan as it was.
"""

from datetime import date, datetime

from sqlalchemy import inspect

from models.care import Surgery


def note_date(surgery: Surgery, before_on: date | None, now: datetime) -> None:
    """Write to a surgery, whose date was `before_on`, since when its present date is known."""
    if surgery.surgery_on != before_on:
        former = dict(surgery.former_dates or {})
        if before_on is not None and surgery.dated_at is not None:
            former[before_on.isoformat()] = surgery.dated_at.isoformat()
        known = None if surgery.surgery_on is None else former.pop(surgery.surgery_on.isoformat(), None)
        if before_on is not None or known is not None:
            surgery.dated_at = None if known is None else datetime.fromisoformat(known)
        surgery.former_dates = former
    if surgery.surgery_on is not None and surgery.dated_at is None:
        surgery.dated_at = now


def date_before(surgery: Surgery) -> date | None:
    """Return the date that a surgery had before this transaction changed it, if that is not noted yet."""
    attributes = inspect(surgery).attrs
    was = attributes.surgery_on.history.deleted
    if not was or attributes.former_dates.history.has_changes():
        return surgery.surgery_on
    before: date | None = was[0]
    return before


def follows_another_protocol(surgery: Surgery) -> bool:
    """Return whether this transaction pins another protocol version than is stored."""
    attributes = inspect(surgery).attrs
    return bool(attributes.protocol_id.history.deleted or attributes.protocol_version.history.deleted)
