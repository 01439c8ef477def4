"""What a device was given and what it changed is kept, so that nobody wakes it for that."""

from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from config import Settings
from models import DeviceChange, DevicePull, SyncClock
from models.engine import begin_reads, make_session_factory
from tests.api.conftest import Caller, Clinic
from tests.database import settings_for
from tests.sync.conftest import Phone, check_in


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Return the settings of a service that wakes devices."""
    return settings_for(database_url, expo_url="https://exp.host")


def read(engine: Engine, model: type[Any]) -> list[Any]:
    with make_session_factory(engine)() as session:
        begin_reads(session)
        return list(session.scalars(select(model)))


def pulled(engine: Engine) -> dict[tuple[str, str], int]:
    """Return up to which revision each device was given each table."""
    return {(row.device_id, row.table_name): row.revision for row in read(engine, DevicePull)}


def top(engine: Engine, clinic: Clinic) -> int:
    (revision,) = [row.revision for row in read(engine, SyncClock) if row.practice_id == clinic.id]
    return int(revision)


def change(session: Session, clinic: Clinic) -> None:
    """Change something of the first patient's."""
    clinic.episode.label = f"{clinic.episode.label}+"
    session.commit()


def test_a_pull_that_gives_rows_is_kept_and_one_that_gives_none_writes_nothing(
    engine: Engine, session: Session, clinic: Clinic, phone: Phone
) -> None:
    first, (device_id, _) = pulled(engine), next(iter(pulled(engine)))
    at_first = top(engine, clinic)
    clinic.other_episode.label = "another"
    session.commit()
    phone.pull()
    nothing_new = pulled(engine)
    change(session, clinic)

    phone.pull()

    assert first == nothing_new == {(device_id, ""): at_first}
    assert pulled(engine) == {(device_id, ""): at_first + 2}


def test_an_old_pull_that_comes_late_takes_nothing_back(
    engine: Engine, session: Session, clinic: Clinic, phone: Phone
) -> None:
    pull = "/sync/rxdb/episodes/0/pull?limit={}"
    phone.caller.get(pull.format(100))
    (first,) = [revision for (_, table), revision in pulled(engine).items() if table == "episode"]

    phone.caller.get(pull.format(1))

    assert pulled(engine)[next(key for key in pulled(engine) if key[1] == "episode")] == first


def test_a_page_that_is_full_is_kept_up_to_before_its_last_revision(
    engine: Engine, clinic: Clinic, phone: Phone
) -> None:
    page = phone.caller.get("/sync/rxdb/milestones/0/pull?limit=3").json
    (kept,) = [revision for (_, table), revision in pulled(engine).items() if table == "milestone"]

    phone.caller.get("/sync/rxdb/milestones/0/pull?limit=1000")
    (whole,) = [revision for (_, table), revision in pulled(engine).items() if table == "milestone"]

    assert kept == page["documents"][-1]["rev"] - 1
    assert whole == top(engine, clinic)


def test_a_stream_of_powersync_is_a_pull_of_every_table(engine: Engine, clinic: Clinic, patient: Caller) -> None:
    patient.post("/sync/powersync/sync/stream", {"buckets": []}).get_data()

    ((_, table), revision), *others = pulled(engine).items()
    assert (table, revision, others) == ("", top(engine, clinic), [])


def test_what_staff_pull_is_not_kept(engine: Engine, clinic: Clinic, desk: Phone) -> None:
    desk.pull()

    assert pulled(engine) == {}


def test_whose_device_took_a_revision_is_kept_until_it_was_looked_at(
    engine: Engine, session: Session, clinic: Clinic, phone: Phone, desk: Phone
) -> None:
    (device_id, _) = next(iter(pulled(engine)))
    phone.push(check_ins=[check_in(clinic, "c-1")])
    pushed = top(engine, clinic)
    told = {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T12:00:00Z", "pain": 1}
    phone.caller.put("/check-ins/c-2", told)
    by_rest = top(engine, clinic)
    change(session, clinic)
    phone.push(check_ins=[check_in(clinic, "c-1")])

    made = [(row.revision, row.device_id) for row in read(engine, DeviceChange)]

    assert by_rest == pushed + 1
    assert made == [(pushed, device_id), (by_rest, device_id)]


class TestWithoutPush:
    """Nobody is woken, so nothing is kept."""

    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return settings_for(database_url)

    def test_nothing_is_kept(self, engine: Engine, clinic: Clinic, phone: Phone) -> None:
        phone.push(check_ins=[check_in(clinic, "c-1")])
        phone.pull()

        assert (pulled(engine), read(engine, DeviceChange)) == ({}, [])
