"""No address of the dashboard tells who somebody is (L01): of links, forms, files and where an answer leads."""

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import Alert, Milestone, Reminder, Task
from tests.api.canaries import EMAIL, MARK, MRN, PHONE, fill, is_marked
from tests.api.conftest import Clinic
from tests.clock import FixedClock
from tests.dashboard.conftest import Answer, Desk

pytestmark = pytest.mark.sqlite_only
_ADDRESS = re.compile(r'\b(?:href|src|action|hx-[a-z]+|formaction|content)="([^"]*)"')


def ids_of(session: Session, clinic: Clinic) -> dict[str, list[str]]:
    """Return the ids of what a marked patient has, by the names that routes give them."""
    own = {"practice_id": clinic.id, "patient_id": clinic.patient.id}
    found = {f"{name}_id": list(session.scalars(select(model.id).filter_by(**own))) for name, model in _KINDS.items()}
    return found | {
        "patient_id": [clinic.patient.id],
        "episode_id": [clinic.episode.id],
        "surgery_id": [clinic.surgery.id],
        "staff_id": [clinic.coordinator.id],
    }


_ENOUGH = 3  # rows of one kind
_KINDS: dict[str, Any] = {"milestone": Milestone, "alert": Alert, "task": Task, "reminder": Reminder}


def addresses(answer: Answer) -> list[str]:
    """Return every address that an answer holds or leads to. Those that call or write to a patient go to no server."""
    found = [answer.headers.get("Location", ""), *_ADDRESS.findall(answer.get_data(as_text=True))]
    return [each for each in found if not each.startswith(("tel:", "mailto:"))]


def test_no_address_tells_who_somebody_is(
    app: Flask, engine: Engine, session: Session, clinic: Clinic, clock: FixedClock, desk: Desk
) -> None:
    fill(app, engine, session, clinic, clock)
    ids, pages = ids_of(session, clinic), []
    session.rollback()  # which lets the application write
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/clinic") or not rule.arguments <= set(ids) or "sign-" in rule.rule:
            continue  # who signs in or out is no patient
        for number in range(min(max((len(ids[each]) for each in rule.arguments), default=1), _ENOUGH)):
            chosen = {each: ids[each][number % len(ids[each])] for each in rule.arguments}
            path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", lambda found, chosen=chosen: chosen[found[1]], rule.rule)  # type: ignore[misc]
            sent = {"q": f"{MARK}given", "note": MARK, "email": EMAIL, "phone": PHONE, "mrn": MRN, "reason": MARK}
            pages += [desk.get(path)] if "GET" in (rule.methods or ()) else []
            pages += [desk.post(path, sent)] if "POST" in (rule.methods or ()) else []

    pages = [each for each in pages if each.mimetype != "application/pdf"]  # what is on paper has no address
    shown = [each.request.path for each in pages if is_marked(each.get_data(as_text=True))]
    assert {"/clinic/", "/clinic/patients", f"/clinic/patients/{ids['patient_id'][0]}"} <= {*shown}
    assert desk.get("/clinic/").status_code == 200  # still signed in
    assert [each.request.path for each in pages if any(map(is_marked, addresses(each)))] == []
