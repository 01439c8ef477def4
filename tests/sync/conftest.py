"""The clinic of the API's tests, with the first patient on the coordinator's panel, and phones that synchronise."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models.identity import Device
from service.identity.principal import Principal
from service.sync.apply import apply
from service.sync.edits import Applied, Edit
from tests.api.conftest import (  # noqa: F401
    Caller,
    Clinic,
    anonymous,
    app,
    as_patient,
    as_staff,
    clinic,
    clinician,
    coordinator,
    foreign_clinic,
    foreign_staff,
    look,
    milestone_id,
    other_patient,
    patient,
)
from tests.clock import MONDAY_AFTERNOON

PATH = "/sync/watermelon"
Find = Callable[[str], str]
Push = Callable[..., Applied]
OPEN: dict[str, Any] = {"achieved_on": None, "skip_reason": None, "note": None}  # a milestone without a word


@dataclass
class Phone:
    """What WatermelonDB's synchronisation does, without its storage: it pulls, and pushes from where it pulled."""

    caller: Caller
    cursor: int | None = None
    rows: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def pull(self, **query: Any) -> Any:
        """Pull what changed, and keep it."""
        told = {"last_pulled_at": "" if self.cursor is None else self.cursor} | query
        answer = self.caller.get(PATH, query_string=told)
        assert answer.status_code == 200, answer.json
        if answer.json.get("experimentalStrategy") == "replacement":
            self.rows.clear()
        for name, changes in answer.json["changes"].items():
            kept = self.rows.setdefault(name, {})
            kept.update({row["id"]: row for row in changes["updated"]})
            for row_id in changes["deleted"]:
                kept.pop(row_id, None)
        self.cursor = answer.json["timestamp"]
        return answer.json

    def push(self, *, match: int | None = None, **collections: Any) -> Any:
        """Push rows of collections, made from where the phone last pulled."""
        body = {name: {"created": [], "updated": rows, "deleted": []} for name, rows in collections.items()}
        return self.push_body(body, match=match)

    def push_body(self, body: Any, *, match: int | None = None) -> Any:
        """Push a whole body."""
        return self.caller.post(f"{PATH}?last_pulled_at={self.cursor if match is None else match}", body)


def check_in(clinic: Clinic, row_id: str, **more: Any) -> dict[str, Any]:  # noqa: F811
    """Return a check-in of the clinic's patient, as a phone makes it: 2026-03-02, 14:00 UTC."""
    return {"id": row_id, "episode_id": clinic.episode.id, "reported_at": 1_772_460_000_000, "pain": 4, **more}


@pytest.fixture
def panel(session: Session, clinic: Clinic) -> Clinic:  # noqa: F811
    """Return the clinic, whose coordinator has the first patient on the panel."""
    clinic.episode.coordinator_id = clinic.coordinator.id
    session.commit()
    return clinic


@pytest.fixture
def phone(patient: Caller) -> Phone:  # noqa: F811
    """Return the patient's phone, which has pulled everything."""
    phone = Phone(patient)
    phone.pull()
    return phone


@pytest.fixture
def second_phone(app: Flask, session: Session, clinic: Clinic) -> Phone:  # noqa: F811
    """Return another phone of the same patient, which has pulled everything."""
    phone = Phone(as_patient(app, session, clinic.patient))
    phone.pull()
    return phone


@pytest.fixture
def desk(panel: Clinic, coordinator: Caller) -> Phone:  # noqa: F811
    """Return the coordinator's device, which has pulled the panel."""
    desk = Phone(coordinator)
    desk.pull()
    return desk


@pytest.fixture
def push_with_base(session: Session, clinic: Clinic) -> Push:  # noqa: F811
    """Return a way to apply one edit of the patient's phone that tells what it started from."""

    def push(collection: str, row_id: str, *, base: dict[str, Any] | None, **values: Any) -> Applied:
        device = session.query(Device).filter_by(practice_id=clinic.id).order_by(Device.id).first()
        caller = Principal(clinic.id, "phone" if device is None else device.id, patient_id=clinic.patient.id)
        edit = Edit(collection=collection, id=row_id, values=values, base=base)
        applied = apply(session, caller, [edit], MONDAY_AFTERNOON)
        session.commit()
        return applied

    return push


def conflicts(who: Caller, **query: Any) -> list[dict[str, Any]]:
    answer = who.get("/conflicts", query_string=query)
    assert answer.status_code == 200, answer.json
    return list(answer.json["items"])


def made_offline_while_the_clinic_reported(
    phone: Phone,
    coordinator: Caller,  # noqa: F811
    walk: str,
) -> dict[str, Any]:
    """Let the coordinator report 1 March, then a phone that was offline 2 March; return the conflict."""
    coordinator.post(f"/milestones/{walk}/achieve", {"achieved_on": "2026-03-01"})
    phone.pull()
    phone.push(milestone_progress=[OPEN | {"id": walk, "achieved_on": "2026-03-02", "note": "No stick"}])
    (conflict,) = conflicts(coordinator)
    return conflict
