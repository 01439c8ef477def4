"""Three devices of a patient and a coordinator work in any order over a network that loses messages (S17).

Each device has a column of its own in rows that all of them share, so that whatever they do, no value may be lost; in
the end every device holds what the server holds.
"""

from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import CheckIn
from models.engine import make_session_factory
from models.isolation import reading_practice
from service.db import db
from service.sync.writers.base import Writer
from tests import builders
from tests.api.conftest import Clinic, as_patient
from tests.sync.replicas import Replica, RxdbReplica, WatermelonReplica

COLUMNS = ("pain_back", "pain_leg", "steps")
ROUNDS = 12
Step = tuple[int, str, int, int, str | None]
STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["edit", "edit", "create", "sync", "sync"]),
        st.integers(0, 8),
        st.integers(0, 10),
        st.sampled_from([None, None, "request", "answer"]),
    ),
    min_size=10,
    max_size=30,
)
FEW = settings(max_examples=10, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


def _devices(app: Flask, session: Session, clinic: Clinic) -> tuple[list[Replica], str]:
    person = builders.patient(session, clinic.practice)
    episode = builders.episode(session, person)
    callers = [as_patient(app, session, person) for _ in COLUMNS]
    return [WatermelonReplica(callers[0]), RxdbReplica(callers[1]), WatermelonReplica(callers[2])], episode.id


def _row(episode_id: str, number: int) -> dict[str, Any]:
    columns = dict.fromkeys((*COLUMNS, "pain_neck", "pain_arm", "walking_minutes", "took_opioid", "note"))
    told = {"id": f"{episode_id}.{number}", "episode_id": episode_id, "reported_at": 1_772_460_000_000, "pain": 5}
    return told | columns


def _work(devices: list[Replica], episode_id: str, steps: list[Step]) -> dict[tuple[str, str], int]:
    """Do what the steps say. Return the last value that was given to each column of each row."""
    last: dict[tuple[str, str], int] = {}
    for who, what, pick, value, loss in steps:
        device, column = devices[who], COLUMNS[who]
        row_id = f"{episode_id}.{pick}"
        if what == "create" and row_id not in device.rows and pick % len(COLUMNS) == who:
            device.create(_row(episode_id, pick))
        elif what == "edit" and row_id in device.rows:
            device.edit(row_id, {column: value})
            last[row_id, column] = value
        elif what == "sync":
            device.sync(loss)  # type: ignore[arg-type]  # one of its words
    return last


def _settle(devices: list[Replica]) -> None:
    for _ in range(ROUNDS):
        are_done = [device.sync(None) for device in devices]
        if all(are_done):
            break
    for device in devices:
        assert device.sync(None)


def _stored(app: Flask, practice_id: str, episode_id: str) -> dict[str, dict[str, Any]]:
    with app.app_context():
        sessions = make_session_factory(db.engine)
    with reading_practice(sessions, practice_id) as session:
        rows = session.scalars(select(CheckIn).where(CheckIn.episode_id == episode_id)).all()
        return {row.id: {column: getattr(row, column) for column in COLUMNS} for row in rows}


def _lost(app: Flask, session: Session, clinic: Clinic, steps: list[Step]) -> list[tuple[str, str]]:
    """Return which columns lost the last value that a device gave them; every device must hold what is stored."""
    devices, episode_id = _devices(app, session, clinic)
    last = _work(devices, episode_id, steps)
    _settle(devices)
    stored = _stored(app, clinic.id, episode_id)
    for device in devices:
        held = {row_id: {name: row[name] for name in COLUMNS} for row_id, row in device.rows.items()}
        assert held == stored
    return [place for place, value in last.items() if stored[place[0]][place[1]] != value]


@FEW
@given(steps=STEPS)
def test_all_devices_end_with_what_is_stored_and_no_value_is_lost(
    app: Flask, session: Session, clinic: Clinic, steps: list[Step]
) -> None:
    assert _lost(app, session, clinic, steps) == []


@pytest.mark.sqlite_only
def test_without_the_check_for_stale_rows_the_same_devices_would_lose_values(
    app: Flask, session: Session, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Writer, "is_stale", lambda *_: False)
    # Made in one place, pulled in the other, edited in both; the second push comes from before the first.
    steps: list[Step] = [
        (0, "create", 0, 0, None), (0, "sync", 0, 0, None), (2, "sync", 0, 0, None),
        (2, "edit", 0, 7, None), (0, "edit", 0, 3, None),
    ]  # fmt: skip
    devices, episode_id = _devices(app, session, clinic)
    last = _work(devices, episode_id, steps)
    stale, fresh = devices[0], devices[2]
    monkeypatch.setattr(stale, "_pull", lambda: None)
    fresh.sync(None)
    stale.sync(None)

    stored = _stored(app, clinic.id, episode_id)
    assert [place for place, value in last.items() if stored[place[0]][place[1]] != value]
