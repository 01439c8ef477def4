"""A government changes the rules of a zone after messages were planned (T06): what waits keeps its wall time."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from models.audit import ActorKind, AuditEntry
from models.engine import begin_reads, make_session_factory
from models.people import Patient
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState, Reminder
from schedules import jobs
from schedules.jobs.zones import REPLANNED_AT_ONCE
from schedules.plan.vocabulary import Channel, Provider, ReminderState, SurgeryStatus
from schedules.planning.rebuild import equals_its_rebuild
from schedules.planning.reminders import arm_again
from schedules.planning.zone_rules import Place, look_at_times
from tests import builders
from tests.clock import FixedClock
from tests.database import service_engine_of, settings_for
from tests.failpoints import running_worker
from tests.planning.test_plan_episode import NOW, deliveries_of, operated, plan, reminder_of
from tests.worker.desks import Outbox, claim_all, deliver, desk_of, lapse, pass_now
from tests.worker.rounds import work_off
from tests.worker.rows import story, wait_until
from tests.worker.test_rescheduled import silence_all_but
from tests.zones import ZoneData, zone_data

HOUR = timedelta(hours=1)
NEW_YORK, WINTER_TIME, SUMMER_TIME = "America/New_York", "America/Panama", "America/Puerto_Rico"
# The goal of walking, on day 14, a day after the clocks change: 09:00 in New York by the rules of old, and by new ones.
DUE_AT, DUE_IN_WINTER_TIME = datetime(2026, 3, 9, 13, 0, tzinfo=UTC), datetime(2026, 3, 9, 14, 0, tzinfo=UTC)


@pytest.fixture
def zones(tmp_path: Path) -> Iterator[ZoneData]:
    with zone_data(tmp_path / "zones") as data:
        yield data


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    return make_session_factory(service_engine_of(engine))


def replan(make_session: sessionmaker[Session], session: Session, now: datetime = NOW) -> None:
    """Have a worker that has just started look at everything."""
    session.commit()
    so_far = jobs.ZoneRound()
    while so_far.next_at is None or so_far.practice_ids or so_far.misplaced:
        jobs.replan_by_zone_rules(make_session, now, so_far)
    session.expire_all()


def due_ats(session: Session) -> dict[str, datetime]:
    """Return when each message is due that waits."""
    waiting = select(Reminder.id, Reminder.due_at).where(Reminder.state == ReminderState.planned)
    return {row.id: row.due_at for row in session.execute(waiting)}


def wall_times(due_ats: dict[str, datetime], zone: str = NEW_YORK) -> dict[str, datetime]:
    """Return by the present rules what a clock shows when each message is due."""
    return {each: due_at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for each, due_at in due_ats.items()}


@pytest.mark.parametrize("rules", [WINTER_TIME, SUMMER_TIME], ids=["winter time for good", "summer time for good"])
def test_what_waits_keeps_its_wall_time_by_new_rules(
    session: Session, make_session: sessionmaker[Session], zones: ZoneData, rules: str
) -> None:
    plan(session, operated(session))
    before = due_ats(session)
    promised = wall_times(before)

    zones.give(NEW_YORK, the_rules_of=rules)
    replan(make_session, session)

    after = due_ats(session)
    moved = [each for each in before if before[each] != after[each]]
    assert wall_times(after) == promised
    assert 0 < len(moved) < len(before)


def test_a_message_is_sent_once_at_its_wall_time_by_the_new_rules(
    engine: Engine, session: Session, make_session: sessionmaker[Session], zones: ZoneData
) -> None:
    plan(session, operated(session))
    goal = reminder_of(session, "walk30", "goal")
    silence_all_but(session, goal)
    clock, outbox = FixedClock(DUE_AT), Outbox()
    desk = desk_of(engine, clock, {Provider.smtp: outbox})

    zones.give(NEW_YORK, the_rules_of=WINTER_TIME)
    replan(make_session, session)
    silence_all_but(session, goal)
    sent_by_then = []
    for step in (timedelta(0), HOUR, HOUR):
        clock.advance(step)
        work_off(engine, clock, desk)
        replan(make_session, session, clock.now())
        sent_by_then.append(len(outbox.messages))

    assert sent_by_then == [0, 1, 1]
    assert [each.state for each in deliveries_of(session, goal)] == [DeliveryState.cancelled, DeliveryState.sent]
    assert story(session, deliveries_of(session, goal)[1])[:3] == [
        ("planned", None), ("cancelled", "moved"), ("planned", None),
    ]  # fmt: skip


def test_a_message_whose_time_is_past_by_the_new_rules_goes_out_at_once_and_once(
    engine: Engine, session: Session, make_session: sessionmaker[Session], zones: ZoneData
) -> None:
    plan(session, operated(session))
    first = reminder_of(session, "walk30", "encourage")
    silence_all_but(session, first)
    clock, outbox = FixedClock(first.due_at - HOUR / 2), Outbox()
    desk = desk_of(engine, clock, {Provider.smtp: outbox})

    zones.give(NEW_YORK, the_rules_of=SUMMER_TIME)  # by which it was due half an hour ago
    replan(make_session, session, clock.now())
    silence_all_but(session, first)
    work_off(engine, clock, desk)
    clock.advance(HOUR)
    work_off(engine, clock, desk)

    assert len(outbox.messages) == 1


def test_a_message_that_was_due_already_waits_for_its_wall_time_by_the_new_rules(
    engine: Engine, session: Session, make_session: sessionmaker[Session], zones: ZoneData
) -> None:
    plan(session, operated(session))
    goal = reminder_of(session, "walk30", "goal")
    silence_all_but(session, goal)
    clock, outbox = FixedClock(DUE_AT + HOUR / 2), Outbox()  # no worker was there in time
    desk = desk_of(engine, clock, {Provider.smtp: outbox})
    sent_by_then = []

    zones.give(NEW_YORK, the_rules_of=WINTER_TIME)
    replan(make_session, session, clock.now())
    silence_all_but(session, goal)
    for _ in range(2):
        work_off(engine, clock, desk)
        sent_by_then.append(len(outbox.messages))
        clock.advance(HOUR / 2)

    assert sent_by_then == [0, 1]


def test_what_a_patient_put_off_comes_when_they_asked_for_it(
    session: Session, make_session: sessionmaker[Session], zones: ZoneData
) -> None:
    plan(session, operated(session))
    goal = reminder_of(session, "walk30", "goal")
    (first,) = deliveries_of(session, goal)
    first.state, first.finished_at = DeliveryState.sent, DUE_AT
    arm_again(session, goal, due_at=DUE_AT + 3 * HOUR, now=DUE_AT)

    zones.give(NEW_YORK, the_rules_of=WINTER_TIME)
    replan(make_session, session, DUE_AT)

    assert reminder_of(session, "blt_end", "ask").generation == 2
    again = deliveries_of(session, goal)[-1]
    assert (again.generation, again.state, again.due_at) == (2, DeliveryState.pending, DUE_AT + 3 * HOUR)


def test_where_planning_again_would_change_nothing_nothing_is_written(
    session: Session, make_session: sessionmaker[Session], zones: ZoneData
) -> None:
    plan(session, operated(session))
    goal = reminder_of(session, "walk30", "goal")
    silence_all_but(session, goal)
    (lost,) = deliveries_of(session, goal)
    attempt = DeliveryAttempt(practice_id=lost.practice_id, delivery_id=lost.id, fence=1, channel=Channel.email)
    attempt.started_at = attempt.ended_at = DUE_AT
    lost.fence, lost.attempts, attempt.outcome = 1, 1, AttemptOutcome.unknown
    session.add(attempt)

    zones.give(NEW_YORK, the_rules_of=WINTER_TIME)
    replan(make_session, session, DUE_AT)

    assert session.scalars(select(AuditEntry)).all() == []
    assert [(each.state, each.due_at) for each in deliveries_of(session, goal)] == [(DeliveryState.pending, DUE_AT)]


def test_a_message_that_no_plan_would_make_is_left_as_it_is(
    session: Session, make_session: sessionmaker[Session], zones: ZoneData
) -> None:
    delivery = builders.due_delivery(session, builders.practice(session))

    zones.give(NEW_YORK, the_rules_of=SUMMER_TIME)
    replan(make_session, session)

    assert [each.id for each in session.scalars(select(Delivery))] == [delivery.id]
    assert delivery.state is DeliveryState.pending


@pytest.mark.parametrize("how_far", ["sending", "sent"])
def test_what_has_left_or_is_on_its_way_does_not_come_again(
    engine: Engine, session: Session, make_session: sessionmaker[Session], zones: ZoneData, how_far: str
) -> None:
    plan(session, operated(session))
    goal, later = reminder_of(session, "walk30", "goal"), reminder_of(session, "blt_end", "ask")
    silence_all_but(session, goal, later)
    clock, outbox = FixedClock(DUE_AT), Outbox()
    desk = desk_of(engine, clock, {Provider.smtp: outbox})
    (claim,) = claim_all(session, clock)
    permits = [pass_now(session, claim, clock.now())] if how_far == "sending" else []
    if how_far == "sent":
        deliver(desk, claim)

    zones.give(NEW_YORK, the_rules_of=WINTER_TIME)
    replan(make_session, session, clock.now())
    silence_all_but(session, goal, later)
    lapse(session, clock)
    clock.advance(2 * HOUR)
    work_off(engine, clock, desk)

    assert later.generation == 2
    # Of the one that was on its way nobody knows what became: it comes once more under its own key.
    assert len(outbox.messages) == 1
    assert [each.state for each in deliveries_of(session, goal)] == [DeliveryState.sent]
    assert len(permits) == (how_far == "sending")


def test_what_is_of_use_until_the_day_of_surgery_follows_the_clinics_zone(
    session: Session, make_session: sessionmaker[Session], zones: ZoneData
) -> None:
    surgery = operated(session, surgery_on=date(2026, 3, 20), status=SurgeryStatus.planned)
    patient = session.get_one(Patient, (surgery.practice_id, surgery.patient_id))
    patient.time_zone = "Pacific/Honolulu"
    plan(session, surgery)
    call = reminder_of(session, "health_check", "d1")
    before = call.due_at, call.useful_until

    zones.give(NEW_YORK, the_rules_of=WINTER_TIME)
    replan(make_session, session)

    midnight = datetime(2026, 3, 20, 4, 0, tzinfo=UTC)
    assert before == (call.due_at, midnight)
    assert call.useful_until == deliveries_of(session, call)[-1].useful_until == midnight + HOUR


def test_quiet_hours_end_by_the_new_rules(
    session: Session, make_session: sessionmaker[Session], zones: ZoneData
) -> None:
    surgery = operated(session)
    patient = session.get_one(Patient, (surgery.practice_id, surgery.patient_id))
    patient.quiet_from, patient.quiet_until = time(21, 0), time(9, 30)
    plan(session, surgery)
    goal = reminder_of(session, "walk30", "goal")
    half_past = goal.due_at

    zones.give(NEW_YORK, the_rules_of=WINTER_TIME)
    replan(make_session, session)

    assert half_past == DUE_AT + HOUR / 2
    assert goal.due_at == half_past + HOUR


@pytest.mark.parametrize("known_on", [date(2026, 2, 24), date(2026, 4, 20)], ids=["in time", "late"])
def test_nothing_waits_for_a_wrong_instant_by_the_rules_that_it_was_planned_by(
    session: Session, known_on: date
) -> None:
    surgery = operated(session)
    now = datetime.combine(known_on, time(15, 0), tzinfo=UTC)
    plan(session, surgery, now)

    look = look_at_times(session, surgery.practice_id, after=None, most=1000)

    waiting = session.scalars(select(Delivery).where(Delivery.state == DeliveryState.pending)).all()
    assert len(waiting) > 5
    assert (look.misplaced, look.through) == ((), None)


def test_a_look_goes_on_where_the_last_one_ended_and_takes_first_what_is_claimed_first(session: Session) -> None:
    surgery = operated(session)
    plan(session, surgery)
    query = select(Delivery).where(Delivery.state == DeliveryState.pending)
    waiting = session.scalars(query.order_by(Delivery.urgency, Delivery.due_at, Delivery.id)).all()

    seen: list[Place] = []
    for _ in waiting:
        after = seen[-1] if seen else None
        through = look_at_times(session, surgery.practice_id, after=after, most=1).through
        seen += [] if through is None else [through]
    end = look_at_times(session, surgery.practice_id, after=seen[-1], most=1)

    assert [each.delivery_id for each in seen] == [each.id for each in waiting]
    assert end.through is None


def test_a_round_rests_for_a_day_and_then_sees_rules_that_changed_meanwhile(
    session: Session, make_session: sessionmaker[Session], zones: ZoneData
) -> None:
    plan(session, operated(session))
    so_far, due = jobs.ZoneRound(), []

    jobs.replan_by_zone_rules(make_session, NOW, so_far)
    zones.give(NEW_YORK, the_rules_of=WINTER_TIME)
    for later in (timedelta(hours=23), timedelta(hours=24)):
        jobs.replan_by_zone_rules(make_session, NOW + later, so_far)
        session.expire_all()
        due.append(reminder_of(session, "walk30", "goal").due_at)
        session.rollback()

    assert due == [DUE_AT, DUE_IN_WINTER_TIME]


def test_a_turn_plans_a_bounded_number_of_episodes_again(
    session: Session, make_session: sessionmaker[Session], zones: ZoneData
) -> None:
    clinic = builders.practice(session)
    for _ in range(REPLANNED_AT_ONCE + 1):
        episode = builders.episode(session, builders.patient(session, clinic))
        surgery = builders.surgery(session, episode)
        session.commit()
        plan(session, surgery)
    zones.give(NEW_YORK, the_rules_of=WINTER_TIME)
    so_far, counts = jobs.ZoneRound(), []

    for _ in range(2):
        jobs.replan_by_zone_rules(make_session, NOW, so_far)
        counts.append(len(session.scalars(select(AuditEntry)).all()))
        session.rollback()

    assert counts == [REPLANNED_AT_ONCE, REPLANNED_AT_ONCE + 1]


def test_every_practice_gets_its_turn_and_one_that_cannot_be_planned_holds_up_no_other(
    session: Session, make_session: sessionmaker[Session], zones: ZoneData
) -> None:
    surgeries = [operated(session) for _ in range(3)]
    for surgery in surgeries:
        plan(session, surgery)
    surgeries[0].protocol_version = 99
    session.commit()

    zones.give(NEW_YORK, the_rules_of=WINTER_TIME)
    replan(make_session, session)

    goals = select(Reminder).where(Reminder.key == "goal", Reminder.due_at == DUE_IN_WINTER_TIME)
    assert {row.practice_id for row in session.scalars(goals)} == {each.practice_id for each in surgeries[1:]}


def test_a_plan_that_is_made_again_stands_in_the_audit_trail_once(
    session: Session, make_session: sessionmaker[Session], zones: ZoneData
) -> None:
    surgery = operated(session)
    plan(session, surgery)
    zones.give(NEW_YORK, the_rules_of=WINTER_TIME)

    for _ in range(2):
        replan(make_session, session)

    (entry,) = session.scalars(select(AuditEntry)).all()
    assert (entry.actor_kind, entry.route) == (ActorKind.worker, "job replan_by_zone_rules")
    assert entry.about == {"episode_id": surgery.episode_id}
    assert equals_its_rebuild(session, surgery.practice_id, surgery.episode_id, NOW)


def test_a_worker_that_starts_after_the_rules_changed_plans_by_the_new_ones(
    engine: Engine, session: Session, database_url: str, zones: ZoneData
) -> None:
    zones.give(NEW_YORK, the_rules_of=WINTER_TIME)  # here they are the old ones: the worker reads the machine's own
    ZoneInfo.clear_cache()
    plan(session, operated(session))
    goal = reminder_of(session, "walk30", "goal")
    planned_for = goal.due_at
    session.commit()

    with running_worker(settings_for(database_url, poll_seconds=0.1, sender_processes=1), now=NOW):
        wait_until(lambda: due_at_of(engine, goal) != planned_for)

    assert planned_for == DUE_IN_WINTER_TIME
    assert due_at_of(engine, goal) == DUE_AT


def due_at_of(engine: Engine, reminder: Reminder) -> datetime:
    with Session(engine) as session:
        begin_reads(session)
        return session.get_one(Reminder, (reminder.practice_id, reminder.id)).due_at
