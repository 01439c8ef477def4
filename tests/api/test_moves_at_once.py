"""Moves that meet each other, a worker that sends, and a fault at any statement: all of one, nothing of the rest."""

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models import Delivery, Reminder, Surgery
from models.change import PlanChange
from models.engine import begin_reads, make_session_factory
from models.reminder import OPEN_STATES, AttemptOutcome, DeliveryAttempt, DeliveryState
from schedules.delivery.deliver import Desk
from schedules.plan.diff import ItemChange, MessageChange
from schedules.plan.vocabulary import Provider
from schedules.planning import diff_episode
from service.db import db
from tests.api.conftest import Caller, Clinic, as_staff
from tests.api.test_moves import apply, dry_run, moved, planned
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.faults import InterruptedAtStatementError, interrupt_everywhere
from tests.planning.snapshots import everything, rows_of
from tests.worker.desks import Outbox, claim_all, deliver, desk_of

MOVERS, MOVES_EACH = 5, 4
BEGUN_ON = date(2026, 2, 10)
REFUSED_FOR_NOW = (409, 503)


def test_of_two_coordinators_who_saw_the_same_state_one_wins(
    app: Flask, session: Session, engine: Engine, clinic: Clinic
) -> None:
    surgery = planned(session, clinic)
    callers = [as_staff(app, session, clinic.coordinator) for _ in range(2)]
    days = [date(2026, 3, 23), date(2026, 3, 30)]
    tokens = [dry_run(caller, surgery, moved(day)).json["token"] for caller, day in zip(callers, days, strict=True)]

    with ThreadPoolExecutor(2) as threads:
        sent = [threads.submit(apply, caller, surgery, token) for caller, token in zip(callers, tokens, strict=True)]
        answers = [each.result() for each in sent]

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    won = next(day for day, answer in zip(days, answers, strict=True) if answer.status_code == 200)
    with make_session_factory(engine)() as after:
        assert after.get_one(Surgery, (surgery.practice_id, surgery.id)).surgery_on == won


def test_one_token_sent_twice_at_once_moves_once(app: Flask, session: Session, clinic: Clinic) -> None:
    surgery = planned(session, clinic)
    callers = [as_staff(app, session, clinic.coordinator) for _ in range(2)]
    token = dry_run(callers[0], surgery, moved()).json["token"]

    with ThreadPoolExecutor(2) as threads:
        sent = [threads.submit(apply, caller, surgery, token) for caller in callers]
        first, second = (each.result() for each in sent)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json == second.json
    assert len(session.scalars(select(PlanChange)).all()) == 1


def test_a_move_over_http_interrupted_at_every_statement_leaves_all_or_nothing(
    app: Flask, session: Session, engine: Engine, clinic: Clinic, coordinator: Caller
) -> None:
    surgery = planned(session, clinic)
    token = dry_run(coordinator, surgery, moved()).json["token"]
    before = _stored(engine)

    def move() -> None:
        if apply(coordinator, surgery, token).status_code != 200:
            raise InterruptedAtStatementError

    def assert_untouched() -> None:
        assert _stored(engine) == before

    with app.app_context():
        of_the_app = db.engine
    statements = interrupt_everywhere(of_the_app, move, assert_untouched)

    assert statements > 20
    assert _stored(engine) != before


@pytest.mark.slow
def test_twenty_moves_while_a_worker_sends_leave_one_generation_and_no_stale_message(
    app: Flask, session: Session, engine: Engine, clinic: Clinic, clock: FixedClock
) -> None:
    outbox = Outbox()
    desk = desk_of(engine, clock, {Provider.smtp: outbox})
    callers = [as_staff(app, session, clinic.coordinator) for _ in range(MOVERS)]

    with ThreadPoolExecutor(MOVERS) as threads:
        moves = [threads.submit(_move_about, caller, clinic, number) for number, caller in enumerate(callers)]
        while not all(each.done() for each in moves):
            _send_due(engine, clock, desk)
        applied = _results(moves)
    _send_due(engine, clock, desk)

    assert len(applied) == MOVERS * MOVES_EACH
    with make_session_factory(engine)() as after:
        _check(after, clinic, outbox)


def _stored(engine: Engine) -> dict[str, Any]:
    with make_session_factory(engine)() as session:
        begin_reads(session)
        return everything(session) | {"plan_change": rows_of(session, PlanChange)}


def _move_about(caller: Caller, clinic: Clinic, number: int) -> list[dict[str, str]]:
    """Correct the date of surgery several times, each time until it is applied. Return the answers of each."""
    days = [BEGUN_ON + timedelta(days=number + MOVERS * turn) for turn in range(MOVES_EACH)]
    return [_move_to(caller, clinic, day) for day in days]


def _move_to(caller: Caller, clinic: Clinic, day: date) -> dict[str, str]:
    while True:
        answer = dry_run(caller, clinic.surgery, moved(day), reason="entry_corrected")
        if answer.status_code == 200:
            answer = apply(caller, clinic.surgery, answer.json["token"])
        if answer.status_code == 200:
            return {each["reminder_id"]: each["answer"] for each in answer.json["answers"]}
        assert answer.status_code in REFUSED_FOR_NOW


def _results(moves: list[Future[list[dict[str, str]]]]) -> list[dict[str, str]]:
    return [answers for each in moves for answers in each.result()]


def _send_due(engine: Engine, clock: FixedClock, desk: Desk) -> None:
    with suppress(OperationalError), make_session_factory(engine)() as session:
        for claim in claim_all(session, clock, limit=3):
            deliver(desk, claim)


def _check(session: Session, clinic: Clinic, outbox: Outbox) -> None:
    begin_reads(session)
    reminders = {row.id: row for row in session.scalars(select(Reminder).filter_by(episode_id=clinic.episode.id))}
    rows = session.scalars(select(Delivery).where(Delivery.reminder_id.in_(reminders))).all()
    attempts = session.scalars(select(DeliveryAttempt).where(DeliveryAttempt.delivery_id.in_([row.id for row in rows])))
    accepted = Counter(each.delivery_id for each in attempts if each.outcome is AttemptOutcome.accepted)

    _check_one_generation(reminders, rows)
    # Every message left for a delivery that was never taken back, once, and never twice for one time.
    assert set(accepted.values()) <= {1}
    assert {row.id for row in rows if row.state is DeliveryState.sent} == set(accepted)
    assert len({message.key for message in outbox.messages}) == len(outbox.messages) >= len(accepted) > 0
    sent_for = Counter((row.reminder_id, row.due_at) for row in rows if row.id in accepted)
    assert set(sent_for.values()) == {1}
    # The stored plan is the plan of the last date.
    diff = diff_episode(session, clinic.id, clinic.episode.id, [], MONDAY_AFTERNOON)
    assert {each.change for each in diff.milestones} == {ItemChange.unchanged}
    assert {each.change for each in diff.restrictions} == {ItemChange.unchanged}
    assert {each.change for each in diff.reminders} <= {MessageChange.unchanged, MessageChange.already_sent}
    assert len(session.scalars(select(Surgery).filter_by(id=clinic.surgery.id)).one().former_dates) >= MOVES_EACH


def _check_one_generation(reminders: dict[str, Reminder], rows: Any) -> None:
    of_reminder = Counter(row.reminder_id for row in rows if row.state in OPEN_STATES)
    assert set(of_reminder.values()) <= {1}
    for row in rows:
        reminder = reminders[row.reminder_id]
        if row.state in OPEN_STATES:
            assert (row.generation, row.due_at) == (reminder.generation, reminder.due_at)
        assert row.generation <= reminder.generation
