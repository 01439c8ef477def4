"""What is fuzzed: the routes that take whole documents from outside, with what a real client sends as a beginning."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from config import Settings
from schedules.clock import SystemClock
from service.app import create_app
from service.identity.tokens import enrol_device, issue_staff_token
from service.sync.collections import COLLECTIONS
from tests.api.conftest import API, Clinic, make_clinic

JSON: Final = "application/json"
PROTOCOL: Final = Path("schedules/protocols/lumbar_microdiscectomy.miss.v1.toml")
COHORT: Final = Path("tests/cohort/faulty.csv")


@dataclass(frozen=True, slots=True)
class Target:
    """`send` sends one input. `seeds` are inputs to begin with, `words` what the fuzzer may put in."""

    send: Callable[[bytes], TestResponse]
    seeds: Sequence[bytes]
    words: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Route:
    """Where a target's bytes go, as what, by whom, and what a client sends there."""

    path: str
    content_type: str
    by_staff: bool
    seeds: Callable[[Clinic], Sequence[bytes]]
    words: Sequence[str]
    method: str = "POST"
    before: Sequence[tuple[str, dict[str, Any]]] = ()  # what is posted once, and what answers an ETag


def make_target(name: str, session: Session, settings: Settings) -> Target:
    """Return a target on the empty database of `settings`, which `session` reaches."""
    route, clinic, now = _ROUTES[name], make_clinic(session), SystemClock().now()
    staff = issue_staff_token(session, clinic.clinician, now).secret
    phone = enrol_device(session, clinic.id, clinic.patient.id, now).access.secret
    session.commit()
    seeds = route.seeds(clinic)
    client = create_app(settings).test_client()
    headers = {"Authorization": f"Bearer {staff if route.by_staff else phone}"}
    for path, body in route.before:
        prepared = client.post(API + path, json=body, headers=headers)
        assert prepared.status_code < 300, prepared.status_code
        headers |= {"If-Match": prepared.headers["ETag"]}

    def send(data: bytes) -> TestResponse:
        answer = client.open(
            API + route.path, method=route.method, data=data, content_type=route.content_type, headers=headers
        )
        if "ETag" in answer.headers:
            headers["If-Match"] = answer.headers["ETag"]
        return answer

    return Target(send, seeds, route.words)


def _columns() -> list[str]:
    return sorted({column for each in COLLECTIONS.values() for column in each.by_name})


def _check_in(clinic: Clinic) -> dict[str, Any]:
    return {"id": "c-1", "episode_id": clinic.episode.id, "reported_at": 1_772_460_000_000, "pain": 4, "note": "Slept"}


def _of_watermelon(clinic: Clinic) -> list[bytes]:
    changed = {"created": [_check_in(clinic)], "updated": [], "deleted": []}
    progress = {"created": [], "updated": [{"id": "m-1", "achieved_on": "2026-03-02"}], "deleted": ["c-1"]}
    return [_json({"check_ins": changed}), _json({"milestone_progress": progress})]


def _of_rxdb(clinic: Clinic) -> list[bytes]:
    new = _check_in(clinic) | {"_deleted": False}
    return [_json([{"newDocumentState": new}]), _json([{"newDocumentState": new, "assumedMasterState": new}])]


def _of_powersync(clinic: Clinic) -> list[bytes]:
    told = _check_in(clinic)
    row_id = told.pop("id")
    crud = [{"op": op, "type": "check_ins", "id": row_id, "data": told} for op in ("PUT", "PATCH", "DELETE")]
    return [_json({"crud": crud}), *(_json({"crud": [each]}) for each in crud)]


def _of_import(_: Clinic) -> list[bytes]:
    header, *rows = COHORT.read_bytes().splitlines(keepends=True)
    return [header, *(header + row for row in rows)]


def _of_protocol(_: Clinic) -> list[bytes]:
    return [PROTOCOL.read_bytes(), PROTOCOL.read_bytes().replace(b'id = "MD-MISS"', b'id = "own-disc"')]


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


_SYNCED: Final = (*COLLECTIONS, *_columns(), "created", "updated", "deleted", "null", "1e999", "2026-03-02")
_ROUTES: Final = {
    "watermelon": _Route("/sync/watermelon?last_pulled_at=0", JSON, False, _of_watermelon, _SYNCED),
    "rxdb": _Route("/sync/rxdb/check_ins/1/push", JSON, False, _of_rxdb, (*_SYNCED, "newDocumentState")),
    "powersync": _Route("/sync/powersync/crud", JSON, False, _of_powersync, (*_SYNCED, "crud", "PUT", "PATCH")),
    "import": _Route("/import", "text/csv", True, _of_import, ('"', ",", "\r\n", "performed", "L4-L5", "2026-10-01")),
    "protocol": _Route(
        "/protocols/own-disc/versions/1",
        "application/toml",
        True,
        _of_protocol,
        ("[[", "]]", '"""', "grade", "earliest", "latest", "target", "sources", "phases", "nan", "inf"),
        method="PUT",
        before=[("/protocols/MD-MISS/copies", {"version": 1, "id": "own-disc"})],
    ),
}
TARGETS: Final = tuple(_ROUTES)
