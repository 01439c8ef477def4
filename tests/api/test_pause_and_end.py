"""Pause and resume, death, withdrawal, transfer, the end of care: everything stops with its reason, and may go on."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Decision, Delivery, Episode, Patient, Reminder, Surgery, Task
from models.reminder import DecisionKind, DeliveryState
from models.report import TaskKind, TaskState
from schedules.delivery.book import Claim
from schedules.plan.vocabulary import EpisodeStatus, Procedure, ReminderState, SurgeryStatus
from schedules.planning import plan_episode
from tests import builders
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.worker.desks import claim_all, pass_now

MilestoneId = Callable[[str], str]
ENDS = ["closed", "died", "withdrawn", "transferred"]
NEXT_MONDAY = datetime(2026, 3, 9, 15, 0, tzinfo=UTC)


@pytest.fixture
def ahead(session: Session, clinic: Clinic) -> Surgery:
    """Return a second stage of the clinic's patient that is planned for April, with its questions."""
    surgery = builders.surgery(
        session,
        clinic.episode,
        stage=2,
        procedure=Procedure.tlif,
        surgery_on=date(2026, 4, 20),
        status=SurgeryStatus.planned,
        dated_at=MONDAY_AFTERNOON,
    )
    plan_episode(session, clinic.id, clinic.episode.id, MONDAY_AFTERNOON)
    session.commit()
    return surgery


def states(look: Look, episode: Episode) -> set[ReminderState]:
    return {row.state for row in look(Reminder, practice_id=episode.practice_id, episode_id=episode.id)}


def open_tasks(look: Look, clinic: Clinic) -> list[Task]:
    return look(Task, practice_id=clinic.id, patient_id=clinic.patient.id, state=TaskState.open)


def second_episode(session: Session, clinic: Clinic) -> Episode:
    """Add another course of care of the same patient, for another part of the spine."""
    patient = session.get_one(Patient, (clinic.id, clinic.patient.id))
    episode = builders.episode(session, patient)
    builders.surgery(session, episode, surgery_on=date(2026, 3, 1))
    plan_episode(session, clinic.id, episode.id, MONDAY_AFTERNOON)
    session.commit()
    return episode


@pytest.mark.usefixtures("ahead")
@pytest.mark.parametrize("status", ENDS)
def test_an_end_takes_back_messages_and_questions_and_says_why(
    coordinator: Caller, clinic: Clinic, look: Look, status: str
) -> None:
    before = open_tasks(look, clinic)

    coordinator.amend(f"/episodes/{clinic.episode.id}", {"status": status})

    rows = look(Reminder, episode_id=clinic.episode.id, state=ReminderState.cancelled)
    cancelled = [row for row in rows if row.reason != "merged"]  # with the second stage, before the end
    told = {row.reminder_id: row.reason for row in look(Decision, kind=DecisionKind.cancelled)}
    open_ones = look(Delivery, practice_id=clinic.id, patient_id=clinic.patient.id, state=DeliveryState.pending)
    assert before
    assert cancelled
    assert {told[row.id] for row in cancelled} == {row.reason for row in cancelled} == {status}
    assert open_ones == []
    assert open_tasks(look, clinic) == []


@pytest.mark.parametrize(("status", "is_made"), [("withdrawn", True), ("transferred", True), ("died", False)])
def test_a_promised_call_is_made_unless_the_patient_died(
    coordinator: Caller, session: Session, clinic: Clinic, look: Look, status: str, *, is_made: bool
) -> None:
    whose = {"practice_id": clinic.id, "patient_id": clinic.patient.id, "episode_id": clinic.episode.id}
    session.add(Task(id="call", kind=TaskKind.call_patient, created_at=MONDAY_AFTERNOON, about={}, **whose))
    session.commit()

    coordinator.amend(f"/episodes/{clinic.episode.id}", {"status": status})

    assert [task.id for task in open_tasks(look, clinic)] == (["call"] if is_made else [])


@pytest.mark.usefixtures("ahead")
@pytest.mark.parametrize("status", ENDS)
def test_an_ended_episode_that_is_opened_again_is_planned_as_before(
    coordinator: Caller, clinic: Clinic, look: Look, status: str
) -> None:
    def waiting() -> set[tuple[str, datetime]]:
        rows = look(Reminder, episode_id=clinic.episode.id, state=ReminderState.planned)
        return {(row.id, row.due_at) for row in rows}

    path, before, asked = f"/episodes/{clinic.episode.id}", waiting(), {task.id for task in open_tasks(look, clinic)}

    coordinator.amend(path, {"status": status})
    coordinator.amend(path, {"status": "active"})

    assert waiting() == before
    assert {task.id for task in open_tasks(look, clinic)} == asked


def test_what_became_stale_in_the_meantime_is_not_planned_again(
    coordinator: Caller, clinic: Clinic, look: Look, clock: FixedClock, milestone_id: MilestoneId
) -> None:
    path = f"/episodes/{clinic.episode.id}"
    coordinator.amend(path, {"status": "withdrawn"})
    clock.set_wall_clock(datetime(2026, 3, 16, 15, 0, tzinfo=UTC))  # POD 21, the last day for walking

    coordinator.amend(path, {"status": "active"})

    walking = {row.key: row.state for row in look(Reminder, milestone_id=milestone_id("walk30"))}
    sitting = {row.key: row.state for row in look(Reminder, milestone_id=milestone_id("sit60"))}
    assert set(walking.values()) == {ReminderState.cancelled}
    assert sitting == {"goal": ReminderState.planned}


def test_nothing_that_was_sent_is_sent_again_after_a_reopening(
    coordinator: Caller, session: Session, clinic: Clinic, look: Look
) -> None:
    row = session.scalars(select(Delivery).where(Delivery.patient_id == clinic.patient.id)).first()
    assert row is not None
    row.state, reminder_id = DeliveryState.sent, row.reminder_id
    session.get_one(Reminder, (row.practice_id, reminder_id)).state = ReminderState.sent
    session.commit()
    path = f"/episodes/{clinic.episode.id}"

    coordinator.amend(path, {"status": "closed"})
    coordinator.amend(path, {"status": "active"})

    deliveries = look(Delivery, reminder_id=reminder_id)
    assert [each.state for each in deliveries] == [DeliveryState.sent]


def test_a_death_in_one_episode_ends_the_others_too(
    coordinator: Caller, session: Session, clinic: Clinic, look: Look
) -> None:
    other = second_episode(session, clinic)

    coordinator.amend(f"/episodes/{clinic.episode.id}", {"status": "died"})

    (stored,) = look(Episode, id=other.id)
    assert stored.status is EpisodeStatus.died
    assert ReminderState.planned not in states(look, other)


@pytest.mark.parametrize("status", ["closed", "withdrawn", "transferred"])
def test_another_end_leaves_the_other_episode_and_what_it_now_says_alone(
    coordinator: Caller, session: Session, clinic: Clinic, look: Look, status: str
) -> None:
    other = second_episode(session, clinic)
    silent = {row.id for row in look(Reminder, episode_id=clinic.episode.id, reason="said_elsewhere")}

    coordinator.amend(f"/episodes/{other.id}", {"status": status})

    (stored,) = look(Episode, id=clinic.episode.id)
    waiting = {row.id for row in look(Reminder, episode_id=clinic.episode.id, state=ReminderState.planned)}
    assert stored.status is EpisodeStatus.active
    assert silent
    assert silent <= waiting


def test_a_death_stops_every_episode_and_every_question_of_the_patient(
    coordinator: Caller, session: Session, clinic: Clinic, look: Look, ahead: Surgery
) -> None:
    other = second_episode(session, clinic)

    coordinator.amend(f"/patients/{clinic.patient.id}", {"died_on": "2026-03-01"})

    assert ReminderState.planned not in states(look, clinic.episode) | states(look, other)
    assert open_tasks(look, clinic) == []
    assert look(Delivery, patient_id=clinic.patient.id, state=DeliveryState.pending) == []
    assert ReminderState.planned in states(look, clinic.other_episode)
    assert ahead.patient_id == clinic.patient.id


def test_a_death_that_was_an_error_is_undone(coordinator: Caller, clinic: Clinic, look: Look) -> None:
    path = f"/patients/{clinic.patient.id}"
    coordinator.amend(path, {"died_on": "2026-03-01"})

    coordinator.amend(path, {"died_on": None})

    assert ReminderState.planned in states(look, clinic.episode)


@pytest.mark.parametrize(
    ("path", "pause", "resume", "reason"),
    [
        ("patients", {"reminders_paused_at": "2026-03-02T15:00:00Z"}, {"reminders_paused_at": None}, "paused"),
        ("episodes", {"status": "paused"}, {"status": "active"}, "episode_paused"),
    ],
)
def test_a_pause_holds_and_a_resumption_lets_go_what_is_still_useful(
    coordinator: Caller,
    session: Session,
    clinic: Clinic,
    look: Look,
    path: str,
    pause: dict[str, str],
    resume: dict[str, str | None],
    reason: str,
) -> None:
    url = f"/{path}/{(clinic.patient if path == 'patients' else clinic.episode).id}"
    coordinator.amend(url, pause)
    goal = _due_on_next_monday(session, clinic)

    held = pass_now(session, _claim_of(session, goal, NEXT_MONDAY), NEXT_MONDAY)
    told = {(row.kind, row.reason) for row in look(Decision, reminder_id=goal.reminder_id)}
    coordinator.amend(url, resume)
    later = datetime(2026, 3, 9, 16, 0, tzinfo=UTC)
    sent = pass_now(session, _claim_of(session, goal, later), later)

    assert held is None
    assert (DecisionKind.held, reason) in told
    assert sent is not None


@pytest.mark.parametrize("body", [{"status": "paused"}])
def test_a_pause_that_outlasts_a_message_lets_it_expire_with_the_reason(
    coordinator: Caller, session: Session, clinic: Clinic, look: Look, body: dict[str, str]
) -> None:
    coordinator.amend(f"/episodes/{clinic.episode.id}", body)
    goal = _due_on_next_monday(session, clinic)
    too_late = datetime(2026, 3, 12, 13, 0, tzinfo=UTC)  # 72 hours after nine o'clock of the 9th

    pass_now(session, _claim_of(session, goal, too_late), too_late)

    (row,) = look(Delivery, id=goal.id)
    assert (row.state, row.reason) == (DeliveryState.expired, "episode_paused")


def test_a_pause_keeps_the_questions_to_the_clinic(
    coordinator: Caller, clinic: Clinic, look: Look, ahead: Surgery
) -> None:
    before = [task.id for task in open_tasks(look, clinic)]

    coordinator.amend(f"/episodes/{clinic.episode.id}", {"status": "paused"})

    assert before
    assert [task.id for task in open_tasks(look, clinic)] == before
    assert ahead.episode_id == clinic.episode.id


def test_the_clinic_skips_for_a_death_or_a_transfer_with_its_reason(
    coordinator: Caller, look: Look, milestone_id: MilestoneId
) -> None:
    for key, reason in (("walk30", "transferred"), ("sit60", "died")):
        answer = coordinator.post(f"/milestones/{milestone_id(key)}/skip", {"reason": reason})

        assert (answer.status_code, answer.json["skip_reason"]) == (200, reason)
        assert look(Reminder, milestone_id=milestone_id(key), state=ReminderState.planned) == []


def _due_on_next_monday(session: Session, clinic: Clinic) -> Delivery:
    session.expire_all()
    query = select(Delivery).join(Reminder, Reminder.id == Delivery.reminder_id)
    whose = (Reminder.episode_id == clinic.episode.id, Reminder.key == "goal")
    found = session.scalars(query.where(*whose, Delivery.due_at <= NEXT_MONDAY)).one()
    session.expunge_all()
    session.commit()
    return found


def _claim_of(session: Session, delivery: Delivery, now: datetime) -> Claim:
    claims = claim_all(session, FixedClock(now))
    return next(each for each in claims if each.delivery_id == delivery.id)
