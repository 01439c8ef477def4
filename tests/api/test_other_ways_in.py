"""Other ways to a route, and words in a body that are nobody's to say: neither opens more than the table does."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.base import Base
from models.engine import begin_reads, make_session_factory
from service.api.scope import template
from service.identity.callers import ANYONE
from service.identity.roles import WHO_MAY
from tests.api.conftest import Caller, Clinic, as_patient, as_staff
from tests.api.every_route import API_ROUTES, ENDLESS, NAMES, SYNC, body_of, call
from tests.api.route_targets import add_targets

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
FORGED = {
    "practice_id": "elsewhere",
    "role": "practice_admin",
    "id": "another",
    "created_by": "somebody",
    "fence": 7,
    "state": "done",
    "rev": 1,
    "patient_ids": ["everybody"],
}


@pytest.fixture
def own(session: Session, clinic: Clinic) -> dict[str, str]:
    """Return the ids of everything that is the patient's, and the clinic's."""
    ids = add_targets(session, clinic, other=False)
    session.commit()
    return NAMES | ids


@pytest.mark.sqlite_only
def test_a_verb_that_a_path_does_not_have_reaches_nothing(app: Flask, coordinator: Caller, own: dict[str, str]) -> None:
    paths = {template(rule.rule).format_map(own) for rule in app.url_map.iter_rules()}
    served = app.url_map.bind("localhost")

    came = {
        (verb, path): coordinator.client.open(
            path, method=verb, headers={"Authorization": f"Bearer {coordinator.token}"}
        ).status_code
        for path in paths
        for verb in VERBS
        if verb not in served.allowed_methods(path)  # one's own passkey could be named as another path ends
    }

    assert set(came.values()) == {405}, {case: status for case, status in came.items() if status != 405}


@pytest.mark.sqlite_only
@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_header_does_not_change_the_verb(header: str, patient: Caller, own: dict[str, str]) -> None:
    for route in API_ROUTES:
        verb, path = route.split(" ")
        if not route.startswith(("PUT /api", "PATCH /api", "DELETE /api")) or f"GET {path}" not in WHO_MAY:
            continue
        path = path.removeprefix("/api/v1").format_map(own)

        plain, overridden = patient.get(path), patient.get(path, headers={header: verb})

        assert (overridden.status_code, overridden.get_data()) == (plain.status_code, plain.get_data()), route


@pytest.mark.sqlite_only
def test_a_path_that_is_written_otherwise_is_another_path(coordinator: Caller, own: dict[str, str]) -> None:
    opened = {}
    for route in API_ROUTES:
        verb, path = route.split(" ")
        if path.startswith("/m/"):
            continue  # any text is a link there, and the answer to one that nobody made is the same
        path = path.format_map(own)
        head, tail = path.rsplit("/", 1)
        otherwise = (
            f"{path}/",
            f"{head}//{tail}" if head else f"{path}//",  # more slashes in front are one to the router
            f"{head}/./{tail}",
            f"{head}/%2e/{tail}",
            f"{head}/x/%2e%2e/{tail}",
            path.replace("/api/", "/API/") if "/api/" in path else path.upper(),
            f"{path};a=1",
            f"{path}%00",
            f"{path}%20",
        )
        for each in otherwise:
            headers = {"Authorization": f"Bearer {coordinator.token}"}
            opened[verb, each] = coordinator.client.open(each, method=verb, headers=headers).status_code

    assert {case: status for case, status in opened.items() if status not in (404, 405)} == {}


@pytest.mark.sqlite_only
def test_head_is_decided_like_get(app: Flask, anonymous: Caller, patient: Caller, own: dict[str, str]) -> None:
    for route in API_ROUTES:
        verb, path = route.split(" ")
        if verb != "GET" or route in ENDLESS or not path.startswith("/api/v1/"):
            continue
        path = path.removeprefix("/api/v1").format_map(own)
        for who in (anonymous, patient):
            assert who.call("HEAD", path).status_code == who.get(path).status_code, route


@pytest.mark.slow
def test_no_body_says_whose_a_row_is_who_made_it_or_how_it_stands(
    app: Flask, engine: Engine, session: Session, clinic: Clinic, anonymous: Caller, own: dict[str, str]
) -> None:
    document = anonymous.get("/openapi.json").json
    known_callers = (as_staff(app, session, clinic.clinician), as_patient(app, session, clinic.patient))
    for who in known_callers:
        who.get(f"/patients/{clinic.patient.id}")  # a token's first use is noted
    before, refused = everything(engine), 0

    for number, route in enumerate(API_ROUTES):
        anonymous.client.environ_base["REMOTE_ADDR"] = (
            f"203.0.{number // 200}.{number % 200}"  # one may not ask so often
        )
        known = properties_of(document, route)
        if known is None or SYNC in route:  # what a phone pushes beyond its columns is dropped and counted
            continue
        for word, value in FORGED.items():
            if word in known:
                continue
            for who in known_callers if WHO_MAY[route] is not ANYONE else (anonymous,):
                body = (body_of(route, own) or {}) | {word: value}
                status = call(who, route, own, body=body).status_code
                assert status in (401, 403, 422), (route, word, status)
                refused += status == 422

    assert refused >= 150
    assert everything(engine) == before


def properties_of(document: dict[str, Any], route: str) -> set[str] | None:
    """Return the words that a route's JSON body may have, or None if it takes none."""
    verb, path = route.split(" ")
    operation = document["paths"].get(path, {}).get(verb.lower(), {})
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    schema = content["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return set(schema.get("properties", ()))


def everything(engine: Engine) -> dict[str, list[Any]]:
    """Return all that is stored, besides the trail of who asked."""
    with make_session_factory(engine)() as session:
        begin_reads(session)
        return {
            table.name: sorted(map(repr, session.execute(table.select())))
            for table in Base.metadata.sorted_tables
            if not table.name.startswith("audit_")
        }
