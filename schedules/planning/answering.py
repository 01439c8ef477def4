"""How soon a clinic wants alerts in hand: as it has set it, within what is safe, or else the default."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.answering import AlertAnswering
from schedules.plan.escalation import ANSWERING, Answering, within_bounds
from schedules.plan.vocabulary import AlertUrgency
from schedules.planning.rows import find


def find_answering(session: Session, practice_id: str, urgency: AlertUrgency) -> Answering | None:
    """Return how soon an alert of an urgency must be in hand at a clinic; None: it calls nobody."""
    if urgency not in ANSWERING:
        return None
    return _answering_of(urgency, find(session, AlertAnswering, practice_id, urgency.value))


def load_answering(session: Session, practice_id: str) -> Mapping[AlertUrgency, Answering]:
    """Return how soon alerts of each urgency that calls somebody must be in hand at a clinic. One SELECT."""
    rows = session.scalars(select(AlertAnswering).where(AlertAnswering.practice_id == practice_id))
    found = {row.id: row for row in rows}
    return {urgency: _answering_of(urgency, found.get(urgency.value)) for urgency in ANSWERING}


def _answering_of(urgency: AlertUrgency, row: AlertAnswering | None) -> Answering:
    """What another release allowed and this one does not counts as the nearest that it allows."""
    if row is None:
        return ANSWERING[urgency]
    return within_bounds(urgency, Answering(row.acknowledge_minutes, row.escalate_minutes))
