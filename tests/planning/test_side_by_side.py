"""Overlapping episodes of one patient: each shared item is said once, and never by nobody."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.care import Episode, Milestone, Surgery
from models.people import Patient
from models.reminder import Delivery, DeliveryState, Reminder
from schedules.plan.vocabulary import EpisodeStatus, ReminderOutcome, ReminderState
from schedules.planning import Answer, diff_episode
from tests import builders
from tests.planning.test_plan_episode import LATER, NOW, deliveries_of, operated, plan

A_WEEK_AFTER = date(2026, 3, 2)


def second_episode(session: Session, surgery: Surgery, **changes: object) -> Surgery:
    """Store a surgery of the same kind in another episode of the patient, a week later."""
    patient = session.get_one(Patient, (surgery.practice_id, surgery.patient_id))
    episode = builders.episode(session, patient, enrolled_at=NOW)
    other = builders.surgery(session, episode, **({"dated_at": None, "surgery_on": A_WEEK_AFTER} | changes))
    session.commit()
    return other


def goal_of(session: Session, surgery: Surgery) -> Reminder:
    query = select(Reminder).join(Milestone, Milestone.id == Reminder.milestone_id)
    return session.scalars(
        query.where(Reminder.episode_id == surgery.episode_id, Milestone.key == "walk30", Reminder.key == "goal")
    ).one()


def walking_of(session: Session, surgery: Surgery) -> Milestone:
    return session.scalars(select(Milestone).filter_by(episode_id=surgery.episode_id, key="walk30")).one()


def test_the_later_episode_speaks_and_the_earlier_falls_silent_at_once(session: Session) -> None:
    first = operated(session)
    plan(session, first)
    second = second_episode(session, first)

    answers = plan(session, second, LATER)

    silent, spoken = goal_of(session, first), goal_of(session, second)
    assert (silent.state, silent.reason) == (ReminderState.cancelled, ReminderOutcome.said_elsewhere)
    assert [each.state for each in deliveries_of(session, silent)] == [DeliveryState.cancelled]
    assert answers[silent.id] is Answer.effective
    assert (spoken.state, spoken.scheduled_on) == (ReminderState.planned, date(2026, 3, 16))


def test_of_no_shared_item_do_two_messages_wait(session: Session) -> None:
    first = operated(session)
    plan(session, first)
    plan(session, second_episode(session, first), LATER)

    waiting = session.execute(
        select(Milestone.key, Reminder.key, Milestone.earliest_on, Milestone.latest_on)
        .join(Reminder, Reminder.milestone_id == Milestone.id)
        .where(Reminder.state == ReminderState.planned, Milestone.latest_on.is_not(None))
    ).all()

    times: dict[tuple[str, str], list[Any]] = {}
    for key, reminder_key, first_on, last_on in waiting:
        times.setdefault((key, reminder_key), []).append((first_on, last_on))
    assert len(times) > 10
    for spans in times.values():
        assert all(before[1] < after[0] for before, after in pairwise(sorted(spans)))


def test_planning_either_of_them_again_changes_nothing(session: Session) -> None:
    first = operated(session)
    plan(session, first)
    second = second_episode(session, first)
    plan(session, second, LATER)
    before = {row.id: (row.rev, row.state) for row in session.scalars(select(Reminder))}

    plan(session, first, LATER)
    plan(session, second, LATER)

    assert {row.id: (row.rev, row.state) for row in session.scalars(select(Reminder))} == before


def test_whichever_is_planned_first_the_same_one_speaks(session: Session) -> None:
    first = operated(session)
    second = second_episode(session, first)

    plan(session, second)
    plan(session, first)

    assert goal_of(session, first).reason == ReminderOutcome.said_elsewhere
    assert goal_of(session, second).state is ReminderState.planned


def test_when_the_speaking_episode_ends_the_other_speaks_again(session: Session) -> None:
    first = operated(session)
    plan(session, first)
    second = second_episode(session, first)
    plan(session, second, LATER)
    session.get_one(Episode, (second.practice_id, second.episode_id)).status = EpisodeStatus.closed

    plan(session, second, LATER)

    again = goal_of(session, first)
    assert (again.state, again.reason, again.generation) == (ReminderState.planned, None, 2)
    assert [each.state for each in deliveries_of(session, again)] == [DeliveryState.cancelled, DeliveryState.pending]
    assert goal_of(session, second).state is ReminderState.cancelled


def test_when_the_speaking_item_is_complete_the_other_speaks_again(session: Session) -> None:
    first = operated(session)
    plan(session, first)
    second = second_episode(session, first)
    plan(session, second, LATER)
    builders.progress(session, walking_of(session, second), achieved_on=A_WEEK_AFTER)
    session.commit()

    plan(session, second, LATER)

    assert goal_of(session, first).state is ReminderState.planned


def test_a_move_out_of_each_others_way_lets_both_speak(session: Session) -> None:
    first = operated(session)
    plan(session, first)
    second = second_episode(session, first)
    plan(session, second, LATER)

    second.surgery_on = A_WEEK_AFTER + timedelta(days=60)
    plan(session, second, LATER)

    assert {goal_of(session, each).state for each in (first, second)} == {ReminderState.planned}


def test_a_dry_run_tells_what_the_other_episode_says_from_then_on(session: Session) -> None:
    first = operated(session)
    plan(session, first)
    second = second_episode(session, first, surgery_on=None)
    plan(session, second, LATER)
    second.surgery_on = A_WEEK_AFTER

    told = diff_episode(session, second.practice_id, second.episode_id, [], LATER)

    silenced = next(each for each in told.reminders if each.id == goal_of(session, first).id)
    assert (silenced.reason, silenced.answer) == (ReminderOutcome.said_elsewhere, Answer.effective)


def test_what_was_said_stays_said(session: Session) -> None:
    first = operated(session)
    plan(session, first)
    goal = goal_of(session, first)
    goal.state, deliveries_of(session, goal)[0].state = ReminderState.sent, DeliveryState.sent
    session.commit()

    plan(session, second_episode(session, first), LATER)

    assert goal.state is ReminderState.sent
    assert session.scalars(select(Delivery.state).filter_by(reminder_id=goal.id)).one() is DeliveryState.sent
