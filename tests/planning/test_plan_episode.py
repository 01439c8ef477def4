"""A plan becomes rows once, moves with its facts, and takes back what it no longer says."""

from datetime import UTC, date, datetime, time

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.care import Episode, Milestone, Restriction, Surgery
from models.people import Patient
from models.reminder import Decision, DecisionKind, Delivery, DeliveryState, Reminder
from models.report import Task, TaskKind, TaskState
from models.sync import SyncClock
from schedules.plan.vocabulary import CancelReason, EpisodeStatus, ReminderState, SurgeryStatus
from schedules.planning import Answer, plan_episode
from tests import builders

# The day after a surgery on 2026-02-23 in a New York clinic.
NOW = datetime(2026, 2, 24, 15, 0, tzinfo=UTC)
LATER = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)


def operated(session: Session, *, channels: tuple[str, ...] = ("email",), **changes: object) -> Surgery:
    patient = builders.patient(session, builders.practice(session), channels=list(channels))
    surgery = builders.surgery(session, builders.episode(session, patient, enrolled_at=NOW), dated_at=None, **changes)
    session.commit()
    return surgery


def plan(session: Session, surgery: Surgery, now: datetime = NOW) -> dict[str, Answer]:
    answers = plan_episode(session, surgery.practice_id, surgery.episode_id, now)
    session.commit()
    return answers


def milestone_of(session: Session, key: str) -> Milestone:
    return session.scalars(select(Milestone).where(Milestone.key == key)).one()


def reminder_of(session: Session, milestone_key: str, key: str) -> Reminder:
    query = select(Reminder).join(Milestone, Milestone.id == Reminder.milestone_id)
    return session.scalars(query.where(Milestone.key == milestone_key, Reminder.key == key)).one()


def deliveries_of(session: Session, reminder: Reminder) -> list[Delivery]:
    query = select(Delivery).where(Delivery.reminder_id == reminder.id).order_by(Delivery.generation, Delivery.step)
    return list(session.scalars(query))


def test_a_performed_surgery_gets_milestones_limits_and_reminders(session: Session) -> None:
    plan(session, operated(session))

    walking = milestone_of(session, "walk30")
    assert (walking.earliest_on, walking.target_on, walking.latest_on) == (
        date(2026, 3, 2),
        date(2026, 3, 9),
        date(2026, 3, 16),
    )
    assert walking.sources == ["S56", "S57"]
    goal = reminder_of(session, "walk30", "goal")
    assert goal.due_at == datetime(2026, 3, 9, 13, 0, tzinfo=UTC)  # 09:00 in New York, after the clocks changed
    assert [each.state for each in deliveries_of(session, goal)] == [DeliveryState.pending]
    pounds = select(Restriction.limit_lb).where(Restriction.kind == "lifting").order_by(Restriction.sequence)
    assert list(session.scalars(pounds)) == [10, 20, 35, 50]


def test_every_reminder_begins_with_a_decision(session: Session) -> None:
    plan(session, operated(session))

    kinds = {row.reminder_id: row.kind for row in session.execute(select(Decision.reminder_id, Decision.kind))}
    for reminder in session.scalars(select(Reminder)):
        goes = reminder.state is ReminderState.planned
        assert kinds[reminder.id] is (DecisionKind.planned if goes else DecisionKind.not_planned)


def test_planning_leaves_the_flush_and_the_clock_to_the_commit(session: Session) -> None:
    surgery = operated(session)
    before = session.scalar(select(SyncClock.revision).where(SyncClock.practice_id == surgery.practice_id))

    plan_episode(session, surgery.practice_id, surgery.episode_id, NOW)

    assert session.scalars(select(Milestone)).all() == []
    assert session.scalar(select(SyncClock.revision).where(SyncClock.practice_id == surgery.practice_id)) == before
    session.commit()
    revision = session.scalar(select(SyncClock.revision).where(SyncClock.practice_id == surgery.practice_id))
    assert revision == (before or 0) + 1
    assert set(session.scalars(select(Milestone.rev))) == {revision}


def test_planning_twice_changes_nothing(session: Session) -> None:
    surgery = operated(session)
    plan(session, surgery)
    before = session.scalars(select(SyncClock.revision)).one(), session.scalar(select(func.count(Decision.id)))

    plan(session, surgery, LATER)

    after = session.scalars(select(SyncClock.revision)).one(), session.scalar(select(func.count(Decision.id)))
    assert after == before


def test_without_a_date_the_plan_has_offsets_and_no_reminders(session: Session) -> None:
    plan(session, operated(session, surgery_on=None, status=SurgeryStatus.planned))

    walking = milestone_of(session, "walk30")
    assert (walking.target_days, walking.target_on) == (14, None)
    assert session.scalars(select(Reminder)).all() == []


def test_a_date_that_becomes_known_dates_the_same_rows(session: Session) -> None:
    surgery = operated(session, surgery_on=None, status=SurgeryStatus.planned)
    plan(session, surgery)
    undated = milestone_of(session, "walk30").id

    surgery.surgery_on = date(2026, 3, 10)
    plan(session, surgery, LATER)

    walking = milestone_of(session, "walk30")
    assert (walking.id, walking.target_on) == (undated, date(2026, 3, 24))
    assert surgery.dated_at == LATER
    assert reminder_of(session, "walk30", "goal").state is ReminderState.planned


def test_cancelling_the_surgery_cancels_its_plan_with_the_reason(session: Session) -> None:
    surgery = operated(session)
    plan(session, surgery)

    surgery.status = SurgeryStatus.cancelled
    answers = plan(session, surgery, LATER)

    assert milestone_of(session, "walk30").cancel_reason is CancelReason.surgery_cancelled
    goal = reminder_of(session, "walk30", "goal")
    assert (goal.state, goal.reason, answers[goal.id]) == (
        ReminderState.cancelled,
        "surgery_cancelled",
        Answer.effective,
    )
    assert [each.state for each in deliveries_of(session, goal)] == [DeliveryState.cancelled]


def test_travel_moves_the_message_and_not_the_medical_day(session: Session) -> None:
    surgery = operated(session)
    plan(session, surgery)
    patient = session.get_one(Patient, (surgery.practice_id, surgery.patient_id))

    patient.time_zone = "Pacific/Honolulu"
    plan(session, surgery, LATER)

    goal = reminder_of(session, "walk30", "goal")
    assert milestone_of(session, "walk30").target_on == date(2026, 3, 9)
    assert (goal.generation, goal.due_at) == (2, datetime(2026, 3, 9, 19, 0, tzinfo=UTC))
    assert [each.state for each in deliveries_of(session, goal)] == [DeliveryState.cancelled, DeliveryState.pending]


def test_what_was_sent_is_not_sent_again_after_travel(session: Session) -> None:
    surgery = operated(session)
    plan(session, surgery)
    goal = reminder_of(session, "walk30", "goal")
    deliveries_of(session, goal)[0].state = DeliveryState.sent
    session.commit()

    patient = session.get_one(Patient, (surgery.practice_id, surgery.patient_id))
    patient.time_zone = "Pacific/Honolulu"
    answers = plan(session, surgery, LATER)

    assert answers[goal.id] is Answer.already_sent
    assert [each.state for each in deliveries_of(session, goal)] == [DeliveryState.sent]


def test_quiet_hours_hold_a_message_until_they_end(session: Session) -> None:
    surgery = operated(session)
    patient = session.get_one(Patient, (surgery.practice_id, surgery.patient_id))
    patient.quiet_from, patient.quiet_until = time(21), time(11)

    plan(session, surgery)

    assert reminder_of(session, "walk30", "goal").due_at == datetime(2026, 3, 9, 15, 0, tzinfo=UTC)


def test_an_achieved_milestone_keeps_its_row_and_gets_no_new_reminder(session: Session) -> None:
    surgery = operated(session, surgery_on=None, status=SurgeryStatus.planned)
    plan(session, surgery)
    walking = milestone_of(session, "walk30")
    builders.progress(session, walking)
    session.commit()

    surgery.surgery_on = date(2026, 3, 10)
    plan(session, surgery, LATER)

    assert milestone_of(session, "walk30").target_on is None
    about_walking = select(Reminder).where(Reminder.milestone_id == walking.id)
    assert session.scalars(about_walking).all() == []


def test_nobody_is_reminded_in_a_closed_episode(session: Session) -> None:
    surgery = operated(session)
    plan(session, surgery)
    episode = session.get_one(Episode, (surgery.practice_id, surgery.episode_id))

    episode.status = EpisodeStatus.withdrawn
    plan(session, surgery, LATER)

    assert set(session.scalars(select(Delivery.state))) == {DeliveryState.cancelled}


def test_a_planned_surgery_whose_day_has_passed_asks_the_coordinator_once(session: Session) -> None:
    surgery = operated(session, status=SurgeryStatus.planned)
    plan(session, surgery)
    plan(session, surgery, LATER)

    asked = session.scalars(select(Task).where(Task.kind == TaskKind.confirm_surgery)).all()
    assert [(task.surgery_id, task.state, task.created_at) for task in asked] == [(surgery.id, TaskState.open, NOW)]


def test_the_answer_takes_the_question_back(session: Session) -> None:
    surgery = operated(session, status=SurgeryStatus.planned)
    plan(session, surgery)

    surgery.status = SurgeryStatus.performed
    plan(session, surgery, LATER)

    assert session.scalars(select(Task.state).where(Task.kind == TaskKind.confirm_surgery)).one() is TaskState.withdrawn


def test_a_surgery_on_the_clinics_present_day_is_not_asked_about_yet(session: Session) -> None:
    # 23:30 on the day of surgery in New York: the next day by UTC.
    operated_today = operated(session, status=SurgeryStatus.planned)
    plan(session, operated_today, datetime(2026, 2, 24, 4, 30, tzinfo=UTC))

    assert session.scalars(select(Task).where(Task.kind == TaskKind.confirm_surgery)).all() == []


def test_late_enrolment_asks_one_question_about_all_past_items(session: Session) -> None:
    surgery = operated(session)
    plan(session, surgery, datetime(2026, 4, 20, 15, 0, tzinfo=UTC))

    task = session.scalars(select(Task).where(Task.kind == TaskKind.past_items)).one()
    keys = {session.get_one(Milestone, (task.practice_id, each)).key for each in task.about["milestone_ids"]}
    assert {"drive", "opioid_stop", "incision", "blt_end"} <= keys
    assert not {"walk30", "shower", "prom_2wk", "driver_and_adult", "fasting"} & keys
    assert reminder_of(session, "drive", "ask").reason == "asked_coordinator"


def test_blank_instructions_before_surgery_become_a_task_for_the_clinic(session: Session) -> None:
    surgery = operated(session, surgery_on=date(2026, 4, 1), status=SurgeryStatus.planned)
    plan(session, surgery)

    slots = session.scalars(select(Task).where(Task.kind == TaskKind.fill_slot)).one()
    arrival = session.scalars(select(Task).where(Task.kind == TaskKind.arrival_time)).one()
    assert slots.about == {"milestone_keys": ["fasting", "medicines_pause", "medicines_restart", "skin_wash"]}
    assert (slots.due_on, arrival.state) == (date(2026, 3, 18), TaskState.open)


def test_two_stages_of_an_episode_have_their_own_items(session: Session) -> None:
    first = operated(session)
    episode = session.get_one(Episode, (first.practice_id, first.episode_id))
    builders.surgery(session, episode, stage=2, surgery_on=date(2026, 4, 6), dated_at=None, status="planned")
    session.commit()
    plan(session, first)

    walking = session.scalars(select(Milestone).where(Milestone.key == "walk30").order_by(Milestone.occurrence)).all()
    assert [(each.occurrence, each.target_on) for each in walking] == [(1, date(2026, 3, 9)), (2, date(2026, 4, 20))]
