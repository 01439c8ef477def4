"""Rules that a clinic signs: by a clinician, never changed, retired for good."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from models import ClearanceRule
from models.protocols import ProtocolVersion
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import MONDAY_AFTERNOON

BENDING = {"milestone_kind": "blt_end", "protocol_id": "MD-MISS"}


def test_a_clinician_signs_a_rule_once(clinician: Caller, clinic: Clinic, look: Look) -> None:
    sent = [clinician.put("/clearance-rules/one", BENDING) for _ in range(2)]

    (row,) = look(ClearanceRule, practice_id=clinic.id)
    assert [answer.status_code for answer in sent] == [201, 200]
    assert sent[0].json == sent[1].json
    assert (row.milestone_kind, row.protocol_id, row.signed_by) == ("blt_end", "MD-MISS", clinic.clinician.id)
    assert (row.signed_at, row.retired_at) == (MONDAY_AFTERNOON, None)


def test_a_signed_rule_never_changes(clinician: Caller, look: Look) -> None:
    clinician.put("/clearance-rules/one", BENDING)

    answers = [
        clinician.put("/clearance-rules/one", changed)
        for changed in ({"milestone_kind": "blt_end"}, BENDING | {"milestone_kind": "drive"})
    ]

    assert [(each.status_code, each.json["errors"][0]["pointer"]) for each in answers] == [
        (409, "/protocol_id"),
        (409, "/milestone_kind"),
    ]
    assert [row.milestone_kind for row in look(ClearanceRule)] == ["blt_end"]


def test_a_retired_rule_stays_in_the_list(clinician: Caller, coordinator: Caller, clinic: Clinic, look: Look) -> None:
    clinician.put("/clearance-rules/one", BENDING)
    clinician.put("/clearance-rules/two", {"milestone_kind": "drive"})

    retired = [clinician.post("/clearance-rules/one/retire") for _ in range(2)]

    first = coordinator.get("/clearance-rules?limit=1").json
    second = coordinator.get(f"/clearance-rules?limit=1&after={first['next']}").json
    assert [answer.status_code for answer in retired] == [200, 200]
    assert [(each["id"], each["retired_by"]) for each in first["items"] + second["items"]] == [
        ("one", clinic.clinician.id),
        ("two", None),
    ]
    assert {row.id: row.retired_at for row in look(ClearanceRule)} == {"one": MONDAY_AFTERNOON, "two": None}


@pytest.mark.sqlite_only
def test_only_a_clinician_signs_and_retires(
    clinician: Caller, coordinator: Caller, patient: Caller, foreign_staff: Caller
) -> None:
    clinician.put("/clearance-rules/one", BENDING)

    for caller in (coordinator, patient):
        assert caller.put("/clearance-rules/two", BENDING).status_code == 403
        assert caller.post("/clearance-rules/one/retire").status_code == 403
    assert patient.get("/clearance-rules").status_code == 403
    assert foreign_staff.post("/clearance-rules/one/retire").status_code == 403
    assert foreign_staff.get("/clearance-rules").json["items"] == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"milestone_kind": "walk30"}, "/milestone_kind"),
        ({"milestone_kind": "pt_start"}, "/milestone_kind"),
        ({"milestone_kind": "rtw_very_heavy"}, "/milestone_kind"),
        ({"milestone_kind": "everything"}, "/milestone_kind"),
        ({"milestone_kind": "drive", "protocol_id": "NONE"}, "/protocol_id"),
        ({}, "/milestone_kind"),
    ],
)
@pytest.mark.sqlite_only
def test_what_no_rule_may_clear_is_not_signed(
    clinician: Caller, look: Look, body: dict[str, Any], pointer: str
) -> None:
    answer = clinician.put("/clearance-rules/one", body)

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)
    assert look(ClearanceRule) == []


@pytest.mark.sqlite_only
def test_a_rule_may_be_for_the_practices_own_protocol(clinician: Caller, clinic: Clinic, session: Session) -> None:
    own = ProtocolVersion(practice_id=clinic.id, id="own", protocol_id="OURS", version=1, toml="", digest="0" * 64)
    own.created_by, own.created_at = clinic.clinician.id, MONDAY_AFTERNOON
    session.add(own)
    session.commit()

    assert clinician.put("/clearance-rules/one", BENDING | {"protocol_id": "OURS"}).status_code == 201


@pytest.mark.sqlite_only
def test_an_unknown_rule_is_not_retired(clinician: Caller) -> None:
    assert clinician.post("/clearance-rules/one/retire").status_code == 404
    assert clinician.put("/clearance-rules/one", BENDING, match='"1"').status_code == 412
