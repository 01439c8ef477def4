"""What only RxDB does, its own replication and rxdb-server's client: a stream that wakes it, and a validator."""

import threading
from collections.abc import Callable, Iterator

import pytest

from service.sync.events import OPENED, STILL_HERE, sent_away
from tests.clients.conftest import milestone, with_grades
from tests.clients.driver import Client
from tests.clients.reference_server import ReferenceServer
from tests.processes import wait_for

pytestmark = [pytest.mark.sqlite_only, pytest.mark.parametrize("phone", ["rxdb", "rxdb_server"], indirect=True)]


def shows(phone: Client, title: str) -> Callable[[], bool]:
    return lambda: title in [row["title"] for row in phone.rows("milestones")]


def test_the_stream_wakes_a_live_client_without_any_data_in_it(phone: Client, server: ReferenceServer) -> None:
    phone.send("live")
    wait_for(lambda: server.listeners, "the stream")

    for title in ("Stop aspirin", "Stop aspirin today"):  # the stream's beginning alone may bring the first
        server.store.put("milestones", "m1", **milestone(title=title))
        wait_for(shows(phone, title), title)

    phone.send("stop")


@pytest.mark.parametrize("is_full", [True, False])
def test_whatever_the_services_stream_says_its_end_brings_the_client_to_pull(
    phone: Client, server: ReferenceServer, monkeypatch: pytest.MonkeyPatch, is_full: bool
) -> None:
    is_live = threading.Event()

    def said(*, ends_on_change: bool) -> Iterator[str]:
        is_live.wait(60)  # what the first pull brings was not brought by this stream
        yield (sent_away(ends_on_change=ends_on_change) if is_full else OPENED + STILL_HERE).decode()
        server.store.put("milestones", "m1", **milestone())

    monkeypatch.setattr(server, "wake_ups", lambda: said(ends_on_change=False))
    monkeypatch.setattr(server, "one_wake_up", lambda: said(ends_on_change=True))

    phone.send("live")
    is_live.set()

    wait_for(shows(phone, "Stop aspirin"), "the row")
    phone.send("stop")
    assert phone.send("errors") == []


def test_a_live_client_pushes_at_once(phone: Client, server: ReferenceServer) -> None:
    phone.send("live")

    made = phone.create("milestones", milestone())

    wait_for(lambda: server.store.columns("milestones", made), "the row")
    phone.send("stop")


def test_a_push_tells_what_the_phone_believes_the_server_to_have(phone: Client, server: ReferenceServer) -> None:
    server.store.put("milestones", "m1", **milestone())
    phone.sync()
    phone.update("milestones", "m1", done=True)

    phone.sync()

    (pushed,) = [each for request in server.requests if request.method == "POST" for each in request.body]
    common = {"id": "m1", "rev": 2, "_deleted": False}
    assert pushed["assumedMasterState"] == milestone() | common
    assert pushed["newDocumentState"] == milestone(done=True) | common


def test_a_column_that_the_app_does_not_know_keeps_its_row_out_though_all_seems_in_sync(
    phone: Client, server: ReferenceServer
) -> None:
    server.store.put("protocols", "p1", title="Discectomy", grade="B")

    phone.sync()

    assert phone.rows("protocols") == []
    assert any("grade" in error for error in phone.send("errors"))


def test_an_updated_app_pulls_everything_anew_and_pushes_all_that_it_has_without_what_it_believes(
    phone: Client, server: ReferenceServer
) -> None:
    server.store.put("milestones", "m1", **milestone())
    phone.sync()

    phone.upgrade(with_grades())
    phone.sync()

    assert {request.path for request in server.requests[-3:]} == {
        "/sync/rxdb/milestones/1/pull",
        "/sync/rxdb/milestones/1/push",
        "/sync/rxdb/protocols/1/pull",
    }
    (pushed,) = [each for request in server.requests if request.method == "POST" for each in request.body]
    assert pushed == {"newDocumentState": {"id": "m1", "rev": 2, "_deleted": False} | milestone()}
