"""Every route of the role table, for every kind of caller: one entry of who, what, whom, when and how it ended."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import AuditEntry, AuditSubject
from models.audit import ActorKind, AuditAction
from models.engine import begin_reads, make_session_factory
from models.proxy import ProxyScope
from models.service_account import Scope
from service.identity.callers import ANYONE
from service.identity.roles import WHO_MAY
from service.identity.service_accounts import authenticate_service, is_service_key
from service.identity.tokens import authenticate
from tests.api.conftest import Caller, Clinic, as_patient, as_proxy, as_service, as_staff
from tests.api.every_route import API_ROUTES, MISSING, SYNC, call, creates, is_about_somebody
from tests.api.route_targets import add_targets
from tests.clock import MONDAY_AFTERNOON

DENIALS = (401, 403, 404)
# These are about whoever calls, or about everybody whom their answer shows.
LISTS = ("GET /api/v1/tasks", "GET /api/v1/patients", "GET /api/v1/likely-doubles")
# These tell a phone that something changed, and nothing else.
CALLS = (f"{SYNC}/events", f"{SYNC}/wait", "/pullStream", "/write-checkpoint2.json")
OWN_ACCOUNT, OWN_CARDS, ROTA = "/v1/me", "/v1/me/cards", "/v1/on-call"
OF_ONE = ("GET /api/v1/conflicts", "GET /api/v1/refused-rows", "GET /api/v1/held-deliveries")


@dataclass(frozen=True)
class Left:
    """What a request left in the audit trail."""

    actor_kind: ActorKind
    actor_id: str | None
    route: str
    status: int | None
    happened_at: datetime
    is_denial: bool
    patient_ids: frozenset[str]


@pytest.fixture
def left(engine: Engine, clinic: Clinic) -> Callable[[], list[Left]]:
    """Return a way to read what was left since it was last asked."""
    practice_id, seen = clinic.id, set[str]()

    def read() -> list[Left]:
        with make_session_factory(engine)() as session:
            begin_reads(session)
            entries = session.scalars(select(AuditEntry).filter_by(practice_id=practice_id)).all()
            new = [entry for entry in entries if entry.id not in seen]
            seen.update(entry.id for entry in entries)
            return [_left(session, entry) for entry in new]

    return read


def _left(session: Session, entry: AuditEntry) -> Left:
    named = session.scalars(select(AuditSubject.patient_id).filter_by(entry_id=entry.id))
    told = (entry.actor_kind, entry.actor_id, entry.route, entry.status, entry.happened_at)
    return Left(*told, entry.action is AuditAction.denied, frozenset(named))


def whom(route: str, *, is_staff: bool, is_own: bool, clinic: Clinic) -> frozenset[str]:
    """Return the patients whom a route shows or changes if it answers."""
    person = frozenset({clinic.patient.id})
    if (OWN_ACCOUNT in route and OWN_CARDS not in route) or ROTA in route:
        return frozenset()
    if is_about_somebody(route):
        return person if is_own else frozenset()
    if is_staff:
        both = person | {clinic.other_patient.id}
        return both if route in LISTS else person if route in OF_ONE else frozenset()
    is_of_phone = (SYNC in route and not route.endswith(CALLS)) or "/push-address" in route or OWN_CARDS in route
    return person if is_of_phone else frozenset()


@pytest.mark.sqlite_only
@pytest.mark.parametrize("kind", ["patient", "proxy", "staff", "program"])
def test_each_answer_to_a_known_caller_leaves_one_entry_that_tells_the_whole_of_it(
    kind: str, app: Flask, session: Session, clinic: Clinic, left: Callable[[], list[Left]]
) -> None:
    own = add_targets(session, clinic, other=False)
    makers: dict[str, Callable[[], Caller]] = {
        "patient": lambda: as_patient(app, session, clinic.patient),
        "proxy": lambda: as_proxy(app, session, clinic, *ProxyScope),
        "staff": lambda: as_staff(app, session, clinic.coordinator),
        "program": lambda: as_service(app, session, clinic, *Scope),
    }
    who, is_staff = makers[kind](), kind in ("staff", "program")
    assert who.token is not None
    known = authenticate_service if is_service_key(who.token) else authenticate
    actor = known(session, who.token, MONDAY_AFTERNOON)
    session.commit()

    came, should, tried = {}, {}, {"told": 0, "denied": 0, "neither": 0}
    for route in (route for route in API_ROUTES if WHO_MAY[route] is not ANYONE):
        for target, ids in (("missing", MISSING), ("own", own)):
            if creates(route, target):
                continue
            status = call(who, route, ids).status_code
            is_denial, is_told = status in DENIALS, status < 300
            named = whom(route, is_staff=is_staff, is_own=ids is own, clinic=clinic) if is_told else frozenset()
            left_by_it = Left(actor.actor_kind, actor.actor_id, route, status, MONDAY_AFTERNOON, is_denial, named)
            should[route, target] = [left_by_it] if is_denial or is_told else []
            came[route, target] = left()
            tried["told" if is_told else "denied" if is_denial else "neither"] += 1

    assert came == should
    assert min(tried.values()) >= 4, tried
