"""Hostile words wherever a request has room for them: taken literally or refused, never a fault, never slow."""

import gzip
import io
import json
import logging
from collections.abc import Iterator
from time import thread_time

import pytest
from flask import Flask
from werkzeug.routing import Rule

from service.api.scope import template
from service.identity.roles import WHO_MAY
from service.logs import JsonFormatter
from tests.api.conftest import API, Caller
from tests.api.shared import Shared, shared_clinic
from tests.database import Databases

pytestmark = pytest.mark.sqlite_only

QUERIES = ("after", "limit", "as_of", "mrn", "state", "kind", "patient_id", "episode_id", "procedure", "from", "to")
SQL = (
    "' OR '1'='1",
    "'; DROP TABLE patient; --",
    '" UNION SELECT 1,2,3 --',
    "1) OR SLEEP(5)#",
    "%' ESCAPE '%",
    "%%%___%",
    "\\",
    "$(id)",
    "{{7*7}}",
)
PATHS = ("..%2f..%2fetc%2fpasswd", "..", "%2e%2e%2f", "C:%5Cwindows", "file:%2F%2F%2Fetc", "~root", "nul%00.txt")
NO_FAULT = frozenset({200, 304, 400, 403, 404, 405, 409, 412, 422, 428})


@pytest.fixture(scope="module")
def shared(databases: Databases) -> Iterator[Shared]:
    """Yield the clinic of this module."""
    with shared_clinic(databases) as shared:
        yield shared


@pytest.fixture(scope="module")
def coordinator(shared: Shared) -> Caller:
    """Return the clinic's coordinator."""
    return shared.coordinator


def read_rules(app: Flask) -> list[Rule]:
    """Return the rules of the API that read something for somebody, streams aside."""
    rules = [each for each in app.url_map.iter_rules() if each.rule.startswith(API) and "GET" in (each.methods or ())]
    wanted = [each for each in rules if WHO_MAY.get(f"GET {template(each.rule)}") is not None]
    return [each for each in wanted if not each.rule.endswith(("/events", "/wait", "pullStream"))]


def filled(rule: Rule, word: str) -> str:
    """Return the path of a rule under the API's prefix, `word` in the place of every argument."""
    path = template(rule.rule).removeprefix(API)
    for argument in rule.arguments:
        path = path.replace(f"{{{argument}}}", word)
    return path


@pytest.mark.parametrize("word", SQL)
def test_statements_in_any_query_and_id_are_no_fault_and_cost_no_time(shared: Shared, word: str) -> None:
    rules, began = read_rules(shared.coordinator.client.application), thread_time()
    statuses = {}
    for rule in rules:
        for path in (filled(rule, word), filled(rule, "nothing")):
            answer = shared.coordinator.get(path, query_string=dict.fromkeys(QUERIES, word))
            statuses[path] = answer.status_code

    assert len(rules) > 30
    assert set(statuses.values()) <= NO_FAULT
    assert thread_time() - began < 0.1 * 2 * len(rules)


@pytest.mark.parametrize("word", SQL)
def test_a_statement_in_a_text_is_stored_as_it_is(coordinator: Caller, shared: Shared, word: str) -> None:
    path = f"/patients/{shared.clinic.patient.id}"

    answer = coordinator.amend(path, {"family_name": word})

    assert (answer.status_code, coordinator.get(path).json["family_name"]) == (200, word)
    assert coordinator.get("/patients").status_code == 200


@pytest.mark.parametrize("word", PATHS)
def test_no_id_leads_out_of_its_place(shared: Shared, word: str) -> None:
    rules = [each for each in read_rules(shared.coordinator.client.application) if each.arguments]

    assert {shared.coordinator.get(filled(rule, word)).status_code for rule in rules} <= {404, 400}


def test_what_is_compressed_is_not_unpacked(coordinator: Caller) -> None:
    bomb = gzip.compress(b'{"pain": ' + b" " * 1_000_000 + b"4}")

    answer = coordinator.call(
        "PUT",
        "/check-ins/k7Qm2pXcV9sLwRtA",
        data=bomb,
        content_type="application/json",
        headers={"Content-Encoding": "gzip"},
    )

    assert answer.status_code in (400, 415)


@pytest.mark.parametrize(
    "path",
    ["/metrics", "/debug", "/console", "/.git/config", "/.env", "/config.py", "/static/", "/admin", "/server-status"],
)
@pytest.mark.parametrize("method", ["GET", "TRACE"])
def test_nothing_shows_the_inside(shared: Shared, method: str, path: str) -> None:
    answer = shared.anonymous.client.open(path, method=method)

    assert answer.status_code in (404, 405)
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("word", ["a\r\nb", "\x1b[31mred", '{"event":"forged"}', "\u2028line"])
def test_a_line_of_the_log_stays_one_line_of_json(shared: Shared, word: str) -> None:
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
    try:
        shared.coordinator.get("/patients", query_string={"mrn": word, word: word})
        shared.coordinator.post("/patients", {word: word})
    finally:
        logging.getLogger().removeHandler(handler)

    lines = text.getvalue().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["request"] * len(lines)
    assert len(lines) == 2
    assert "forged" not in text.getvalue()
    assert "\x1b" not in text.getvalue()
