"""Stores what a phone must know without a network, wherever a clinic is made or changed. Composes nothing itself."""

from dataclasses import fields

from sqlalchemy.orm import Session

from models.practice import Practice
from models.safety import SafetyCard
from schedules.plan.safety_card import SafetyContent, compose_safety_card
from schedules.planning.rows import find

# Who is on call changes by itself, see `schedules.planning.on_call`.
_COLUMNS = tuple(each.name for each in fields(SafetyContent))


def write_safety_card(session: Session, practice: Practice) -> bool:
    """Bring a clinic's card to what is composed now, in the session's transaction. Return whether it was not that.

    The clinic's revision clock is stored already. Whoever may write at the same time has locked the practice's row.
    """
    content, row = _composed(practice), find(session, SafetyCard, practice.id, practice.id)
    if row is None:
        row = SafetyCard(practice_id=practice.id, id=practice.id)
        session.add(row)
    elif not _differs(row, content):
        return False
    for name in _COLUMNS:
        setattr(row, name, getattr(content, name))
    return True


def is_card_current(session: Session, practice: Practice) -> bool:
    """Return whether a clinic's stored card is what would be composed now. Writes nothing."""
    row = find(session, SafetyCard, practice.id, practice.id)
    return row is not None and not _differs(row, _composed(practice))


def _composed(practice: Practice) -> SafetyContent:
    return compose_safety_card(
        name=practice.name, phone=practice.phone, country=practice.country, time_zone=practice.time_zone
    )


def _differs(row: SafetyCard, content: SafetyContent) -> bool:
    return any(getattr(row, name) != getattr(content, name) for name in _COLUMNS)
