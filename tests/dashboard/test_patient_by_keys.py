"""What a look at one patient costs does not grow with the clinic: no statement walks through other patients' rows."""

from typing import Any

import pytest
from flask import Flask

from service.db import db
from tests.api.conftest import Caller, Clinic
from tests.dashboard.conftest import Desk
from tests.walks import walks_of

pytestmark = pytest.mark.sqlite_only  # PostgreSQL counts its rows, and plans by that


def test_the_page_of_a_patient_is_looked_up_by_keys(app: Flask, desk: Desk, clinic: Clinic) -> None:
    with app.app_context():
        engine = db.engine

    with walks_of(engine) as walks:
        page = desk.get(f"/clinic/patients/{clinic.patient.id}")

    assert (page.status_code, walks) == (200, [])


@pytest.mark.parametrize(
    "path",
    [
        "/patients/{patient}",
        "/patients/{patient}/limits",
        "/episodes/{episode}/progress",
        "/episodes/{episode}/limits",
        "/episodes/{episode}/reminders",
        "/episodes/{episode}/check-ins",
    ],
)
def test_what_programs_ask_of_a_patient_is_looked_up_by_keys(
    app: Flask, coordinator: Caller, clinic: Clinic, path: str
) -> None:
    ids: dict[str, Any] = {"patient": clinic.patient.id, "episode": clinic.episode.id}
    with app.app_context():
        engine = db.engine

    with walks_of(engine) as walks:
        answer = coordinator.get(path.format_map(ids))

    assert (answer.status_code, walks) == (200, [])
