"""A client that fails says why, and none is left behind."""

import os
import signal
from pathlib import Path

import pytest

from tests.clients import driver
from tests.clients.conftest import SCHEMA
from tests.clients.driver import Client, ClientError
from tests.processes import is_gone

pytestmark = pytest.mark.sqlite_only


def test_an_error_of_a_client_is_raised_with_its_text(tmp_path: Path) -> None:
    with Client("watermelon", tmp_path) as client:
        client.open("http://127.0.0.1:9", "no-token", SCHEMA)

        with pytest.raises(ClientError, match="sync: TypeError: fetch failed"):
            client.sync()

        assert client.rows("milestones") == []


def test_a_client_that_ended_is_reported_with_what_it_printed(tmp_path: Path) -> None:
    with Client("watermelon", tmp_path) as client:
        client.open("http://127.0.0.1:9", "no-token", SCHEMA)
        os.kill(client.pid, signal.SIGTERM)

        with pytest.raises(ClientError, match=r"(?s)list: the client has ended\n.*LokiJSAdapter"):
            client.rows("milestones")


def test_a_client_that_does_not_answer_is_ended(tmp_path: Path) -> None:
    with Client("watermelon", tmp_path) as client:
        os.kill(client.pid, signal.SIGSTOP)

        with pytest.raises(ClientError, match=r"list: no answer within 0\.1 s"):
            client.send("list", seconds=0.1, collection="milestones")

        assert is_gone(client.pid)


def test_a_client_ends_with_its_test(tmp_path: Path) -> None:
    with Client("watermelon", tmp_path) as client:
        client.open("http://127.0.0.1:9", "no-token", SCHEMA)

    assert is_gone(client.pid)


def test_a_client_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "CLOSE_SECONDS", 0.1)
    with Client("watermelon", tmp_path) as client:
        os.kill(client.pid, signal.SIGSTOP)

    assert is_gone(client.pid)
