"""What every client does against a server that keeps its contract: the same, whatever it speaks."""

import pytest

from tests.clients.conftest import milestone
from tests.clients.driver import CLIENTS, Client
from tests.clients.reference_server import ReferenceServer

PUSH = "POST http"
UPLOADS = {"watermelon": PUSH, "rxdb": PUSH, "rxdb_server": PUSH, "powersync": "/crud"}

pytestmark = [pytest.mark.sqlite_only, pytest.mark.parametrize("phone", CLIENTS, indirect=True)]


def test_the_first_sync_brings_every_row(phone: Client, server: ReferenceServer) -> None:
    server.store.put("milestones", "m1", **milestone(note="after 14 days"))
    server.store.put("milestones", "m2", **milestone(title="Walk", done=True, pain=2.5))
    server.store.put("protocols", "p1", title="Discectomy")

    phone.sync()

    assert phone.rows("milestones") == [
        {"id": "m1", "title": "Stop aspirin", "done": False, "pain": 3, "note": "after 14 days"},
        {"id": "m2", "title": "Walk", "done": True, "pain": 2.5, "note": None},
    ]
    assert phone.rows("protocols") == [{"id": "p1", "title": "Discectomy"}]


def test_a_later_sync_asks_only_for_what_changed(phone: Client, server: ReferenceServer) -> None:
    server.store.put("milestones", "m1", **milestone())
    server.store.put("milestones", "m2", **milestone())
    phone.sync()
    server.store.rows["milestones", "m1"].columns["title"] = "changed without a revision"
    server.store.put("milestones", "m2", title="Walk")

    phone.sync()

    assert [row["title"] for row in phone.rows("milestones")] == ["Stop aspirin", "Walk"]


def test_an_edit_made_offline_survives_beside_the_server_s_own(phone: Client, server: ReferenceServer) -> None:
    server.store.put("milestones", "m1", **milestone())
    phone.sync()
    phone.update("milestones", "m1", done=True)
    server.store.put("milestones", "m1", title="Stop aspirin today")

    phone.sync()
    phone.sync()

    assert phone.rows("milestones") == [{"id": "m1", **milestone(title="Stop aspirin today", done=True)}]
    assert server.store.columns("milestones", "m1") == milestone(title="Stop aspirin today", done=True)


def test_what_the_server_refuses_is_taken_back_on_the_phone(phone: Client, server: ReferenceServer) -> None:
    server.store.put("milestones", "m1", **milestone())
    server.store.owned.add("title")
    phone.sync()
    phone.update("milestones", "m1", title="Mine")

    phone.sync()
    phone.sync()

    assert phone.rows("milestones") == [{"id": "m1", **milestone()}]
    assert server.store.columns("milestones", "m1") == milestone()


def test_a_row_made_offline_arrives_once_under_the_phone_s_id(phone: Client, server: ReferenceServer) -> None:
    phone.sync()
    made = phone.create("milestones", milestone(title="My own"))

    phone.sync()
    phone.sync()

    assert [(row["id"], row["title"]) for row in phone.rows("milestones")] == [(made, "My own")]
    assert [row.id for row in server.store.since(0)] == [made]


def test_a_row_deleted_on_the_server_goes_from_the_phone(phone: Client, server: ReferenceServer) -> None:
    server.store.put("milestones", "m1", **milestone())
    phone.sync()
    server.store.delete("milestones", "m1")

    phone.sync()

    assert phone.rows("milestones") == []


def test_a_row_deleted_on_the_phone_goes_from_the_server(phone: Client, server: ReferenceServer) -> None:
    server.store.put("milestones", "m1", **milestone())
    phone.sync()
    phone.delete("milestones", "m1")

    phone.sync()

    assert server.store.columns("milestones", "m1") is None
    assert phone.rows("milestones") == []


@pytest.mark.parametrize("lost", ["request", "response"])
def test_a_push_that_is_lost_on_the_way_arrives_in_the_end(
    phone: Client, server: ReferenceServer, request: pytest.FixtureRequest, lost: str
) -> None:
    phone.sync()
    made = phone.create("milestones", milestone())
    phone.lose(lost, of=UPLOADS[request.node.callspec.params["phone"]])

    phone.sync()

    assert phone.lose_no_more() == 0
    assert [row.id for row in server.store.since(0)] == [made]
    assert [row["id"] for row in phone.rows("milestones")] == [made]
