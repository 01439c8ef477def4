"""A backlog at a provider that takes few messages a second drains at that pace; what loses its use in it expires."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.reminder import Delivery, DeliveryAttempt, DeliveryState
from schedules.delivery.deliver import Desk
from schedules.delivery.flow import Pace
from schedules.plan.urgency import Urgency
from schedules.plan.vocabulary import Provider, ReminderState
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import settings_for
from tests.failpoints import running_worker
from tests.worker.desks import Outbox, desk_of
from tests.worker.peers import mail_server
from tests.worker.rounds import work_off
from tests.worker.rows import shown_count, story, wait_until

SECOND = timedelta(seconds=1)
MANY, A_SECOND = 30, 5.0


class Line:
    """A clinic with due messages, and a sender that hands its provider one a second."""

    def __init__(self, engine: Engine, session: Session, clock: FixedClock) -> None:
        self.engine, self.session, self.clock = engine, session, clock
        self.clinic = builders.practice(session)
        self.outbox = Outbox()
        self.start_sender()

    def start_sender(self) -> None:
        desk = desk_of(self.engine, self.clock, {Provider.smtp: self.outbox})
        self.desk: Desk = replace(desk, pace=Pace({Provider.smtp: 1.0}))

    def add(self, count: int, *, useful_for: timedelta = timedelta(days=1), **columns: object) -> list[Delivery]:
        """Store so many messages that are due now, each to a patient of its own."""
        rows = [builders.due_delivery(self.session, self.clinic) for _ in range(count)]
        for row in rows:
            row.due_at = row.next_attempt_at = self.clock.now()
            row.useful_until = self.clock.now() + useful_for
            for name, value in columns.items():
                setattr(row, name, value)
        self.session.commit()
        return rows

    def sent_each_second(self, seconds: int) -> list[int]:
        """Work for so many seconds and return how many messages went out in each."""
        counts = []
        for _ in range(seconds):
            before = len(self.outbox.messages)
            work_off(self.engine, self.clock, self.desk)
            counts.append(len(self.outbox.messages) - before)
            self.clock.advance(SECOND)
        self.session.expire_all()
        return counts


@pytest.fixture
def line(engine: Engine, session: Session, clock: FixedClock) -> Line:
    return Line(engine, session, clock)


def test_a_backlog_drains_at_the_providers_pace_and_not_slower(line: Line) -> None:
    line.add(10)

    assert line.sent_each_second(12) == [1] * 10 + [0, 0]


def test_what_loses_its_use_in_the_line_expires_with_the_reason_and_the_rest_goes(line: Line) -> None:
    short, long = line.add(6, useful_for=3 * SECOND), line.add(2)

    counts = line.sent_each_second(10)

    assert sum(counts) == max(counts) * 5 == 5
    ends = Counter((each.state, each.reason) for each in short)
    assert ends == {(DeliveryState.sent, None): 3, (DeliveryState.expired, "provider_pace"): 3}
    assert {each.state for each in long} == {DeliveryState.sent}
    late = next(each for each in short if each.state is DeliveryState.expired)
    assert story(line.session, late) == [("held", "provider_pace"), ("expired", "provider_pace")]


def test_what_expires_in_the_line_keeps_no_place_in_it(line: Line) -> None:
    line.add(60, useful_for=3 * SECOND)
    line.sent_each_second(4)

    line.add(2)

    assert line.sent_each_second(2) == [1, 1]


def test_an_urgent_correction_does_not_wait_in_the_line(line: Line) -> None:
    line.add(10)
    line.sent_each_second(1)

    (urgent,) = line.add(1, urgency=Urgency.urgent)
    line.sent_each_second(1)

    assert urgent.state is DeliveryState.sent


def test_after_an_outage_the_line_does_not_go_out_all_at_once(line: Line) -> None:
    line.add(10)
    line.sent_each_second(2)
    line.clock.advance(timedelta(hours=1))  # no worker runs

    line.start_sender()

    assert line.sent_each_second(9) == [1] * 8 + [0]


@pytest.mark.slow
def test_real_workers_hand_a_provider_what_it_takes_a_second_until_nothing_is_left(
    engine: Engine, session: Session, database_url: str
) -> None:
    clinic = builders.practice(session)
    for _ in range(MANY):
        builders.due_delivery(session, clinic)
    session.commit()

    with mail_server() as peer:
        paces = {"provider_paces": (("smtp", A_SECOND),), "sender_processes": 2, "poll_seconds": 0.1}
        settings = settings_for(database_url, smtp_port=peer.port, **paces)
        with running_worker(settings, now=MONDAY_AFTERNOON):
            wait_until(lambda: shown_count(engine, ReminderState.sent) == MANY)

    begun = session.scalars(select(DeliveryAttempt.started_at).order_by(DeliveryAttempt.started_at)).all()
    after = [(each - begun[0]) / SECOND for each in begun]
    assert len(peer.mails) == len(begun) == MANY
    # Each of two senders may hand over one at once, and two of those whose time is half a second ahead.
    assert all(seconds >= (number - 5) / A_SECOND for number, seconds in enumerate(after))
