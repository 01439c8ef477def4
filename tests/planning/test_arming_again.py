"""A reminder is armed again when its time moves or its cancellation falls away, and never while its message leaves."""

from datetime import UTC, date, datetime, time

from sqlalchemy import Connection, Engine, event, select
from sqlalchemy.orm import Session

from models.care import Episode, Surgery
from models.people import Patient
from models.reminder import Decision, DecisionKind, Delivery, DeliveryState, Reminder
from models.report import Task, TaskKind, TaskState
from schedules.plan.vocabulary import Channel, EpisodeStatus, ReminderOutcome, ReminderState, SurgeryStatus
from schedules.planning import Answer, withdraw
from tests import builders
from tests.planning.test_plan_episode import LATER, deliveries_of, operated, plan, reminder_of


def achieve(session: Session, reminder: Reminder) -> Answer:
    """Take the reminder back as a report does, and return the answer."""
    ids = [reminder.milestone_id]
    answers = withdraw(
        session, reminder.practice_id, reminder.patient_id, now=LATER, reason="achieved", milestone_ids=ids
    )
    session.commit()
    return answers[reminder.id]


def test_a_report_that_is_taken_back_arms_the_reminder_again(session: Session) -> None:
    surgery = operated(session)
    plan(session, surgery)
    goal = reminder_of(session, "walk30", "goal")
    assert achieve(session, goal) is Answer.effective

    plan(session, surgery, LATER)

    assert (goal.state, goal.generation, goal.reason) == (ReminderState.planned, 2, None)
    assert [each.state for each in deliveries_of(session, goal)] == [DeliveryState.cancelled, DeliveryState.pending]


def test_a_report_taken_back_while_the_message_leaves_sends_no_second_one(session: Session) -> None:
    surgery = operated(session)
    plan(session, surgery)
    goal = reminder_of(session, "walk30", "goal")
    delivery = deliveries_of(session, goal)[0]
    delivery.state, delivery.fence, delivery.attempts = DeliveryState.sending, 1, 1
    session.commit()
    assert achieve(session, goal) is Answer.in_flight

    plan(session, surgery, LATER)

    assert (goal.state, goal.generation, goal.reason) == (ReminderState.planned, 1, None)
    assert [each.state for each in deliveries_of(session, goal)] == [DeliveryState.sending]
    told = select(Decision.kind).where(Decision.reminder_id == goal.id).order_by(Decision.id)
    assert list(session.scalars(told)) == [DecisionKind.planned, DecisionKind.cancelled, DecisionKind.planned]


def test_quiet_hours_set_right_again_bring_the_reminders_back(session: Session) -> None:
    surgery = operated(session)
    patient = session.get_one(Patient, (surgery.practice_id, surgery.patient_id))
    patient.quiet_from, patient.quiet_until = time(0), time(23)
    plan(session, surgery)
    lost = set(session.scalars(select(Reminder.id).where(Reminder.reason == ReminderOutcome.quiet_past_useful)))
    assert lost

    patient.quiet_from, patient.quiet_until = time(22), time(7)
    plan(session, surgery, LATER)

    ahead = select(Reminder).where(Reminder.id.in_(lost), Reminder.useful_until > LATER)
    back = session.scalars(ahead).all()
    assert {(each.state, each.reason) for each in back} == {(ReminderState.planned, None)}
    assert [each.state for reminder in back for each in deliveries_of(session, reminder)] == (
        [DeliveryState.pending] * len(back)
    )


def test_what_found_no_channel_is_not_planned_again_by_planning_twice(session: Session) -> None:
    surgery = operated(session)
    plan(session, surgery)
    goal = reminder_of(session, "walk30", "goal")
    deliveries_of(session, goal)[0].state = DeliveryState.suppressed
    goal.state, goal.reason = ReminderState.suppressed, "no_channel"
    session.commit()

    plan(session, surgery, LATER)

    assert (goal.state, goal.generation) == (ReminderState.suppressed, 1)


def test_a_new_zone_reads_the_deliveries_once_however_many_reminders_move(session: Session, engine: Engine) -> None:
    surgery = operated(session)
    plan(session, surgery)
    locked: list[str] = []

    def note(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT") and "FROM delivery \n" in statement:
            locked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    session.get_one(Patient, (surgery.practice_id, surgery.patient_id)).time_zone = "Pacific/Honolulu"
    answers = plan(session, surgery, LATER)

    assert len(answers) > 10
    assert len(locked) == 1


def test_nothing_is_asked_about_a_patient_who_has_died(session: Session) -> None:
    surgery = operated(session, surgery_on=date(2026, 4, 1), status=SurgeryStatus.planned)
    plan(session, surgery)
    assert set(session.scalars(select(Task.state))) == {TaskState.open}
    session.get_one(Patient, (surgery.practice_id, surgery.patient_id)).died_on = date(2026, 2, 27)

    plan(session, surgery, LATER)
    plan(session, surgery, datetime(2026, 4, 5, 15, 0, tzinfo=UTC))

    assert set(session.scalars(select(Task.state))) == {TaskState.withdrawn}


def test_what_is_called_for_after_its_day_follows_its_past_policy(session: Session) -> None:
    surgery = operated(session)
    episode = session.get_one(Episode, (surgery.practice_id, surgery.episode_id))
    episode.status = EpisodeStatus.closed
    plan(session, surgery)
    resumed = datetime(2026, 4, 20, 15, 0, tzinfo=UTC)

    episode.status = EpisodeStatus.active
    plan(session, surgery, resumed)
    plan(session, surgery, resumed)

    assert min(session.scalars(select(Delivery.useful_until))) > resumed
    assert reminder_of(session, "drive", "ask").reason == ReminderOutcome.asked_coordinator
    task = session.scalars(select(Task).where(Task.kind == TaskKind.past_items)).one()
    assert reminder_of(session, "drive", "ask").milestone_id in task.about["milestone_ids"]


def sent_by_push(session: Session, surgery: Surgery) -> Reminder:
    """Return the walking goal, sent by push and shown as sent, with the step that waits for an answer."""
    plan(session, surgery)
    goal = reminder_of(session, "walk30", "goal")
    (delivery,) = deliveries_of(session, goal)
    delivery.state, delivery.channel, delivery.finished_at = DeliveryState.sent, Channel.push, goal.due_at
    builders.delivery(session, goal, id=f"{goal.id}.1.1", step=1, channel=None, after_silence=True)
    goal.state, goal.sent_at = ReminderState.sent, goal.due_at
    session.commit()
    return goal


ON_DAY_14 = datetime(2026, 3, 9, 15, 0, tzinfo=UTC)


def test_a_move_ahead_stops_the_repeat_and_sends_the_message_for_its_new_day(session: Session) -> None:
    surgery = operated(session)
    goal = sent_by_push(session, surgery)
    surgery.surgery_on = date(2026, 3, 2)

    answers = plan(session, surgery, ON_DAY_14)

    assert answers[goal.id] is Answer.already_sent
    assert (goal.state, goal.generation) == (ReminderState.planned, 2)
    assert [(each.state, each.reason, each.is_correction) for each in deliveries_of(session, goal)] == [
        (DeliveryState.sent, None, False),
        (DeliveryState.cancelled, "moved", False),
        (DeliveryState.pending, None, True),
    ]


def test_a_move_into_the_past_stops_the_repeat_and_leaves_what_was_sent(session: Session) -> None:
    surgery = operated(session)
    goal = sent_by_push(session, surgery)
    surgery.surgery_on = date(2026, 2, 22)

    answers = plan(session, surgery, ON_DAY_14)

    assert answers[goal.id] is Answer.already_sent
    assert (goal.state, goal.reason, goal.generation) == (ReminderState.sent, None, 1)
    assert [(each.state, each.reason) for each in deliveries_of(session, goal)] == [
        (DeliveryState.sent, None),
        (DeliveryState.cancelled, "moved"),
    ]


def test_planning_again_without_a_change_leaves_the_repeat_waiting(session: Session) -> None:
    surgery = operated(session)
    goal = sent_by_push(session, surgery)

    plan(session, surgery, ON_DAY_14)

    assert [each.state for each in deliveries_of(session, goal)] == [DeliveryState.sent, DeliveryState.pending]


def test_what_is_planned_says_how_urgent_it_is(session: Session) -> None:
    surgery = operated(session, surgery_on=date(2026, 4, 1), status=SurgeryStatus.planned)

    plan(session, surgery)

    def urgencies(milestone_key: str, key: str) -> list[int]:
        return [each.urgency for each in deliveries_of(session, reminder_of(session, milestone_key, key))]

    assert urgencies("health_check", "d3") == [1]
    assert urgencies("walk30", "goal") == [2]
