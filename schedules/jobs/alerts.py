"""Calls the next people about alerts that nobody has acknowledged in time, and raises those that time brings about.

What stands in the database decides: a worker that dies between two steps leaves the next one to any other.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, sessionmaker

from models import journal
from models.alert import Alert
from models.audit import ActorKind, AuditAction
from models.isolation import in_practice, reading_doors, reading_practice, see
from models.people import Patient
from models.practice import Practice
from models.reminder import CLAIMABLE_STATES, Delivery, DeliveryState
from schedules.jobs.practices import attempt_each, for_each, nothing, practice_ids
from schedules.plan.escalation import EVERYONE
from schedules.plan.vocabulary import AlertState
from schedules.planning.alerts import Fact, call_next, raise_alert
from schedules.planning.on_call import is_on_call_current, write_on_call
from schedules.planning.rows import find
from schedules.planning.time_alerts import look_at_time, still_holds

ESCALATED_AT_ONCE = 200
LOOKED_AT_ONCE = 200  # episodes
ROUND_EVERY = timedelta(hours=1)
ROTA_LOOKED_AT_EVERY = timedelta(seconds=30)


def tend_alerts(
    make_session: sessionmaker[Session],
    now: datetime,
    so_far: "AlertRound",
    between: Callable[[], None] = nothing,
) -> None:
    """Call whom alerts are to call now, raise some of what time has brought about, and keep the phones' cards current.

    One part that fails stops no other. `between` two alerts is done what cannot wait for hundreds of them. Raises the
    first error in the end.
    """
    parts: list[Callable[[], None]] = [
        lambda: escalate_alerts(make_session, now, between),
        lambda: raise_by_time(make_session, now, so_far, between),
    ]
    if so_far.look_at_rota_at is None or now >= so_far.look_at_rota_at:
        so_far.look_at_rota_at = now + ROTA_LOOKED_AT_EVERY
        parts.append(lambda: tell_who_watches(make_session, now))
    errors = attempt_each(parts, lambda part: part())
    if errors:
        raise errors[0]


def escalate_alerts(make_session: sessionmaker[Session], now: datetime, between: Callable[[], None] = nothing) -> None:
    """Call the next people of each open alert whose time is up, or of which nobody could be told.

    One that fails stops no other. Raises the first error, once the others had their turn.
    """
    due: list[tuple[datetime, str, str]] = []
    with reading_doors(make_session) as session:
        for practice_id in session.scalars(select(Practice.id)).all():
            see(session, practice_id)
            query = select(Alert.next_escalation_at, Alert.practice_id, Alert.id)
            query = query.where(Alert.practice_id == practice_id, _waits_for_the_next(now))
            rows = session.execute(query.order_by(Alert.next_escalation_at).limit(ESCALATED_AT_ONCE))
            due += [(since, practice_id, alert_id) for since, _, alert_id in rows if since is not None]
    first = [(practice_id, alert_id) for _, practice_id, alert_id in sorted(due)[:ESCALATED_AT_ONCE]]
    errors = attempt_each(first, lambda key: _escalate(make_session, key, now), between)
    if errors:
        raise errors[0]


def _escalate(make_session: sessionmaker[Session], key: tuple[str, str], now: datetime) -> None:
    with in_practice(make_session, key[0]) as session:
        query = select(Alert).where(Alert.practice_id == key[0], Alert.id == key[1], _waits_for_the_next(now))
        alert = session.scalars(query.with_for_update()).one_or_none()
        if alert is None:  # another worker was here first, or somebody has acknowledged it
            return
        called = call_next(session, session.get_one(Practice, alert.practice_id), alert, now)
        about = {"alert_id": alert.id, "level": called.level, "staff_ids": list(called.staff_ids)}
        journal.append(session, alert.practice_id, _act("job escalate_alerts", alert.patient_id, about), now)


def _waits_for_the_next(now: datetime) -> ColumnElement[bool]:
    """Return the condition that the next people are to be called: the time is up, or nobody of these could be told."""
    of_alert = and_(Delivery.practice_id == Alert.practice_id, Delivery.alert_id == Alert.id)
    told_now = and_(Delivery.state == DeliveryState.sent, Delivery.generation >= Alert.first_call)
    nobody_hears = ~exists().where(of_alert, or_(Delivery.state.in_(CLAIMABLE_STATES), told_now))
    return and_(
        Alert.state == AlertState.open,
        Alert.next_escalation_at.is_not(None),
        or_(Alert.next_escalation_at <= now, and_(Alert.level < EVERYONE, nobody_hears)),
    )


@dataclass(slots=True)
class AlertRound:
    """How far a round by the rules of time has come: practices that are left, the present one first, and after whom.

    `look_at_rota_at`: when it is next looked at who is on call.
    """

    practice_ids: list[str] = field(default_factory=list)
    after: str = ""
    next_at: datetime | None = None
    look_at_rota_at: datetime | None = None


def raise_by_time(
    make_session: sessionmaker[Session], now: datetime, so_far: AlertRound, between: Callable[[], None] = nothing
) -> None:
    """Raise what time has brought about, in a bounded number of one practice's episodes; the next turn goes on there.

    A round begins each hour.
    """
    if not so_far.practice_ids:
        if so_far.next_at is not None and now < so_far.next_at:
            return
        so_far.practice_ids, so_far.next_at = practice_ids(make_session), now + ROUND_EVERY
        if not so_far.practice_ids:
            return
    practice_id = so_far.practice_ids[0]
    with reading_practice(make_session, practice_id) as session:
        practice = session.get_one(Practice, practice_id)
        look = look_at_time(session, practice, now, after=so_far.after, most=LOOKED_AT_ONCE)
    so_far.after = look.through or ""
    if look.through is None:
        so_far.practice_ids.pop(0)
    errors = attempt_each(look.facts, lambda fact: _raise(make_session, practice_id, fact, now), between)
    if errors:
        raise errors[0]


def _raise(make_session: sessionmaker[Session], practice_id: str, fact: Fact, now: datetime) -> None:
    with in_practice(make_session, practice_id) as session:
        find(session, Patient, practice_id, fact.patient_id, lock=True)
        practice = session.get_one(Practice, practice_id)
        if still_holds(session, practice, fact, now):
            alert = raise_alert(session, practice, fact, now)
            about = {"alert_id": alert.id, "kind": alert.kind.value}
            journal.append(session, practice_id, _act("job raise_by_time", fact.patient_id, about), now)


def tell_who_watches(make_session: sessionmaker[Session], now: datetime) -> None:
    """Keep what the phones' cards say of who is on call as it stands. A card that stands takes no revision."""

    def write(practice_id: str) -> None:
        with reading_practice(make_session, practice_id) as session:
            if is_on_call_current(session, session.get_one(Practice, practice_id), now):
                return
        with in_practice(make_session, practice_id) as session:
            # Whoever changes the rota, which writes the card too, waits for this one or is seen by it.
            practice = session.get_one(Practice, practice_id, with_for_update={"key_share": True})
            write_on_call(session, practice, now)

    for_each(practice_ids(make_session), write)


def _act(route: str, patient_id: str, about: dict[str, Any]) -> journal.Act:
    return journal.Act(
        actor_kind=ActorKind.worker,
        actor_id=None,
        action=AuditAction.write,
        route=route,
        about=about,
        patient_ids=[patient_id],
    )
