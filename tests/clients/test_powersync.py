"""What only PowerSync does: uploads of changed columns with what they were before, and streams that end."""

import pytest

from tests.clients.conftest import milestone
from tests.clients.driver import Client
from tests.clients.reference_server import ReferenceServer
from tests.processes import wait_for

pytestmark = [pytest.mark.sqlite_only, pytest.mark.parametrize("phone", ["powersync"], indirect=True)]


def test_an_upload_has_the_changed_columns_and_the_whole_row_as_it_was(phone: Client, server: ReferenceServer) -> None:
    server.store.put("milestones", "m1", **milestone())
    phone.sync()
    phone.update("milestones", "m1", done=True)
    phone.update("milestones", "m1", note="at noon")

    phone.sync()

    (upload,) = [request.body for request in server.requests if request.path == "/sync/powersync/crud"]
    first, second = upload["crud"]
    assert (first["op"], first["data"], first["old"]) == ("PATCH", {"done": 1}, milestone(done=0))
    assert (second["op"], second["data"], second["old"]) == ("PATCH", {"note": "at noon"}, milestone(done=1))
    assert upload["client_id"]


def test_a_new_row_is_uploaded_without_its_empty_columns(phone: Client, server: ReferenceServer) -> None:
    made = phone.create("milestones", milestone())

    phone.sync()

    (upload,) = [request.body for request in server.requests if request.path == "/sync/powersync/crud"]
    (put,) = upload["crud"]
    assert (put["op"], put["id"]) == ("PUT", made)
    assert put["data"] == {"title": "Stop aspirin", "done": 0, "pain": 3}


def test_a_live_client_comes_back_after_each_end_of_its_stream(phone: Client, server: ReferenceServer) -> None:
    phone.send("live")

    server.store.put("milestones", "m1", **milestone())

    wait_for(lambda: [row["id"] for row in phone.rows("milestones")] == ["m1"], "the row")
    phone.send("stop")


def test_what_is_not_uploaded_yet_holds_back_what_came_from_the_server(phone: Client, server: ReferenceServer) -> None:
    server.store.put("milestones", "m1", **milestone())
    phone.sync()
    phone.update("milestones", "m1", done=True)
    phone.lose("request", count=1000, of="/crud")
    server.store.put("milestones", "m1", title="Stop aspirin today")
    seen = len(server.requests)

    phone.send("live")
    wait_for(lambda: len(server.requests) > seen + 1, "two streams")
    held = phone.rows("milestones")
    phone.lose_no_more()

    assert held == [{"id": "m1", **milestone(done=True)}]
    wait_for(lambda: phone.rows("milestones")[0]["title"] == "Stop aspirin today", "the title")
    phone.send("stop")
