"""Which properties each role gets is one page under test, and a body says nothing that its schema does not have."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.people import StaffRole
from service.identity.callers import ANYONE
from service.identity.principal import PATIENT_WORD
from service.identity.roles import WHO_MAY
from tests import builders
from tests.api.conftest import Caller, Clinic, as_patient, as_signed_in
from tests.api.every_route import API_ROUTES, NAMES, SYNC, body_of, call
from tests.api.properties import EVERYBODY, PAGE, page, readers_of, undeclared
from tests.api.route_targets import add_targets
from tests.api.test_other_ways_in import everything, properties_of

pytestmark = pytest.mark.sqlite_only
# Who somebody is: of these, roles that see no patient get none.
OF_A_PATIENT = {"given_name", "family_name", "date_of_birth", "mrn", "phone", "pain", "procedure", "indication"}
# What a phone pushes beyond its columns is dropped and counted; what a provider tells must be signed first of all.
TAKEN_AS_THEY_COME = (SYNC, "/providers/")
AS_BROWSERS_MAKE_IT = "passkey"
WITHOUT_PATIENTS = (StaffRole.operator, StaffRole.auditor, "health:read", EVERYBODY)
DOCUMENT = {
    "components": {
        "schemas": {
            "Whole": {
                "properties": {"id": {}, "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}}},
                "additionalProperties": False,
            },
            "Part": {
                "properties": {
                    "size": {"type": "integer"},
                    "whole": {"anyOf": [{"$ref": "#/components/schemas/Whole"}, {"type": "null"}]},
                    "free": {"type": "object"},
                    "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
                },
                "additionalProperties": False,
            },
        }
    }
}


def test_the_page_tells_every_property_that_answers_have_and_who_gets_it(anonymous: Caller) -> None:
    told = page(anonymous.get("/openapi.json").json)

    assert told == PAGE.read_text("utf-8"), "read the page's first lines"
    assert [(word, each) for word in WITHOUT_PATIENTS for each in readers_of(told, word) & OF_A_PATIENT] == []
    assert "mrn" in readers_of(told, StaffRole.coordinator)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"id": 1, "parts": [{"size": 1, "whole": None}, {"whole": {"id": 2}}]}, []),
        ({"id": 1, "name": "x"}, [".name"]),
        ({"parts": [{"size": 1, "name": "x"}]}, [".parts[].name"]),
        ({"parts": [{"whole": {"id": 1, "mrn": "x"}}]}, [".parts[].whole.mrn"]),
        ({"parts": [{"free": {"any": [{"thing": 1}]}, "counts": {"any": 1}}]}, []),
        ({"parts": [{"counts": {"any": {"name": 1}}}]}, [".parts[].counts.any.name"]),
    ],
)
def test_what_no_schema_has_is_found_wherever_it_stands(value: Any, found: list[str]) -> None:
    assert list(undeclared(DOCUMENT, [{"$ref": "#/components/schemas/Whole"}], value)) == found


def test_a_word_that_a_schema_does_not_have_is_refused_wherever_it_stands(
    app: Flask, engine: Engine, session: Session, clinic: Clinic, anonymous: Caller
) -> None:
    own = NAMES | add_targets(session, clinic, other=False)
    who: dict[str, Caller] = {PATIENT_WORD: as_patient(app, session, clinic.patient)}
    for role in StaffRole:
        who[role] = as_signed_in(app, session, builders.staff(session, clinic.practice, role=role))
    session.commit()
    document = anonymous.get("/openapi.json").json
    for each in who.values():
        each.get("/me")  # the first use is noted
    before, refused = everything(engine), 0

    for route in API_ROUTES:
        if properties_of(document, route) is None or any(each in route for each in TAKEN_AS_THEY_COME):
            continue
        allowed = WHO_MAY[route]
        caller = anonymous if allowed is ANYONE else next(who[word] for word in who if word in allowed)
        for body in with_a_strange_word(body_of(route, own) or {}):
            answer = call(caller, route, own, body=body)
            assert answer.status_code == 422, (route, body, answer.status_code)
            refused += 1

    assert refused > 70
    assert everything(engine) == before


def with_a_strange_word(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a body once for each object in it, with a word in there that nobody asked for."""
    for number in range(len(list(objects_in(body)))):
        changed = deepcopy(body)
        list(objects_in(changed))[number]["unheard_of"] = 1
        yield changed


def objects_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = [part for name, part in value.items() if name != AS_BROWSERS_MAKE_IT]
    for part in value if isinstance(value, list) else ():
        yield from objects_in(part)
