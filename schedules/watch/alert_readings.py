"""How many alerts there are, and how many nobody could be told of. Counts only: no patient, no practice."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from models.alert import Alert
from models.base import said
from models.isolation import see, through_doors
from models.practice import Practice
from models.reminder import Delivery, DeliveryState
from schedules.plan.vocabulary import AlertState, AlertUrgency


def count_unheard_alerts(session: Session, now: datetime) -> int:
    """Return how many open alerts should be in somebody's hands by now, and no message about them was ever sent."""
    was_told = exists().where(
        Delivery.practice_id == Alert.practice_id,
        Delivery.alert_id == Alert.id,
        Delivery.state == DeliveryState.sent,
    )
    # In the words of the partial index: only alerts that still call.
    still_calls = Alert.next_escalation_at.is_not(None)
    query = select(func.count()).select_from(Alert).where(still_calls, Alert.acknowledge_by <= now, ~was_told)
    return sum(session.execute(query.where(Alert.practice_id == each)).scalar_one() for each in _each_seen(session))


def count_alerts(session: Session) -> dict[tuple[str, str], int]:
    """Return how many alerts are not closed, by urgency and state, over all practices: no patient's data."""
    query = select(Alert.urgency, Alert.state, func.count()).where(Alert.state != said(AlertState.closed))
    states = (AlertState.open, AlertState.acknowledged)
    counted = {(urgency.value, state.value): 0 for urgency in AlertUrgency for state in states}
    for practice_id in _each_seen(session):
        of_practice = query.where(Alert.practice_id == practice_id).group_by(Alert.urgency, Alert.state)
        for urgency, state, count in session.execute(of_practice):
            counted[urgency.value, state.value] += count
    return counted


def _each_seen(session: Session) -> Iterator[str]:
    """Yield every practice while the session sees its rows."""
    with through_doors(session):
        for practice_id in session.scalars(select(Practice.id)).all():
            see(session, practice_id)
            yield practice_id
