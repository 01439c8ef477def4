"""Use cases: alerts are listed by danger, acknowledged, given to somebody, their contacts logged, and closed.

Every step is a named person's. Acknowledging ends the calls; a message that is on its way may still come.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from models import Alert, AlertEntry, Decision, Staff
from schedules.plan.alert_state import Standing, acknowledge, assign, close
from schedules.plan.errors import PlanError
from schedules.plan.vocabulary import (
    AlertKind,
    AlertLine,
    AlertOutcome,
    AlertState,
    AlertUrgency,
    ContactMethod,
)
from schedules.planning.alert_standing import set_standing, standing_of
from schedules.planning.alerts import stop_calls, write_line
from service.care.lists import rows_after
from service.care.reach import lock_patient, refuse_who_treats_nobody
from service.errors import ConflictError, Fault, NotFoundError
from service.identity.principal import Principal

_DANGER = case({each.value: rank for rank, each in enumerate(AlertUrgency)}, value=Alert.urgency)
# What is late is what should have been acknowledged longest ago; what calls nobody waits since it was raised.
_PLACE = (_DANGER, func.coalesce(Alert.acknowledge_by, Alert.raised_at), Alert.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    """Which alerts a list holds."""

    state: AlertState | None = AlertState.open
    kind: AlertKind | None = None
    urgency: AlertUrgency | None = None
    patient_id: str | None = None
    owner_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRecord:
    """A try to reach the patient."""

    method: ContactMethod
    is_reached: bool
    note: str | None = None


@dataclass(frozen=True, slots=True)
class AlertStory:
    """An alert with its log, and what became of each message about it, both in their order."""

    alert: Alert
    log: Sequence[AlertEntry]
    messages: Sequence[Decision]


def list_alerts(
    session: Session, practice_id: str, wanted: AlertFilter, *, after: str | None, limit: int
) -> Sequence[Alert]:
    """Return up to `limit` alerts by danger, then lateness, from the one after the id `after` on."""
    given = {name: getattr(wanted, name) for name in AlertFilter.__slots__}
    query = select(Alert).filter_by(practice_id=practice_id)
    query = query.filter_by(**{name: value for name, value in given.items() if value is not None})
    return rows_after(session, query, _PLACE, practice_id=practice_id, after=after, limit=limit)


def count_alerts(session: Session, practice_id: str) -> dict[AlertUrgency, int]:
    """Return how many alerts of the practice are open, by urgency: every one is named."""
    query = select(Alert.urgency, func.count()).filter_by(practice_id=practice_id, state=AlertState.open)
    return dict.fromkeys(AlertUrgency, 0) | dict(session.execute(query.group_by(Alert.urgency)).all())


def read_alert(session: Session, caller: Principal, alert_id: str) -> AlertStory:
    """Return an alert with its story. Raises NotFoundError."""
    alert = session.get(Alert, (caller.practice_id, alert_id))
    if alert is None:
        raise NotFoundError
    return story_of(session, alert)


def story_of(session: Session, alert: Alert) -> AlertStory:
    """Return an alert with its log and messages, as they are stored: what this transaction adds is flushed first."""
    whose = {"practice_id": alert.practice_id, "alert_id": alert.id}
    log = session.scalars(select(AlertEntry).filter_by(**whose).order_by(AlertEntry.id)).all()
    messages = session.scalars(select(Decision).filter_by(**whose).order_by(Decision.id)).all()
    return AlertStory(alert, log, messages)


def acknowledge_alert(session: Session, caller: Principal, alert_id: str, *, now: datetime) -> Alert:
    """Take an alert in hand: nobody else is called. One that is in hand or closed stays as it is.

    Raises NotFoundError.
    """
    alert = _lock(session, caller, alert_id)
    if set_standing(alert, acknowledge(standing_of(alert), by=caller.actor_id, now=now)):
        write_line(session, alert, AlertLine.acknowledged, now=now, by=caller.actor_id)
        stop_calls(session, alert, now, reason="acknowledged")
    return alert


def assign_alert(session: Session, caller: Principal, alert_id: str, staff_id: str, *, now: datetime) -> Alert:
    """Give an alert to a member of staff.

    Raises NotFoundError, InvalidError for who treats nobody, and ConflictError for an alert that is closed.
    """
    alert = _lock(session, caller, alert_id)
    person = session.get(Staff, (caller.practice_id, staff_id))
    if person is None or person.disabled_at is not None:
        raise NotFoundError(Fault("/staff_id", "a member of the practice's staff", "an unknown id"))
    refuse_who_treats_nobody(session, caller.practice_id, staff_id, "/staff_id")
    before = alert.owner_id
    if set_standing(alert, _moved(lambda: assign(standing_of(alert), to=staff_id))):
        about = {"from": before, "to": staff_id}
        write_line(session, alert, AlertLine.assigned, now=now, by=caller.actor_id, about=about)
    return alert


def log_contact(session: Session, caller: Principal, alert_id: str, record: ContactRecord, *, now: datetime) -> Alert:
    """Log a try to reach the patient, whatever the alert's state: a closed one may be looked after too.

    Raises NotFoundError.
    """
    alert = _lock(session, caller, alert_id)
    entry = write_line(session, alert, AlertLine.contact, now=now, by=caller.actor_id)
    entry.method, entry.is_reached, entry.note = record.method, record.is_reached, record.note
    alert.version += 1
    return alert


def close_alert(
    session: Session,
    caller: Principal,
    alert_id: str,
    outcome: AlertOutcome,
    *,
    note: str | None = None,
    now: datetime,
) -> Alert:
    """Close an alert with what came of it. Closing again with the same outcome changes nothing.

    Raises NotFoundError, and ConflictError for one that nobody has acknowledged, or that ended otherwise.
    """
    alert = _lock(session, caller, alert_id)
    if set_standing(alert, _moved(lambda: close(standing_of(alert), outcome, by=caller.actor_id, now=now))):
        about = {"outcome": outcome.value}
        entry = write_line(session, alert, AlertLine.closed, now=now, by=caller.actor_id, about=about)
        entry.note = note
    return alert


def _lock(session: Session, caller: Principal, alert_id: str) -> Alert:
    """Return an alert, locked to the commit after its patient, as check-ins do it. Raises NotFoundError."""
    key = (caller.practice_id, alert_id)
    alert = session.get(Alert, key)
    if alert is None:
        raise NotFoundError
    lock_patient(session, caller.practice_id, alert.patient_id)
    return session.get_one(Alert, key, with_for_update={"key_share": True}, populate_existing=True)


def _moved(move: Callable[[], Standing]) -> Standing:
    try:
        return move()
    except PlanError as error:
        raise ConflictError(Fault("", error.expected, error.got)) from None
