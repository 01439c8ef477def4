"""Whether somebody watches: only who is on call and would be told, so never while no worker has reported."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import Practice, SafetyCard
from models.engine import make_session_factory
from schedules.database_time import read_now
from schedules.jobs.alerts import tell_who_watches
from schedules.plan.vocabulary import OnCallPlace
from schedules.planning.safety_cards import write_safety_card
from tests.alerts import on_call, working
from tests.api.conftest import Caller, Clinic, Look
from tests.api.message_reader import Reader
from tests.clock import FixedClock
from tests.dashboard.conftest import desk_of, text_of
from tests.database import service_engine_of

PATH = "/check-ins/k7Qm2pXcV9sLwRtA"
NOBODY = "Nobody reads this right away. In an emergency call 911. For questions call your clinic: +12125550100."
SILENT = timedelta(seconds=15)  # three polls, as they are set without more


def report(clinic: Clinic) -> dict[str, Any]:
    return {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T14:30:00Z", "pain": 4}


@pytest.mark.parametrize(
    ("age", "stopped", "is_monitored"),
    [
        (None, False, False),  # no worker ever was
        (SILENT - timedelta(seconds=10), False, True),
        (SILENT + timedelta(seconds=1), False, False),
        (timedelta(minutes=30), False, False),
        (timedelta(seconds=1), True, False),  # it ended as it was told to, and nobody took its place
    ],
)
def test_somebody_on_call_watches_only_while_a_worker_could_tell_them(
    age: timedelta | None,
    stopped: bool,
    is_monitored: bool,
    patient: Caller,
    coordinator: Caller,
    clinic: Clinic,
    session: Session,
    clock: FixedClock,
) -> None:
    on_call(session, clinic.practice, OnCallPlace.first)
    if age is not None:
        working(session, age=age, stopped_at=read_now(session, clock) if stopped else None)
    session.commit()

    told = patient.put(PATH, report(clinic)).json
    listed = patient.get(f"/episodes/{clinic.episode.id}/check-ins").json
    rota = coordinator.get("/on-call").json

    assert [each["monitored"] for each in (told, listed)] == [is_monitored] * 2
    assert (told["monitored_until"] is not None, rota["monitored_until"] is not None) == (is_monitored,) * 2
    assert (told["emergency"]["text"] == NOBODY) is not is_monitored
    assert len(rota["now"]["first"]) == 1  # who has the shift is said all the same


def test_a_worker_alone_watches_over_nobody(patient: Caller, clinic: Clinic, session: Session) -> None:
    working(session)

    assert patient.put(PATH, report(clinic)).json["monitored"] is False


def test_one_worker_of_several_is_enough(patient: Caller, clinic: Clinic, session: Session) -> None:
    on_call(session, clinic.practice, OnCallPlace.first)
    working(session, age=timedelta(hours=2))
    working(session)

    assert patient.put(PATH, report(clinic)).json["monitored"] is True


def test_a_change_of_the_rota_promises_phones_nothing_until_a_worker_is_back(
    coordinator: Caller, clinic: Clinic, session: Session, engine: Engine, look: Look, clock: FixedClock
) -> None:
    write_safety_card(session, clinic.practice)
    session.commit()
    shift = {"staff_id": clinic.clinician.id, "place": "first", "from_on": "2026-03-02", "from_at": "08:00"}

    assert coordinator.put("/on-call/x", shift | {"until_on": "2026-03-02", "until_at": "20:00"}).status_code == 201
    (silent,) = look(SafetyCard, practice_id=clinic.id)
    tell_who_watches(make_session_factory(service_engine_of(engine)), clock.now())
    (back,) = look(SafetyCard, practice_id=clinic.id)

    assert (silent.monitored_until, back.monitored_until) == (None, datetime(2026, 3, 3, 1, tzinfo=UTC))


def test_the_page_of_a_message_says_the_same(reader: Reader, small_clinic: Practice, session: Session) -> None:
    reader.open()
    on_call(session, small_clinic, OnCallPlace.first)
    session.commit()
    alone = text_of(reader.look())
    working(session)

    told = text_of(reader.look())

    assert (NOBODY[:33] in alone, NOBODY[:33] in told) == (True, False)
    assert ("Somebody of your care team is on call." in alone, "Somebody of your care team is on call." in told) == (
        False,
        True,
    )


@pytest.mark.sqlite_only
def test_staff_read_that_nobody_would_be_told(app: Flask, clinic: Clinic, session: Session) -> None:
    on_call(session, clinic.practice, OnCallPlace.first)
    session.commit()
    desk = desk_of(app, session, clinic.coordinator)
    alone = [text_of(desk.get(f"/clinic/{page}")) for page in ("", "overview")]
    working(session)

    told = [text_of(desk.get(f"/clinic/{page}")) for page in ("", "overview")]

    assert "Nobody watches what phones report" in alone[0]
    assert "Somebody is on call, but no worker has reported: nobody could be told." in alone[1]
    assert all("Somebody is on call until" in each for each in told)
