"""What cannot be simulated is refused with its place: one clinic serves all of these, since nothing is stored."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import Caller
from tests.api.shared import Shared, shared_clinic
from tests.api.test_simulations import ASKED, asked
from tests.database import Databases


@pytest.fixture(scope="module")
def shared(databases: Databases) -> Iterator[Shared]:
    """Yield the clinic of this module."""
    with shared_clinic(databases) as shared:
        yield shared


@pytest.fixture(scope="module")
def coordinator(shared: Shared) -> Caller:
    """Return the clinic's coordinator."""
    return shared.coordinator


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (asked(stages=[]), "/stages"),
        (asked(stages=[ASKED["stages"][0]] * 5), "/stages"),
        (asked(stages=["tlif"]), "/stages/0"),
        (asked(procedure="backache"), "/stages/0/procedure"),
        (asked(levels=0), "/stages/0/levels"),
        (asked(name="Alex"), "/stages/0/name"),
        (asked(stages=[{"procedure": "tlif"}]), "/stages/0/approach_class"),
        (asked(stages=[{"procedure": "intracept", "approach_class": "open"}]), "/stages/0/approach_class"),
        (asked(stages=[{"protocol_id": "TLIF-MISS"}]), "/stages/0/protocol_version"),
        (asked(stages=[{"protocol_id": "TLIF-MISS", "protocol_version": 9}]), "/stages/0/protocol"),
        (asked(stages=[{"protocol_id": "nobodys", "protocol_version": 1}]), "/stages/0/protocol"),
        (asked(stages=[{}]), "/stages"),
        (asked(protocol_id="TLIF-MISS", protocol_version=1), "/stages"),
        (asked(beside=True, stages=ASKED["stages"] * 2), "/stages"),
        (asked(surgery_on="9999-12-30"), ""),
        (asked(from_on="9999-12-30"), ""),
        (asked(surgery_on="0001-01-02"), ""),
        (asked(days=0), "/days"),
        (asked(days=1501), "/days"),
        (asked(enrolled_at="2026-02-16"), "/enrolled_at"),
        (asked(patient={"time_zone": "Mars/Olympus"}), "/patient/time_zone"),
        (asked(patient={"quiet_from": "21:00"}), "/patient/quiet_until"),
        (asked(patient={"quiet_from": "21:00", "quiet_until": "21:00"}), "/patient/quiet_until"),
        (asked(patient={"mrn": "SP1"}), "/patient/mrn"),
        (asked(patient=[]), "/patient"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_its_place(
    coordinator: Caller, body: dict[str, Any], pointer: str
) -> None:
    answer = coordinator.post("/simulations", body)

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]
