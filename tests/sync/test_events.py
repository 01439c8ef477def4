"""Whoever waits is told when something of theirs changed, and only then; waiting never takes all threads."""

import threading
import time
from typing import Any

import pytest
from flask import Flask

from service.sync.events import WAKES
from tests.api.conftest import Caller, Clinic
from tests.sync.conftest import Phone, check_in

FULL = 8  # half of the 16 threads that are the default


def opened(caller: Caller, path: str = "/sync/events") -> Any:
    """Open a stream and read its first event."""
    answer = caller.get(path, buffered=False)
    assert answer.status_code == 200
    events = iter(answer.response)
    return answer, events, next(events)


def test_a_stream_says_resync_when_something_of_the_patients_changed(
    phone: Phone, clinic: Clinic, other_patient: Caller
) -> None:
    answer, events, first = opened(phone.caller)

    phone.push(check_ins=[check_in(clinic, "c-1")])
    told = next(events)
    answer.close()

    assert first == b"retry: 2000\n: open\n\n"
    assert told == b"data: RESYNC\n\n"


def test_a_long_poll_is_answered_at_once_by_a_change_and_not_by_another_patients(
    phone: Phone, clinic: Clinic, other_patient: Caller
) -> None:
    theirs = {"episode_id": clinic.other_episode.id, "reported_at": "2026-03-02T12:00:00Z", "pain": 1}
    waited: list[Any] = []
    address = f"/sync/wait?cursor={phone.cursor}&seconds=4"
    waiting = threading.Thread(target=lambda: waited.append(phone.caller.get(address).json))

    other_patient.put("/check-ins/c-9", theirs)
    phone.pull()
    address = f"/sync/wait?cursor={phone.cursor}&seconds=20"
    waiting.start()
    time.sleep(0.2)
    other_patient.put("/check-ins/c-8", theirs)
    waiting.join(2.5)
    still_waits = waiting.is_alive()
    Phone(phone.caller, phone.cursor).push(check_ins=[check_in(clinic, "c-1")])
    waiting.join(10)

    assert still_waits
    assert [answer["changed"] for answer in waited] == [True]


def test_a_long_poll_from_an_older_place_is_answered_at_once(phone: Phone, clinic: Clinic) -> None:
    before = phone.cursor
    phone.push(check_ins=[check_in(clinic, "c-1")])

    assert phone.caller.get(f"/sync/wait?cursor={before}&seconds=50").json["changed"] is True


@pytest.mark.sqlite_only
def test_when_half_of_the_threads_wait_the_next_is_sent_away_at_once(phone: Phone, app: Flask) -> None:
    held = [opened(phone.caller) for _ in range(FULL)]

    answer, _events, first = opened(phone.caller)
    for each, *_ in (*held, (answer,)):
        each.close()

    assert first == b"retry: 15000\ndata: RESYNC\n\n"
    assert not app.extensions[WAKES]._waiting


@pytest.mark.sqlite_only
def test_rxdbs_own_client_is_sent_away_by_the_end_alone(phone: Phone) -> None:
    held = [opened(phone.caller) for _ in range(FULL)]

    answer, events, first = opened(phone.caller, "/sync/rxdb/check_ins/0/pullStream")
    rest = list(events)
    for each, *_ in (*held, (answer,)):
        each.close()

    assert (first, rest) == (b"retry: 15000\n\n", [])


@pytest.mark.sqlite_only
def test_the_stream_of_rxdbs_own_client_ends_on_a_change(phone: Phone, clinic: Clinic) -> None:
    answer, events, _first = opened(phone.caller, "/sync/rxdb/check_ins/0/pullStream")

    phone.push(check_ins=[check_in(clinic, "c-1")])

    assert list(events) == []
    answer.close()
