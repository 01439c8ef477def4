"""Reminders of an episode: every one of them in the order of their due times, and the story of each."""

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import AuditEntry, Milestone, Reminder
from models.reminder import DecisionKind
from schedules.planning.story import step_of, tell
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import MONDAY_AFTERNOON


def test_every_reminder_is_listed_once_in_the_order_of_due_times(patient: Caller, clinic: Clinic, look: Look) -> None:
    items, path = [], f"/episodes/{clinic.episode.id}/reminders?limit=7"
    while path:
        page = patient.get(path).json
        items += page["items"]
        path = f"/episodes/{clinic.episode.id}/reminders?limit=7&after={page['next']}" if page["next"] else ""

    rows = look(Reminder, practice_id=clinic.id, episode_id=clinic.episode.id)
    assert sorted(item["id"] for item in items) == [row.id for row in rows]
    assert [item["due_at"] for item in items] == sorted(item["due_at"] for item in items)


def test_a_reminder_that_will_not_go_says_why(patient: Caller, clinic: Clinic) -> None:
    items = patient.get(f"/episodes/{clinic.episode.id}/reminders?limit=200").json["items"]

    silent = [item for item in items if item["state"] == "suppressed"]
    assert all(item["reason"] for item in silent)
    assert {item["state"] for item in items} >= {"planned"}


def goal_of(clinic: Clinic, look: Look) -> Reminder:
    (walking,) = look(Milestone, practice_id=clinic.id, episode_id=clinic.episode.id, key="walk30")
    (goal,) = look(Reminder, practice_id=clinic.id, milestone_id=walking.id, key="goal")
    return goal


def test_the_story_of_a_reminder_is_told_in_order_with_its_reasons(
    patient: Caller, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    goal = goal_of(clinic, look)
    patient.post(f"/milestones/{goal.milestone_id}/achieve", {"achieved_on": "2026-03-02"})

    lines = coordinator.get(f"/reminders/{goal.id}/decisions").json["items"]

    assert [(each["kind"], each["reason"], each["words"]) for each in lines] == [
        ("planned", None, "planned"),
        ("cancelled", "achieved", "cancelled: the milestone was achieved"),
    ]
    assert patient.get(f"/reminders/{goal.id}/decisions").json["items"] == lines


def test_a_long_story_is_paged(coordinator: Caller, clinic: Clinic, look: Look, session: Session) -> None:
    goal = goal_of(clinic, look)
    for _ in range(4):
        tell(session, step_of(goal), DecisionKind.held, now=MONDAY_AFTERNOON, reason="paused", until=MONDAY_AFTERNOON)
    session.commit()

    first = coordinator.get(f"/reminders/{goal.id}/decisions?limit=3").json
    rest = coordinator.get(f"/reminders/{goal.id}/decisions?limit=3&after={first['next']}").json

    assert [each["kind"] for each in first["items"] + rest["items"]] == ["planned", "held", "held", "held", "held"]
    assert first["items"][1]["words"] == "waits: the patient paused reminders"
    assert (first["items"][1]["until"], rest["next"]) == ("2026-03-02T15:00:00Z", None)


def test_nobody_elses_story_is_told(
    patient: Caller, coordinator: Caller, clinic: Clinic, foreign_clinic: Clinic, look: Look
) -> None:
    others = look(Reminder, practice_id=clinic.id, episode_id=clinic.other_episode.id)[0]
    foreign = goal_of(foreign_clinic, look)

    assert patient.get(f"/reminders/{others.id}/decisions").status_code == 404
    assert coordinator.get(f"/reminders/{foreign.id}/decisions").status_code == 404


def test_the_command_tells_the_story_on_the_clinics_clock_and_is_audited(
    app: Flask, clinic: Clinic, look: Look
) -> None:
    goal = goal_of(clinic, look)

    told = app.test_cli_runner().invoke(args=["why", goal.id])

    assert told.stdout.splitlines() == [
        "activity reminder, due 2026-03-09 09:00, useful until 2026-03-12 09:00: planned (times in America/New_York)",
        "  2026-03-02 10:00  planned",
    ]
    (entry,) = look(AuditEntry, practice_id=clinic.id, route="flask why")
    assert entry.about == {"reminder_id": goal.id}


@pytest.mark.sqlite_only
def test_the_command_asks_for_a_reminder_that_exists(app: Flask, clinic: Clinic) -> None:
    told = app.test_cli_runner().invoke(args=["why", clinic.episode.id])

    assert (told.exit_code, told.stdout) == (1, "")
    assert "Expected the id of a reminder" in told.stderr
