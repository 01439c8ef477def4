"""Tasks: the clinic's open questions, oldest first."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import AuditEntry, DeadAddress, Delivery, Task
from models.report import TaskKind, TaskState
from schedules.plan.vocabulary import Provider
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import MONDAY_AFTERNOON


@pytest.fixture
def questions(session: Session, clinic: Clinic, foreign_clinic: Clinic) -> None:
    """Store three questions of the clinic and one of another's."""
    for where, name, kind, hour in (
        (clinic, "second", TaskKind.fill_slot, 9),
        (clinic, "first", TaskKind.past_items, 8),
        (clinic, "third", TaskKind.confirm_surgery, 10),
        (foreign_clinic, "foreign", TaskKind.past_items, 7),
    ):
        session.add(
            Task(
                practice_id=where.id,
                id=name,
                patient_id=where.patient.id,
                episode_id=where.episode.id,
                kind=kind,
                created_at=datetime(2026, 2, 1, hour, tzinfo=UTC),
                about={},
            )
        )
    session.commit()


@pytest.mark.usefixtures("questions")
def test_open_questions_are_listed_in_the_order_of_asking(coordinator: Caller) -> None:
    first = coordinator.get("/tasks?limit=2").json
    rest = coordinator.get(f"/tasks?limit=2&after={first['next']}").json

    ids = [item["id"] for item in first["items"] + rest["items"] if item["id"] in {"first", "second", "third"}]
    assert ids == ["first", "second", "third"]
    assert all(item["id"] != "foreign" for item in first["items"] + rest["items"])


@pytest.mark.usefixtures("questions")
def test_questions_are_filtered_by_kind_state_and_patient(coordinator: Caller, clinic: Clinic) -> None:
    def found(query: str) -> list[str]:
        return [item["id"] for item in coordinator.get(f"/tasks?{query}").json["items"]]

    assert found("kind=confirm_surgery") == ["third"]
    assert found("state=done") == []
    assert found(f"kind=fill_slot&patient_id={clinic.other_patient.id}") == []


@pytest.mark.usefixtures("questions")
def test_a_closed_question_says_by_whom_and_stays_closed(coordinator: Caller, clinic: Clinic, look: Look) -> None:
    first, second = (coordinator.post("/tasks/first/close") for _ in range(2))

    (row,) = look(Task, practice_id=clinic.id, id="first")
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json == second.json
    assert (row.state, row.done_by) == (TaskState.done, clinic.coordinator.id)


@pytest.mark.usefixtures("questions")
def test_whether_a_surgery_happened_is_answered_by_its_status(coordinator: Caller, clinic: Clinic, look: Look) -> None:
    answer = coordinator.post("/tasks/third/close")

    (row,) = look(Task, practice_id=clinic.id, id="third")
    assert (answer.status_code, row.state) == (409, TaskState.open)


@pytest.mark.usefixtures("questions")
def test_an_address_that_was_checked_takes_messages_again(
    coordinator: Caller, session: Session, clinic: Clinic, look: Look
) -> None:
    task = Task(practice_id=clinic.id, id="address", patient_id=clinic.patient.id, episode_id=clinic.episode.id)
    task.kind, task.created_at, task.about = TaskKind.address_failed, MONDAY_AFTERNOON, {"channel": "email"}
    session.add(task)
    delivery_id = session.scalars(select(Delivery.id).filter_by(practice_id=clinic.id)).first()
    found = {
        "practice_id": clinic.id,
        "delivery_id": delivery_id,
        "provider": Provider.smtp,
        "died_at": MONDAY_AFTERNOON,
    }
    session.add(DeadAddress(target=b"ours", task_id="address", **found))
    session.add(DeadAddress(target=b"another", **found))
    session.commit()

    unknown = coordinator.post("/tasks/address/close", {"outcome": "moved"})
    elsewhere = coordinator.post("/tasks/first/close", {"outcome": "still_valid"})
    answer = coordinator.post("/tasks/address/close", {"outcome": "still_valid"})

    session.rollback()
    revived = dict(session.execute(select(DeadAddress.target, DeadAddress.revived_at)).all())
    assert (unknown.status_code, elsewhere.status_code, answer.status_code) == (422, 409, 200)
    assert answer.json["state"] == "done"
    assert revived == {b"ours": MONDAY_AFTERNOON, b"another": None}
    assert look(AuditEntry, practice_id=clinic.id, status=200)[-1].about == {"outcome": "still_valid"}


@pytest.mark.usefixtures("questions")
def test_closing_without_an_outcome_leaves_an_address_dead(
    coordinator: Caller, session: Session, clinic: Clinic
) -> None:
    task = Task(practice_id=clinic.id, id="address", patient_id=clinic.patient.id, episode_id=clinic.episode.id)
    task.kind, task.created_at, task.about = TaskKind.address_failed, MONDAY_AFTERNOON, {"channel": "email"}
    session.add(task)
    dead = DeadAddress(practice_id=clinic.id, target=b"ours", task_id="address", provider=Provider.smtp)
    dead.delivery_id = session.scalars(select(Delivery.id).filter_by(practice_id=clinic.id)).first() or ""
    dead.died_at = MONDAY_AFTERNOON
    session.add(dead)
    session.commit()

    assert coordinator.post("/tasks/address/close").status_code == 200

    session.refresh(dead)
    assert dead.revived_at is None
