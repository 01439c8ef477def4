"""How the clinic answers its alerts: what waits, what is late, how soon somebody had one in hand. For the overview.

No count here is hidden, however small: whoever looks must see that somebody waits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models import Alert
from schedules.plan.escalation import ANSWERING, Answering
from schedules.plan.vocabulary import AlertState, AlertUrgency, Grade
from schedules.planning.answering import load_answering

PERIOD: Final = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class AlertFigures:
    """The alerts of one urgency.

    Now: `waiting` has nobody in hand, the longest since `waiting_since`; of those `overdue` should be; `in_hand` is
    acknowledged and not closed. Of those `raised` in the period: `in_time` were acknowledged within their own time;
    `median_minutes` until they were, who still waits counting as longest. None: nothing was raised, or half still wait.
    `within_minutes`: how soon it must be in hand, as the clinic has set it; None: it calls nobody.
    """

    urgency: AlertUrgency
    within_minutes: int | None
    default_minutes: int | None
    grade: Grade | None
    waiting: int
    waiting_since: datetime | None
    overdue: int
    in_hand: int
    raised: int
    in_time: int
    median_minutes: float | None


@dataclass(frozen=True, slots=True)
class AlertOverview:
    """The alerts by urgency, the most urgent first; `raised` and what follows from it are since `since`."""

    since: datetime
    by_urgency: tuple[AlertFigures, ...]


def view_alerts(session: Session, practice_id: str, now: datetime) -> AlertOverview:
    """Return how alerts stand, and how those of the last weeks were answered. Two SELECTs."""
    since = now - PERIOD
    columns = (Alert.urgency, Alert.state, Alert.raised_at, Alert.acknowledge_by, Alert.acknowledged_at)
    query = select(*columns).where(
        Alert.practice_id == practice_id, or_(Alert.state != AlertState.closed, Alert.raised_at >= since)
    )
    found: Mapping[AlertUrgency, list[Any]] = {urgency: [] for urgency in AlertUrgency}
    for row in session.execute(query):
        found[row.urgency].append(row)
    held = load_answering(session, practice_id)
    return AlertOverview(since, tuple(_figures(each, held.get(each), rows, since, now) for each, rows in found.items()))


def _figures(
    urgency: AlertUrgency, answering: Answering | None, rows: list[Any], since: datetime, now: datetime
) -> AlertFigures:
    default = ANSWERING.get(urgency)
    waiting = [row for row in rows if row.state is AlertState.open]
    raised = [row for row in rows if row.raised_at >= since]
    return AlertFigures(
        urgency=urgency,
        within_minutes=None if answering is None else answering.acknowledge_minutes,
        default_minutes=None if default is None else default.acknowledge_minutes,
        grade=None if answering is None else answering.grade,
        waiting=len(waiting),
        waiting_since=min((row.raised_at for row in waiting), default=None),
        overdue=sum(row.acknowledge_by is not None and row.acknowledge_by <= now for row in waiting),
        in_hand=sum(row.state is AlertState.acknowledged for row in rows),
        raised=len(raised),
        in_time=sum(_is_in_time(row) for row in raised),
        median_minutes=median_wait([_waited(row) for row in raised]),
    )


def _is_in_time(row: Any) -> bool:
    return (
        row.acknowledged_at is not None and row.acknowledge_by is not None and row.acknowledged_at <= row.acknowledge_by
    )


def _waited(row: Any) -> float | None:
    if row.acknowledged_at is None:
        return None
    minutes: float = (row.acknowledged_at - row.raised_at).total_seconds() / 60
    return minutes


def median_wait(minutes: Iterable[float | None]) -> float | None:
    """Return the median of waits, of which None is still going on and counts as longer than every other.

    >>> median_wait([4, None, 2]), median_wait([2, 4, None, None]), median_wait([])
    (4.0, None, None)
    """
    waits = sorted(float("inf") if each is None else each for each in minutes)
    if not waits:
        return None
    middle = (waits[(len(waits) - 1) // 2] + waits[len(waits) // 2]) / 2
    return None if middle == float("inf") else middle
