"""The role table as a page: current, and with a word for every role."""

from pathlib import Path

from models.people import StaffRole
from models.proxy import ProxyScope
from models.service_account import Scope
from service.identity.access_table import write_access_table
from service.identity.principal import PATIENT_WORD
from service.identity.roles import PARTS, WHO_MAY

REVIEWS = {
    "POST /api/v1/emergency-accesses/{access_id}/review",
    "POST /clinic/emergency-accesses/{access_id}/review",
}
OF_AUDITORS = {
    "GET /api/v1/patients/{patient_id}/access-log",
    "GET /api/v1/audit-entries",
    "GET /api/v1/emergency-accesses",
    "GET /clinic/emergency-accesses",
}
PAGE = Path(__file__).parents[2] / "docs" / "access.md"


def test_the_page_shows_the_table_as_it_is() -> None:
    assert PAGE.read_text("utf-8").endswith(write_access_table()), "flask access-table prints what it should say"


def test_a_route_stands_in_one_part_and_names_known_roles_alone() -> None:
    known = {*StaffRole, PATIENT_WORD, *ProxyScope, *Scope}

    assert sum(map(len, PARTS.values())) == len(WHO_MAY)
    assert {word for who in WHO_MAY.values() if who is not None for word in who} == known


def test_auditors_and_operators_change_nothing_but_their_own_account_and_what_was_reviewed() -> None:
    for role in (StaffRole.auditor, StaffRole.operator):
        routes = {route for route, who in WHO_MAY.items() if who is not None and role in who}

        changing = {route for route in routes if not route.startswith("GET ")}
        assert changing - PARTS["oneself"].keys() == (REVIEWS if role is StaffRole.auditor else set())


def test_an_operator_reaches_no_route_about_patients_and_an_auditor_who_did_what_alone() -> None:
    for role, routes in (
        (StaffRole.operator, set()),
        (StaffRole.auditor, OF_AUDITORS | REVIEWS),
    ):
        assert {route for route, who in PARTS["patients"].items() if who is not None and role in who} == routes
