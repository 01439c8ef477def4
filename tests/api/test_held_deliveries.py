"""What is held after a restore is listed for the clinic's staff, who say what becomes of it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import Result
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, Delivery, Reminder
from models.reminder import DeliveryState
from schedules.plan.vocabulary import EpisodeStatus, ReminderState
from schedules.planning import Answer, withdraw
from schedules.planning.held import hold_what_may_have_gone_out
from tests import builders
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.cohort.test_commands import run_command
from tests.worker.rows import story


@pytest.fixture
def held(session: Session, clinic: Clinic) -> list[Delivery]:
    """Return three held deliveries of the clinic, by their ids; what its plans hold is not due."""
    for each in session.query(Delivery).filter_by(practice_id=clinic.id):
        each.next_attempt_at = MONDAY_AFTERNOON + timedelta(days=1)
    due = [builders.due_delivery(session, clinic.practice) for _ in range(3)]
    hold_what_may_have_gone_out(session, clinic.id, MONDAY_AFTERNOON)
    session.commit()
    return sorted(due, key=lambda each: each.id)


@pytest.fixture
def run(settings: Settings, clock: FixedClock) -> Callable[..., Result]:
    """Return what runs `flask held`."""
    return lambda *arguments: run_command(settings, clock, "held", *arguments)


def test_what_is_held_is_listed_page_by_page_with_since_when(
    coordinator: Caller, foreign_staff: Caller, held: list[Delivery]
) -> None:
    first = coordinator.get("/held-deliveries?limit=2").json
    rest = coordinator.get(f"/held-deliveries?limit=2&after={first['next']}").json
    health = coordinator.get("/delivery-health").json

    items = first["items"] + rest["items"]
    assert [each["id"] for each in items] == [each.id for each in held]
    assert (items[0]["category"], items[0]["key"]) == ("activity", "encourage")
    assert (items[0]["due_at"], items[0]["held_since"]) == ("2026-03-02T14:00:00Z", "2026-03-02T15:00:00Z")
    assert rest["next"] is None
    assert health["held"] == 3
    assert foreign_staff.get("/held-deliveries").json["items"] == []


def test_a_released_one_waits_for_a_worker_and_a_dropped_one_is_over(
    coordinator: Caller, held: list[Delivery], look: Look, session: Session
) -> None:
    released = coordinator.post(f"/held-deliveries/{held[0].id}/release")
    dropped = coordinator.post(f"/held-deliveries/{held[1].id}/drop")

    assert (released.json["state"], dropped.json["state"]) == ("pending", "cancelled")
    rows = {each.id: each for each in look(Delivery) if each.id in {one.id for one in held}}
    now = rows[held[0].id]
    assert (now.state, now.reason, now.next_attempt_at) == (DeliveryState.pending, None, MONDAY_AFTERNOON)
    over = rows[held[1].id]
    assert (over.state, over.reason, over.published) == (DeliveryState.cancelled, "restored", False)
    assert rows[held[2].id].state is DeliveryState.held
    assert story(session, held[0]) == [("held", "restored"), ("retrying", "released")]
    assert story(session, held[1]) == [("held", "restored"), ("cancelled", "restored")]
    (entry,) = look(AuditEntry, route="POST /api/v1/held-deliveries/{delivery_id}/drop")
    assert entry.about["reminder_id"] == held[1].reminder_id


def test_what_is_not_held_any_more_is_refused(coordinator: Caller, held: list[Delivery]) -> None:
    path = f"/held-deliveries/{held[0].id}"
    coordinator.post(f"{path}/release")

    again, dropped = coordinator.post(f"{path}/release"), coordinator.post(f"{path}/drop")

    assert (again.status_code, dropped.status_code) == (409, 409)
    assert again.json["errors"] == [{"pointer": "", "expected": "a delivery that is held", "got": "pending"}]


def test_a_withdrawal_ends_what_is_held_and_says_that_it_may_have_gone_out(
    session: Session, clinic: Clinic, held: list[Delivery]
) -> None:
    answers = withdraw(
        session, clinic.id, held[0].patient_id, now=MONDAY_AFTERNOON, reason=EpisodeStatus.withdrawn.value
    )
    session.commit()

    assert answers == {held[0].reminder_id: Answer.unknown}
    assert held[0].state is DeliveryState.cancelled


def test_the_commands_do_the_same_for_some_and_for_all(
    run: Callable[..., Result], held: list[Delivery], look: Look, clinic: Clinic, session: Session
) -> None:
    session.close()
    where = ("--practice", clinic.practice.slug)

    listed = run("list", *where)
    wrong = [run("drop", *where), run("drop", "--all", held[0].id, *where), run("drop", held[0].id, "nothing", *where)]
    one, rest = run("release", held[0].id, *where), run("drop", "--all", *where)

    lines = listed.stdout.splitlines()
    assert lines[0] == (
        f"{held[0].id}  activity encourage, due 2026-03-02 09:00, useful until 2026-03-05 09:00, "
        "held since 2026-03-02 10:00"
    )
    assert lines[-1] == "3 held."
    assert [each.exit_code for each in wrong] == [1, 1, 1]
    assert (one.stdout, rest.stdout) == ("1 released.\n", "2 dropped.\n")
    assert not [each for each in look(Delivery, practice_id=clinic.id) if each.state is DeliveryState.held]
    (entry,) = look(AuditEntry, route="flask held drop")
    assert (entry.about, entry.practice_id) == ({"deliveries": 2}, clinic.id)


def test_the_reminder_of_a_held_one_is_still_shown_as_planned(held: list[Delivery], look: Look) -> None:
    (shown,) = look(Reminder, id=held[0].reminder_id)

    assert shown.state is ReminderState.planned
