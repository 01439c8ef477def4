"""Raises alerts, each once for its fact, and calls people about them, in the session's transaction.

A call is a delivery like any other message: the worker's book is the only way out. Whoever raises has locked the
patient; whoever calls has locked the alert.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.alert import Alert, AlertEntry
from models.ids import new_id
from models.practice import Practice
from models.reminder import OPEN_STATES, DecisionKind, Delivery, DeliveryState
from schedules.plan.escalation import CallRound, next_round, wait_of_round
from schedules.plan.identity import plan_row_id
from schedules.plan.urgency import Urgency
from schedules.plan.vocabulary import AlertKind, AlertLine, AlertState, AlertUrgency
from schedules.planning.answering import find_answering
from schedules.planning.on_call import load_rota
from schedules.planning.reminders import FIRST_STEP, delivery_id
from schedules.planning.rows import find
from schedules.planning.story import step_of, tell
from schedules.planning.withdrawal import cancel_delivery

# How long the message of one call is of use: the next round makes new ones.
CALL_IS_USEFUL_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What asks for a person. `subject` names the fact among those of its kind, so that it raises one alert.

    `told_at`: when it was reported, by the phone's clock.
    """

    patient_id: str
    episode_id: str
    kind: AlertKind
    urgency: AlertUrgency
    subject: str
    about: Mapping[str, Any] = field(default_factory=dict)
    told_at: datetime | None = None


def alert_id(practice_id: str, fact: Fact, *, occurrence: int = 1) -> str:
    """Return the id of the alert that a fact raises. `occurrence` counts how often it came back after its end."""
    return plan_row_id(practice_id, fact.episode_id, "alert", fact.kind, occurrence, fact.subject)


def find_alert(session: Session, practice_id: str, fact: Fact) -> Alert | None:
    """Return the latest alert of a fact, locked to the commit, or None. Its patient is locked."""
    latest, occurrence = None, 1
    while row := find(session, Alert, practice_id, alert_id(practice_id, fact, occurrence=occurrence), lock=True):
        latest, occurrence = row, occurrence + 1
    return latest


def raise_alert(session: Session, practice: Practice, fact: Fact, now: datetime) -> Alert:
    """Return the alert of a fact, raised now and called out if there was none.

    One that exists stays as it is, whatever its state: the same fact told again is no other fact.
    """
    known = find_alert(session, practice.id, fact)
    return known if known is not None else _raise(session, practice, fact, now, occurrence=1)


def raise_anew(session: Session, practice: Practice, fact: Fact, closed: Alert, now: datetime) -> Alert:
    """Return a new alert of a fact that came back after its alert was `closed`."""
    occurrence = int(closed.about.get("occurrence", 1)) + 1
    return _raise(session, practice, fact, now, occurrence=occurrence)


def _raise(session: Session, practice: Practice, fact: Fact, now: datetime, *, occurrence: int) -> Alert:
    answering = find_answering(session, practice.id, fact.urgency)
    alert = Alert(
        practice_id=practice.id,
        id=alert_id(practice.id, fact, occurrence=occurrence),
        patient_id=fact.patient_id,
        episode_id=fact.episode_id,
        kind=fact.kind,
        urgency=fact.urgency,
        about=dict(fact.about) | ({} if occurrence == 1 else {"occurrence": occurrence}),
        raised_at=now,
        told_at=fact.told_at,
        acknowledge_by=None if answering is None else now + answering.first_wait,
        state=AlertState.open,
        level=0,
        calls=0,
        first_call=1,
        version=1,
    )
    session.add(alert)
    write_line(session, alert, AlertLine.raised, now=now)
    if answering is not None:
        call_next(session, practice, alert, now)
    return alert


def call_next(session: Session, practice: Practice, alert: Alert, now: datetime) -> CallRound:
    """Call the next people in the chain about an open alert, and say when those after them are called. Return whom.

    Raises KeyError for an alert whose urgency calls nobody.
    """
    answering = find_answering(session, practice.id, alert.urgency)
    if answering is None:
        raise KeyError(alert.urgency)
    before = alert.level
    round_ = next_round(before, load_rota(session, practice, now))
    alert.level, alert.first_call = round_.level, alert.calls + 1
    alert.next_escalation_at = now + wait_of_round(before, answering)
    if before:
        write_line(session, alert, AlertLine.escalated, now=now, about={"level": round_.level})
        alert.version += 1
    on_their_way = _on_their_way(session, alert) if before else set()
    wanted: tuple[str | None, ...] = (*round_.staff_ids, *((None,) * round_.with_phone))
    for staff_id in wanted:
        # What still waits for a provider is said once when that is back, not once for each round that has passed.
        if staff_id not in on_their_way:
            _call(session, alert, staff_id, now)
    if not round_.staff_ids:
        write_line(session, alert, AlertLine.nobody_to_call, now=now, about={"level": round_.level})
    return round_


def stop_calls(session: Session, alert: Alert, now: datetime, *, reason: str) -> None:
    """Cancel what was not sent yet of an alert's calls. The alert is locked; its deliveries are from here on."""
    query = (
        select(Delivery)
        .where(Delivery.practice_id == alert.practice_id, Delivery.alert_id == alert.id)
        .where(Delivery.state.in_(OPEN_STATES))
        .order_by(Delivery.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for delivery in session.scalars(query).all():
        if delivery.state is not DeliveryState.sending:
            tell(session, step_of(delivery), DecisionKind.cancelled, now=now, reason=reason)
        cancel_delivery(delivery, now, reason)


def write_line(
    session: Session,
    alert: Alert,
    line: AlertLine,
    *,
    now: datetime,
    by: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> AlertEntry:
    """Append a line to an alert's log and return it. `by`: a member of staff."""
    entry = AlertEntry(practice_id=alert.practice_id, id=new_id(now), alert_id=alert.id, patient_id=alert.patient_id)
    entry.line, entry.made_at, entry.made_by, entry.about = line, now, by, dict(about or {})
    session.add(entry)
    return entry


def _on_their_way(session: Session, alert: Alert) -> set[str | None]:
    query = select(Delivery.staff_id).where(
        Delivery.practice_id == alert.practice_id, Delivery.alert_id == alert.id, Delivery.state.in_(OPEN_STATES)
    )
    return set(session.scalars(query))


def _call(session: Session, alert: Alert, staff_id: str | None, now: datetime) -> None:
    alert.calls += 1
    delivery = Delivery(
        practice_id=alert.practice_id,
        id=delivery_id(alert.id, generation=alert.calls, step=FIRST_STEP),
        patient_id=alert.patient_id,
        alert_id=alert.id,
        staff_id=staff_id,
        generation=alert.calls,
        step=FIRST_STEP,
        urgency=Urgency.urgent,
        due_at=now,
        useful_until=now + CALL_IS_USEFUL_FOR,
        next_attempt_at=now,
    )
    session.add(delivery)
    tell(session, step_of(delivery), DecisionKind.planned, now=now)
    about = {"call": alert.calls, "level": alert.level, "staff_id": staff_id}
    write_line(session, alert, AlertLine.called, now=now, about=about)
