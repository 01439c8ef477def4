"""The nightly self-audit: a clinic after a week of honest work is clean, and each broken promise is found."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.orm import Session, sessionmaker

from config import Settings
from models import (
    AuditEntry,
    AuditMark,
    Delivery,
    DeliveryAttempt,
    Episode,
    Milestone,
    Reminder,
    Restriction,
    SelfAudit,
)
from models.engine import make_session_factory
from models.isolation import in_practice
from models.people import Patient
from models.reminder import OPEN_STATES, AttemptOutcome, DecisionKind, DeliveryState
from models.watch import Invariant
from schedules import jobs
from schedules.plan.vocabulary import Provider, ReminderState
from schedules.planning import plan_episode
from schedules.planning.story import step_of, tell
from schedules.watch.self_audit import Audit, audit_practice, record_audit
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import Databases, engines_of, service_engine_of
from tests.owner import Owner
from tests.worker.desks import Outbox, claim_all, deliver, desk_of

PRACTICE = "practice-watched"
OVERDUE_AFTER = timedelta(seconds=45)
LATER = MONDAY_AFTERNOON + timedelta(minutes=5)
Prepared = Callable[[str], str]


@pytest.fixture(scope="module")
def prepared(databases: Databases) -> Iterator[Prepared]:
    """Yield the URL of a clinic's database of each kind: plans made, what was due sent by the worker's own steps."""
    with ExitStack() as stack:
        urls: dict[str, str] = {}

        def prepare(kind: str) -> str:
            if kind not in urls:
                urls[kind] = stack.enter_context(databases.migrated(kind))
                with engines_of(databases, urls[kind]) as engine:
                    _work_for_a_week(engine)
            return urls[kind]

        yield prepare


def _work_for_a_week(engine: Engine) -> None:
    make_session, outbox = make_session_factory(service_engine_of(engine)), Outbox()
    with make_session_factory(engine)() as session:
        practice = builders.practice(session, id=PRACTICE)
        episodes = [builders.episode(session, builders.patient(session, practice)) for _ in range(2)]
        for episode in episodes:
            builders.surgery(session, episode)
        session.commit()
        for episode in episodes:
            plan_episode(session, PRACTICE, episode.id, builders.ENROLLED_AT)
            session.commit()
    clock = FixedClock(builders.ENROLLED_AT)
    while clock.now() < MONDAY_AFTERNOON:
        clock.advance(timedelta(hours=6))
        with make_session_factory(engine)() as session:
            claims = claim_all(session, clock)
        deliver(desk_of(engine, clock, {Provider.smtp: outbox}), *claims)
    jobs.publish(make_session)
    jobs.seal_audit(make_session, MONDAY_AFTERNOON)
    assert outbox.messages


@pytest.fixture
def database_url(databases: Databases, database_kind: str, prepared: Prepared) -> Iterator[str]:
    """Yield a copy of the prepared clinic's database."""
    with databases.copy_of(prepared(database_kind)) as url:
        yield url


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    return make_session_factory(service_engine_of(engine))


def audit(make_session: sessionmaker[Session]) -> Audit:
    return audit_practice(make_session, PRACTICE, clock=FixedClock(LATER), now=LATER, overdue_after=OVERDUE_AFTER)


def test_a_clinic_after_a_week_of_honest_work_is_clean(make_session: sessionmaker[Session]) -> None:
    found = audit(make_session)

    assert {each.invariant: each.violations for each in found.findings} == dict.fromkeys(Invariant, 0)
    checked = {each.invariant: each.checked for each in found.findings}
    assert checked.pop(Invariant.nothing_due_left_unsent) == 0
    assert all(checked.values())
    assert checked[Invariant.every_plan_equals_its_rebuild] == 2


def sent(session: Session) -> Delivery:
    query = select(Delivery).where(Delivery.state == DeliveryState.sent).order_by(Delivery.due_at, Delivery.id)
    return session.scalars(query.limit(1)).one()


def waiting(session: Session) -> Delivery:
    query = select(Delivery).where(Delivery.state.in_(OPEN_STATES)).order_by(Delivery.id)
    return session.scalars(query.limit(1)).one()


def of_reminder(session: Session, delivery: Delivery) -> Reminder:
    return session.get_one(Reminder, (PRACTICE, delivery.reminder_id))


def start(session: Session, delivery: Delivery, after_due: timedelta) -> None:
    """Put the beginning of the delivery's request so long after its due time."""
    began = update(DeliveryAttempt).where(DeliveryAttempt.delivery_id == delivery.id)
    session.execute(began.values(started_at=delivery.due_at + after_due))


def accept_again(session: Session, delivery: Delivery, *, fence: int) -> None:
    session.execute(
        insert(DeliveryAttempt).values(
            practice_id=PRACTICE,
            delivery_id=delivery.id,
            fence=fence,
            channel="email",
            started_at=MONDAY_AFTERNOON,
            outcome=AttemptOutcome.accepted,
        )
    )


def send_after_the_milestone_was_achieved(session: Session) -> str:
    delivery = sent(session)
    milestone = session.get_one(Milestone, (PRACTICE, of_reminder(session, delivery).milestone_id))
    builders.progress(session, milestone, reported_at=delivery.due_at - timedelta(hours=1))
    return delivery.subject_id


def send_after_the_milestone_was_cancelled(session: Session) -> str:
    delivery = sent(session)
    milestone = session.get_one(Milestone, (PRACTICE, of_reminder(session, delivery).milestone_id))
    milestone.cancelled_at = delivery.due_at - timedelta(hours=1)
    return delivery.subject_id


def send_after_the_reminder_was_withdrawn(session: Session) -> str:
    delivery = sent(session)
    query = select(DeliveryAttempt.started_at).where(DeliveryAttempt.delivery_id == delivery.id)
    withdrawn_at = session.scalars(query).one() - timedelta(minutes=2)
    tell(session, step_of(delivery), DecisionKind.cancelled, now=withdrawn_at)
    return delivery.subject_id


def send_before_it_is_due(session: Session) -> str:
    delivery = sent(session)
    start(session, delivery, timedelta(seconds=-1))
    return delivery.subject_id


def send_when_it_is_of_no_more_use(session: Session) -> str:
    delivery = sent(session)
    start(session, delivery, delivery.useful_until - delivery.due_at)
    return delivery.subject_id


def send_in_quiet_hours(session: Session) -> str:
    delivery = sent(session)
    start(session, delivery, timedelta(hours=14))  # in the night
    patient = session.get_one(Patient, (PRACTICE, delivery.patient_id))
    for name, value in builders.QUIET_NIGHT.items():
        setattr(patient, name, value)
    return delivery.subject_id


def send_one_generation_twice(session: Session) -> str:
    delivery = sent(session)
    accept_again(session, delivery, fence=delivery.fence + 1)
    return delivery.subject_id


def send_one_due_time_twice(session: Session) -> str:
    delivery = sent(session)
    again = Delivery(practice_id=PRACTICE, id="again", patient_id=delivery.patient_id, reminder_id=delivery.reminder_id)
    again.generation, again.step, again.state, again.published = delivery.generation + 1, 0, DeliveryState.sent, True
    again.due_at = again.next_attempt_at = delivery.due_at
    again.useful_until, again.target = delivery.useful_until, b"another"
    session.add(again)
    session.flush()
    accept_again(session, again, fence=1)
    return delivery.subject_id


def leave_something_due(session: Session) -> str:
    delivery = waiting(session)
    delivery.next_attempt_at = LATER - OVERDUE_AFTER
    return delivery.subject_id


def lose_a_delivery(session: Session) -> str:
    delivery = waiting(session)
    delivery.state, delivery.published = DeliveryState.cancelled, True
    of_reminder(session, delivery).due_at = LATER - OVERDUE_AFTER
    return delivery.subject_id


def change_a_milestone(session: Session) -> str:
    query = select(Milestone).where(Milestone.key == "drive").order_by(Milestone.id)
    milestone = session.scalars(query.limit(1)).one()
    assert milestone.target_on is not None
    milestone.target_on += timedelta(days=1)
    return milestone.episode_id


def change_a_limit(session: Session) -> str:
    limit = session.scalars(select(Restriction).where(Restriction.limit_lb.is_not(None)).limit(1)).one()
    limit.limit_lb = 500
    return limit.episode_id


def supersede_what_was_achieved(session: Session) -> str:
    query = select(Milestone).where(Milestone.key == "mobilise").order_by(Milestone.id)
    milestone = session.scalars(query.limit(1)).one()
    builders.progress(session, milestone)
    milestone.superseded_on, milestone.superseded_by = date(2026, 3, 1), 2
    return milestone.episode_id


def lose_a_reminder(session: Session) -> str:
    reminder = of_reminder(session, waiting(session))
    reminder.state, reminder.reason = ReminderState.cancelled, "withdrawn"
    return reminder.episode_id


def break_the_protocol_of_a_surgery(session: Session) -> str:
    episode = session.scalars(select(Episode).order_by(Episode.id).limit(1)).one()
    surgery = builders.surgery(session, episode, stage=2, protocol_id="UNKNOWN", status="performed")
    return surgery.episode_id


def plan_a_reminder_again_without_its_delivery(session: Session) -> str:
    reminder = of_reminder(session, waiting(session))
    reminder.generation += 1
    return reminder.id


def cancel_a_reminder_without_its_delivery(session: Session) -> str:
    reminder = of_reminder(session, waiting(session))
    reminder.state = ReminderState.cancelled
    return reminder.id


def change_an_entry_of_the_audit_trail(session: Session) -> str:
    entry_id = session.scalars(select(AuditEntry.id).order_by(AuditEntry.id).limit(1)).one()
    owner = Owner(session.connection())
    owner.practice_id = PRACTICE
    owner.does("UPDATE audit_entry SET route = 'nothing' WHERE practice_id = :practice AND id = :id", id=entry_id)
    return entry_id


BROKEN = [
    (send_after_the_milestone_was_achieved, Invariant.nothing_sent_after_its_end),
    (send_after_the_milestone_was_cancelled, Invariant.nothing_sent_after_its_end),
    (send_after_the_reminder_was_withdrawn, Invariant.nothing_sent_after_its_end),
    (send_before_it_is_due, Invariant.nothing_sent_at_a_wrong_time),
    (send_when_it_is_of_no_more_use, Invariant.nothing_sent_at_a_wrong_time),
    (send_in_quiet_hours, Invariant.nothing_sent_at_a_wrong_time),
    (send_one_generation_twice, Invariant.nothing_sent_twice),
    (send_one_due_time_twice, Invariant.nothing_sent_twice),
    (leave_something_due, Invariant.nothing_due_left_unsent),
    (lose_a_delivery, Invariant.nothing_due_left_unsent),
    (change_a_milestone, Invariant.every_plan_equals_its_rebuild),
    (change_a_limit, Invariant.every_plan_equals_its_rebuild),
    (supersede_what_was_achieved, Invariant.every_plan_equals_its_rebuild),
    (lose_a_reminder, Invariant.every_plan_equals_its_rebuild),
    (break_the_protocol_of_a_surgery, Invariant.every_plan_equals_its_rebuild),
    (plan_a_reminder_again_without_its_delivery, Invariant.every_open_delivery_has_its_reminder),
    (cancel_a_reminder_without_its_delivery, Invariant.every_open_delivery_has_its_reminder),
    (change_an_entry_of_the_audit_trail, Invariant.audit_trail_is_unbroken),
]


@pytest.mark.parametrize(("plant", "invariant"), BROKEN, ids=[plant.__name__ for plant, _ in BROKEN])
def test_a_broken_promise_is_found(
    session: Session, make_session: sessionmaker[Session], plant: Callable[[Session], str], invariant: Invariant
) -> None:
    planted = plant(session)
    session.commit()

    found = {each.invariant: each for each in audit(make_session).findings}

    assert found[invariant].examples == [planted]
    assert found[invariant].violations >= 1


def test_what_was_planned_just_now_for_a_time_already_past_is_not_unsent(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    delivery = waiting(session)
    delivery.next_attempt_at = MONDAY_AFTERNOON
    tell(session, step_of(delivery), DecisionKind.planned, now=LATER - timedelta(seconds=10))
    session.commit()

    found = {each.invariant: each for each in audit(make_session).findings}

    assert found[Invariant.nothing_due_left_unsent].violations == 0


def test_what_is_on_its_way_outlives_its_reminder(session: Session, make_session: sessionmaker[Session]) -> None:
    delivery = waiting(session)
    delivery.state = DeliveryState.sending
    accept_again(session, delivery, fence=1)
    of_reminder(session, delivery).state = ReminderState.cancelled
    session.commit()

    found = {each.invariant: each for each in audit(make_session).findings}

    assert found[Invariant.every_open_delivery_has_its_reminder].violations == 0


def test_sends_are_audited_once_and_of_several_workers_one_audits_a_night(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    clock = FixedClock(LATER)

    for _ in range(2):
        jobs.self_audit(make_session, clock=clock, now=LATER, overdue_after=OVERDUE_AFTER)

    rows = session.scalars(select(SelfAudit)).all()
    mark = session.get_one(AuditMark, PRACTICE)
    session.rollback()
    again = {each.invariant: each.checked for each in audit(make_session).findings}
    assert sorted(row.invariant for row in rows) == sorted(Invariant)
    assert {row.ran_at for row in rows} == {LATER}
    assert mark.audited_until == LATER - timedelta(seconds=60)
    assert again[Invariant.nothing_sent_twice] == again[Invariant.nothing_sent_after_its_end] == 0
    assert again[Invariant.every_plan_equals_its_rebuild] == 2
    assert (mark.proved_link > 0, again[Invariant.audit_trail_is_unbroken]) == (True, 0)


def test_the_nights_process_logs_counts_alone(
    session: Session, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    planted = change_a_limit(session)
    session.commit()
    caplog.set_level(logging.INFO)

    jobs.audit_night(settings, FixedClock(LATER), lambda _session, clock: clock.now())

    told = [(line.levelname, line.getMessage()) for line in caplog.records if line.name.startswith("schedules")]
    broken = f"self-audit every_plan_equals_its_rebuild of {PRACTICE}: 2 looked at, 1 broken"
    assert len(told) == len(Invariant)
    assert [text for level, text in told if level == "ERROR"] == [broken]
    assert planted not in caplog.text


def test_at_most_ten_examples_are_kept(session: Session, make_session: sessionmaker[Session]) -> None:
    waiting_ones = session.scalars(select(Delivery).where(Delivery.state.in_(OPEN_STATES)).limit(12)).all()
    for delivery in waiting_ones:
        delivery.next_attempt_at = LATER - OVERDUE_AFTER
    session.commit()

    found = audit(make_session)
    with in_practice(make_session, PRACTICE) as writing:
        record_audit(writing, PRACTICE, found, LATER)

    query = select(SelfAudit).where(SelfAudit.invariant == Invariant.nothing_due_left_unsent)
    row = session.scalars(query).one()
    assert (row.checked, row.violations, len(row.examples)) == (12, 12, 10)
