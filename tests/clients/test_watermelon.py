"""What only WatermelonDB does: one request for everything, a push that is refused as a whole, migrations."""

import pytest

from tests.clients.conftest import milestone, with_grades
from tests.clients.driver import Client
from tests.clients.reference_server import ReferenceServer

pytestmark = [pytest.mark.sqlite_only, pytest.mark.parametrize("phone", ["watermelon"], indirect=True)]


def test_a_push_that_came_too_late_is_made_again_after_another_pull(phone: Client, server: ReferenceServer) -> None:
    server.store.put("milestones", "m1", **milestone())
    phone.sync()
    phone.update("milestones", "m1", done=True)
    server.before["POST"] = lambda: server.store.put("milestones", "m1", title="Stop aspirin today")

    phone.sync()

    assert [request.method for request in server.requests] == ["GET", "GET", "POST", "GET", "POST"]
    assert server.store.columns("milestones", "m1") == milestone(title="Stop aspirin today", done=True)


def test_a_push_has_whole_rows_with_the_client_s_own_two_columns(phone: Client, server: ReferenceServer) -> None:
    server.store.put("milestones", "m1", **milestone())
    phone.sync()
    phone.update("milestones", "m1", done=True, note="at noon")

    phone.sync()

    (push,) = [request.body for request in server.requests if request.method == "POST"]
    (row,) = push["milestones"]["updated"]
    assert row == {"id": "m1", "_status": "updated", "_changed": "done,note"} | milestone(done=True, note="at noon")
    assert push["protocols"] == {"created": [], "updated": [], "deleted": []}


def test_a_new_row_is_sent_as_created_with_an_id_of_sixteen_letters_and_digits(
    phone: Client, server: ReferenceServer
) -> None:
    made = phone.create("milestones", milestone())

    phone.sync()

    assert len(made) == 16
    assert made.isalnum()
    assert [row["id"] for row in server.requests[-1].body["milestones"]["created"]] == [made]


def test_an_updated_app_asks_for_its_new_columns_of_rows_that_did_not_change(
    phone: Client, server: ReferenceServer
) -> None:
    server.store.put("protocols", "p1", title="Discectomy", grade="B")
    phone.sync()

    phone.upgrade(with_grades())
    phone.sync()

    assert phone.rows("protocols") == [{"id": "p1", "title": "Discectomy", "grade": "B"}]
