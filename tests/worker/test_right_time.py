"""Messages come at their time, once: across clock changes, after an outage, and never when they are of no more use."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.reminder import Delivery, DeliveryState
from schedules.plan.timing import wall_instant
from schedules.plan.vocabulary import Provider
from tests import builders
from tests.builders import DUE_AT
from tests.clock import FixedClock
from tests.worker.desks import Outbox, desk_of
from tests.worker.rounds import work_off
from tests.worker.rows import story

NEW_YORK = ZoneInfo("America/New_York")
CLOCK_CHANGES = [
    (date(2026, 3, 8), time(2, 30), datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),  # skipped: 03:30 EDT
    (date(2026, 11, 1), time(1, 30), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),  # comes twice: the first
]


@pytest.mark.parametrize(("on", "at", "due_at"), CLOCK_CHANGES, ids=["gap", "overlap"])
def test_on_the_day_of_a_clock_change_one_message_comes_at_its_instant(
    engine: Engine, session: Session, on: date, at: time, due_at: datetime
) -> None:
    delivery = due_once(session, wall_instant(on, at, NEW_YORK), useful_for=timedelta(days=1))
    clock, outbox = FixedClock(due_at - timedelta(seconds=1)), Outbox()
    desk = desk_of(engine, clock, {Provider.smtp: outbox})
    sent_by_then = []

    for step in (timedelta(0), timedelta(seconds=1), timedelta(hours=1)):
        clock.advance(step)
        work_off(engine, clock, desk)
        sent_by_then.append(len(outbox.messages))

    assert sent_by_then == [0, 1, 1]
    assert delivery.due_at == due_at


@pytest.mark.parametrize("outage", [timedelta(seconds=3), timedelta(hours=3), timedelta(days=3)], ids=str)
def test_after_an_outage_what_is_still_useful_is_sent_once_and_the_rest_expires(
    engine: Engine, session: Session, outage: timedelta
) -> None:
    uses = [timedelta(seconds=1), timedelta(hours=1), timedelta(days=2), timedelta(days=5)]
    deliveries = [due_once(session, DUE_AT, useful_for=use) for use in uses]
    clock, outbox = FixedClock(DUE_AT + outage), Outbox()
    desk = desk_of(engine, clock, {Provider.smtp: outbox})

    work_off(engine, clock, desk)
    clock.advance(timedelta(minutes=1))
    work_off(engine, clock, desk)

    session.expire_all()
    expected = [DeliveryState.sent if use > outage else DeliveryState.expired for use in uses]
    assert [each.state for each in session.scalars(select(Delivery).order_by(Delivery.useful_until))] == expected
    assert len(outbox.messages) == expected.count(DeliveryState.sent)
    ends = [story(session, each)[-1] for each, use in zip(deliveries, uses, strict=True) if use <= outage]
    assert ends == [("expired", "too_late")] * expected.count(DeliveryState.expired)


@pytest.mark.parametrize("step", [timedelta(hours=2), timedelta(hours=-2)], ids=str)
def test_a_wall_clock_that_is_set_makes_nothing_early_and_nothing_twice(
    engine: Engine, session: Session, step: timedelta
) -> None:
    now = DUE_AT + timedelta(hours=1)
    due_once(session, DUE_AT, useful_for=timedelta(days=1))
    later = due_once(session, now + timedelta(hours=3), useful_for=timedelta(days=1))
    clock, outbox = FixedClock(now), Outbox()
    desk = desk_of(engine, clock, {Provider.smtp: outbox})

    work_off(engine, clock, desk)
    clock.set_wall_clock(now + step)
    work_off(engine, clock, desk)

    session.expire_all()
    assert len(outbox.messages) == 1
    assert later.state is DeliveryState.pending


def due_once(session: Session, due_at: datetime, *, useful_for: timedelta) -> Delivery:
    """Store one delivery of its own clinic that is due then."""
    delivery = builders.due_delivery(session, builders.practice(session))
    delivery.due_at = delivery.next_attempt_at = due_at
    delivery.useful_until = due_at + useful_for
    session.commit()
    return delivery
