"""The clinic's rhythm becomes messages and calls, once each; a change follows from the next day on."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.care import Episode, Milestone, Surgery
from models.practice import Practice
from models.reminder import Delivery, DeliveryState, Reminder
from models.report import Task, TaskKind, TaskState
from schedules.plan.check_ins import (
    DEFAULT_RHYTHM,
    NO_RHYTHM,
    RhythmHistory,
    RhythmVersion,
    read_history,
    write_history,
)
from schedules.plan.vocabulary import EpisodeStatus, ReminderState, Setting, SurgeryStatus
from schedules.planning import plan_episode
from schedules.planning.rebuild import equals_its_rebuild
from tests import builders

# A surgery on Monday 2026-02-23 in New York; it became known and was planned three days before.
KNOWN_AT = datetime(2026, 2, 20, 15, 0, tzinfo=UTC)
LONG_AGO = date(2026, 1, 1)
RHYTHMS = RhythmHistory((RhythmVersion(1, LONG_AGO, DEFAULT_RHYTHM),))


def operated(session: Session, *, rhythms: RhythmHistory = RHYTHMS, **changes: object) -> Surgery:
    clinic = builders.practice(session, check_in_rhythms=write_history(rhythms) or None, closed_on=["2026-02-26"])
    episode = builders.episode(session, builders.patient(session, clinic), enrolled_at=KNOWN_AT)
    surgery = builders.surgery(session, episode, dated_at=None, **changes)
    session.commit()
    return surgery


def plan(session: Session, surgery: Surgery, now: datetime = KNOWN_AT) -> None:
    plan_episode(session, surgery.practice_id, surgery.episode_id, now)
    session.commit()


def asked(session: Session) -> list[Reminder]:
    query = select(Reminder).join(Milestone, Milestone.id == Reminder.milestone_id)
    return list(session.scalars(query.where(Milestone.key == "check_in").order_by(Reminder.due_at)))


def calls(session: Session) -> list[tuple[date | None, TaskState]]:
    session.expire_all()
    rows = session.scalars(select(Task).where(Task.kind == TaskKind.recovery_call).order_by(Task.id)).all()
    return sorted((row.due_on, row.state) for row in rows if row.due_on is not None)


def set_rhythm(session: Session, surgery: Surgery, **changes: Any) -> None:
    clinic = session.get_one(Practice, surgery.practice_id)
    history = read_history(clinic.check_in_rhythms)
    today = date(2026, 2, 27)
    clinic.check_in_rhythms = write_history(history.changed(replace(DEFAULT_RHYTHM, **changes), today))
    session.commit()


def test_a_rhythm_gives_messages_and_calls_once(session: Session) -> None:
    surgery = operated(session)
    plan(session, surgery)
    plan(session, surgery, KNOWN_AT + timedelta(days=1))

    rows = asked(session)
    assert [(row.key, row.repeat) for row in rows][:5] == [*(("red_flags", day) for day in range(4)), ("due", 4)]
    assert (len(rows), {row.generation for row in rows}, {row.state for row in rows}) == (
        29,
        {1},
        {ReminderState.planned},
    )
    assert rows[0].due_at == datetime(2026, 2, 23, 22, 0, tzinfo=UTC)  # 17:00 in New York
    # Day 3 is Thursday 26 February, on which the clinic is closed.
    assert calls(session) == [(date(2026, 2, 24), TaskState.open), (date(2026, 2, 27), TaskState.open)]
    assert equals_its_rebuild(session, surgery.practice_id, surgery.episode_id, KNOWN_AT)


def test_a_clinic_without_a_rhythm_asks_for_nothing(session: Session) -> None:
    plan(session, operated(session, rhythms=NO_RHYTHM))

    assert (asked(session), calls(session)) == ([], [])


def test_a_change_follows_from_the_next_day_on_and_repeats_nothing(session: Session) -> None:
    surgery = operated(session)
    plan(session, surgery)
    for row in asked(session)[:5]:  # to Friday 27 February, day 4
        row.state, row.sent_at = ReminderState.sent, row.due_at
        (step,) = session.scalars(select(Delivery).where(Delivery.reminder_id == row.id))
        step.state, step.finished_at, step.attempts = DeliveryState.sent, row.due_at, 1
    session.commit()
    at = datetime(2026, 2, 27, 23, 0, tzinfo=UTC)

    weekly = DEFAULT_RHYTHM.phases[2]
    set_rhythm(session, surgery, phases=(weekly,), call_days=(2, 10))
    plan(session, surgery, at)

    rows = asked(session)
    assert [row.repeat for row in rows if row.state is ReminderState.sent] == [0, 1, 2, 3, 4]
    assert [row.repeat for row in rows if row.state is ReminderState.planned] == list(range(7, 85, 7))
    gone = [row for row in rows if row.state is ReminderState.cancelled]
    assert ({row.reason for row in gone}, len(gone)) == ({"not_in_plan"}, 29 - 5 - 12)
    assert {row.generation for row in rows} == {1}
    # The call of Tuesday was not made and stays, Friday's is today's; day 10 is the Thursday after.
    assert calls(session) == [
        (date(2026, 2, 24), TaskState.open),
        (date(2026, 2, 27), TaskState.open),
        (date(2026, 3, 5), TaskState.open),
    ]
    assert equals_its_rebuild(session, surgery.practice_id, surgery.episode_id, at)


def test_calls_move_with_the_surgery_and_one_that_was_made_is_asked_for_again(session: Session) -> None:
    surgery = operated(session, status=SurgeryStatus.planned)
    plan(session, surgery)
    for task in session.scalars(select(Task).where(Task.kind == TaskKind.recovery_call)):
        if task.due_on == date(2026, 2, 24):
            task.state, task.done_at = TaskState.done, KNOWN_AT
    surgery.surgery_on = date(2026, 3, 6)  # a Friday: day 1 and 3 are Saturday and Monday
    session.commit()
    plan(session, surgery)

    # Both fall on Monday: it is one call.
    assert [each for each in calls(session) if each[1] is TaskState.open] == [(date(2026, 3, 9), TaskState.open)]

    surgery.surgery_on = date(2026, 3, 2)
    session.commit()
    plan(session, surgery)

    assert calls(session) == [(date(2026, 3, 3), TaskState.open), (date(2026, 3, 5), TaskState.open)]
    assert len(session.scalars(select(Task).where(Task.kind == TaskKind.recovery_call)).all()) == 2


def test_calls_are_taken_back_with_the_surgery_and_with_the_episode(session: Session) -> None:
    surgery = operated(session, status=SurgeryStatus.planned)
    plan(session, surgery)
    surgery.status = SurgeryStatus.cancelled
    session.commit()
    plan(session, surgery)
    assert {state for _, state in calls(session)} == {TaskState.withdrawn}

    surgery.status = SurgeryStatus.performed
    session.commit()
    plan(session, surgery)
    assert {state for _, state in calls(session)} == {TaskState.open}

    session.get_one(Episode, (surgery.practice_id, surgery.episode_id)).status = EpisodeStatus.closed
    session.commit()
    plan(session, surgery)
    assert {state for _, state in calls(session)} == {TaskState.withdrawn}


def test_nobody_is_called_who_is_known_to_be_in_hospital_nor_long_after(session: Session) -> None:
    surgery = operated(session, setting=Setting.inpatient)
    plan(session, surgery)
    surgery.discharged_on = date(2026, 2, 25)
    session.commit()
    plan(session, surgery, datetime(2026, 2, 25, 15, 0, tzinfo=UTC))
    assert calls(session) == [(date(2026, 2, 24), TaskState.withdrawn), (date(2026, 2, 27), TaskState.open)]

    late = operated(session)
    plan(session, late, datetime(2026, 3, 20, 15, 0, tzinfo=UTC))
    assert session.scalars(select(Task.id).where(Task.episode_id == late.episode_id)).all() != []
    assert len(calls(session)) == 2


def test_two_surgeries_of_one_day_have_one_call_a_day(session: Session) -> None:
    surgery = operated(session)
    episode = session.get_one(Episode, (surgery.practice_id, surgery.episode_id))
    builders.surgery(session, episode, stage=2, dated_at=None)
    session.commit()
    plan(session, surgery)

    assert [due_on for due_on, _ in calls(session)] == [date(2026, 2, 24), date(2026, 2, 27)]
    sent = [row.scheduled_on for row in asked(session) if row.state is ReminderState.planned]
    assert len(sent) == len(set(sent)) == 29
