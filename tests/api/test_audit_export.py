"""`flask audit export`: every entry is an AuditEvent of FHIR R4, by the table of the specification, with ids alone."""

import json
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from config import Settings
from models import AuditEntry, AuditSubject
from models.audit import ActorKind, AuditAction
from models.engine import make_session_factory
from service.care.audit_events import audit_event
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.cohort.test_commands import run_command

INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
CODE = r"\S+( \S+)*"
FHIR_ID = r"[A-Za-z0-9\-.]{1,64}"


@dataclass(frozen=True)
class Element:
    """One row of the specification's table: how often, and what it holds (a pattern, a type, or more rows)."""

    least: int
    most: float
    holds: "str | type | Mapping[str, Element]"


def one(holds: "str | type | Mapping[str, Element]") -> Element:
    return Element(1, 1, holds)


def maybe(holds: "str | type | Mapping[str, Element]") -> Element:
    return Element(0, 1, holds)


def many(least: int, holds: "str | type | Mapping[str, Element]") -> Element:
    return Element(least, float("inf"), holds)


CODING = {"system": maybe(r"\S+"), "code": maybe(CODE), "display": maybe(".+")}
CONCEPT = {"coding": many(0, CODING), "text": maybe(".+")}
IDENTIFIER = {"system": maybe(r"\S+"), "value": maybe(".+")}
REFERENCE = {"reference": maybe(rf"[A-Z]\w+/{FHIR_ID}"), "identifier": maybe(IDENTIFIER)}
# Names and numbers of hl7.org/fhir/R4/auditevent.html, without what any resource may have.
AUDIT_EVENT: Mapping[str, Element] = {
    "resourceType": one("AuditEvent"),
    "id": maybe(FHIR_ID),
    "type": one(CODING),
    "subtype": many(0, CODING),
    "action": maybe("[CRUDE]"),
    "recorded": one(INSTANT),
    "outcome": maybe("0|4|8|12"),
    "agent": many(1, {"type": maybe(CONCEPT), "who": maybe(REFERENCE), "requestor": one(bool)}),
    "source": one({"site": maybe(".+"), "observer": one(REFERENCE), "type": many(0, CODING)}),
    "entity": many(
        0,
        {
            "what": maybe(REFERENCE),
            "type": maybe(CODING),
            "role": maybe(CODING),
            "detail": many(0, {"type": one(".+"), "valueString": one(".+")}),
        },
    ),
}


def differences(value: Any, rows: Mapping[str, Element], at: str = "AuditEvent") -> list[str]:
    """Return where a resource differs from the table."""
    found = [f"{at}.{name} is unknown" for name in value.keys() - rows.keys()]
    for name, row in rows.items():
        given = value.get(name, [])
        values = given if isinstance(given, list) else [given]
        if row.most > 1 and name in value and not (isinstance(given, list) and given):
            found.append(f"{at}.{name} is no list, or an empty one")
        if not row.least <= len(values) <= row.most:
            found.append(f"{at}.{name} comes {len(values)} times")
        for each in values:
            if isinstance(row.holds, str):
                found += [] if isinstance(each, str) and re.fullmatch(row.holds, each) else [f"{at}.{name} is {each!r}"]
            elif isinstance(row.holds, type):
                found += [] if isinstance(each, row.holds) else [f"{at}.{name} is {each!r}"]
            else:
                found += differences(each, row.holds, f"{at}.{name}")
    return found


def entry(**changes: Any) -> dict[str, Any]:
    told = {"practice_id": "p-1", "id": "e-1", "happened_at": MONDAY_AFTERNOON, "actor_kind": "staff", "about": {}}
    told |= {"actor_id": "staff-1", "action": "read", "route": "GET /api/v1/patients/{patient_id}", "status": 200}
    return told | changes


@pytest.mark.parametrize("actor", ActorKind)
@pytest.mark.parametrize("action", AuditAction)
def test_each_kind_of_entry_is_an_audit_event_of_fhir_r4(actor: ActorKind, action: AuditAction) -> None:
    for actor_id, patients in (("a-1", ("patient-1",)), (None, ()), ("a_1|2", ("patient_1@x",))):
        about = {"number": 0, "kind": "stop", "empty": ""} if actor_id else {}
        resource = audit_event(entry(actor_kind=actor, action=action, actor_id=actor_id, about=about), patients)

        assert differences(resource, AUDIT_EVENT) == []


def test_the_table_sees_what_is_wrong() -> None:
    resource = audit_event(entry(), ("patient-1",))
    wrong = resource | {"recorded": "2026-03-02", "agent": [{"who": {}}], "note": "x", "outcome": "1", "entity": []}

    assert sorted(each.partition(" ")[0] for each in differences(wrong, AUDIT_EVENT)) == [
        "AuditEvent.agent.requestor",
        "AuditEvent.entity",
        "AuditEvent.note",
        "AuditEvent.outcome",
        "AuditEvent.recorded",
    ]


@pytest.mark.parametrize(
    ("changes", "action", "outcome", "code"),
    [
        ({}, "R", "0", "110110"),
        ({"action": "write", "route": "PUT /x", "status": 201}, "C", "0", "110110"),
        ({"action": "write", "route": "PUT /x"}, "U", "0", "110110"),
        ({"action": "write", "route": "DELETE /x", "status": 204}, "D", "0", "110110"),
        ({"action": "write", "route": "job clear", "status": None}, "U", "0", "110110"),
        ({"action": "send", "route": "worker.send", "status": None}, "E", "0", "110106"),
        ({"action": "import", "route": "flask import"}, "C", "0", "110107"),
        ({"action": "token", "route": "POST /x", "status": 401}, "E", "4", "110114"),
        ({"action": "denied", "status": 404}, "R", "4", "110113"),
        ({"action": "denied", "route": "PATCH /x", "status": 503}, "U", "8", "110113"),
    ],
)
def test_what_was_done_and_how_it_ended(changes: dict[str, Any], action: str, outcome: str, code: str) -> None:
    resource = audit_event(entry(**changes), ("patient-1",))

    assert (resource["action"], resource["outcome"], resource["type"]["code"]) == (action, outcome, code)


def test_it_tells_who_what_whom_and_when() -> None:
    resource = audit_event(entry(), ("patient-2", "patient-1"))

    assert resource["recorded"] == "2026-03-02T15:00:00.000Z"
    assert resource["agent"][0]["who"] == {"reference": "Practitioner/staff-1"}
    assert resource["source"]["observer"] == {"reference": "Organization/p-1"}
    assert resource["subtype"][0]["code"] == "GET /api/v1/patients/{patient_id}"
    assert [each["what"]["reference"] for each in resource["entity"]] == ["Patient/patient-1", "Patient/patient-2"]


def test_an_export_is_a_new_file_for_its_owner_and_is_in_the_trail_with_everybody_whom_it_names(
    settings: Settings,
    clock: FixedClock,
    coordinator: Caller,
    patient: Caller,
    clinic: Clinic,
    look: Look,
    engine: Engine,
    tmp_path: Path,
) -> None:
    coordinator.get("/patients")
    patient.get(f"/patients/{clinic.other_patient.id}")
    clock.advance(timedelta(minutes=1))
    stored = [each.id for each in look(AuditEntry, practice_id=clinic.id)]
    command = ("audit", "export", tmp_path / "out")
    done = run_command(settings, clock, *command, "--practice", clinic.practice.slug)
    again = run_command(settings, clock, *command)

    lines = (tmp_path / "out").read_text().splitlines()
    exported = [json.loads(line) for line in lines]
    (own,) = look(AuditEntry, practice_id=clinic.id, route="flask audit export")
    assert (done.exit_code, again.exit_code) == (0, 1)
    assert [each["id"] for each in exported] == stored
    assert [each for line in exported for each in differences(line, AUDIT_EVENT)] == []
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600
    assert clinic.patient.family_name not in "".join(lines)
    assert own.about == {"entries": 2}
    assert named_by(engine, own) == {clinic.patient.id, clinic.other_patient.id}


def named_by(engine: Engine, entry: AuditEntry) -> set[str]:
    with make_session_factory(engine)() as session:
        return set(session.scalars(select(AuditSubject.patient_id).filter_by(entry_id=entry.id)))
