"""Reminders of an episode: every one of them, in the order of their due times."""

from models import Reminder
from tests.api.conftest import Caller, Clinic, Look


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
