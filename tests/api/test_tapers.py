"""Opioid tapers: a prescriber's own figures, held against what is taken, and an alert for each step that is passed."""

from typing import Any

import pytest
from sqlalchemy import Engine

from models import OpioidTaper
from tests.alerts import alerts_of
from tests.api.conftest import Caller, Clinic, Look

PATH = "/opioid-tapers/Zq3MdIATlIFVMwSK"
STEPS = [{"from_on": "2026-02-24", "most_mme_tenths": 300}, {"from_on": "2026-03-02", "most_mme_tenths": 150}]


def taper(clinic: Clinic, **changes: Any) -> dict[str, Any]:
    return {"episode_id": clinic.episode.id, "mme_tenths_per_dose": 75, "steps": STEPS} | changes


def take(patient: Caller, clinic: Clinic, check_in_id: str, at: str, doses: int) -> Any:
    """Let the patient tell how many doses were taken."""
    body = {"episode_id": clinic.episode.id, "reported_at": at, "pain": 4, "opioid_doses": doses}
    return patient.put(f"/check-ins/{check_in_id}", body)


def test_what_is_taken_stands_day_by_day_beside_the_prescribers_steps(
    patient: Caller, clinician: Caller, clinic: Clinic
) -> None:
    take(patient, clinic, "before", "2026-02-23T20:00:00Z", 9)
    take(patient, clinic, "morning", "2026-03-01T14:00:00Z", 2)
    take(patient, clinic, "evening", "2026-03-01T20:00:00Z", 4)
    take(patient, clinic, "today", "2026-03-02T14:00:00Z", 2)

    entered = clinician.put(PATH, taper(clinic))
    told = patient.get(f"/episodes/{clinic.episode.id}/opioid-taper").json

    assert (entered.status_code, told["taper"]["entered_by"]) == (201, clinic.clinician.id)
    assert [
        (each["on"], each["mme_tenths"], each.get("most_mme_tenths"), each["is_above"]) for each in told["days"]
    ] == [
        ("2026-03-02", 150, 150, False),
        ("2026-03-01", 300, 300, False),
        ("2026-02-23", 675, None, False),
    ]


def test_a_dose_above_the_step_is_raised_once_for_each_step(
    patient: Caller, clinician: Caller, clinic: Clinic, engine: Engine
) -> None:
    clinician.put(PATH, taper(clinic))

    take(patient, clinic, "within", "2026-03-02T12:00:00Z", 2)
    assert alerts_of(engine, practice_id=clinic.id) == []
    for name in ("first", "second"):
        take(patient, clinic, name, "2026-03-02T14:00:00Z", 3)
    take(patient, clinic, "step-before", "2026-03-01T14:00:00Z", 5)

    told = [(each.kind, each.urgency, each.about["from_on"]) for each in alerts_of(engine, practice_id=clinic.id)]
    assert sorted(told) == [
        ("opioid_above_step", "routine", "2026-02-24"),
        ("opioid_above_step", "routine", "2026-03-02"),
    ]


@pytest.mark.sqlite_only
def test_the_taper_that_was_entered_last_counts_and_none_ever_changes(
    clinician: Caller, patient: Caller, clinic: Clinic, look: Look
) -> None:
    first, again = clinician.put(PATH, taper(clinic)), clinician.put(PATH, taper(clinic))
    other = clinician.put(PATH, taper(clinic, mme_tenths_per_dose=100))
    clinician.put("/opioid-tapers/later", taper(clinic, mme_tenths_per_dose=50))

    assert [each.status_code for each in (first, again, other)] == [201, 200, 409]
    assert patient.get(f"/episodes/{clinic.episode.id}/opioid-taper").json["taper"]["id"] == "later"
    assert len(look(OpioidTaper, practice_id=clinic.id)) == 2


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"steps": []}, "/steps"),
        ({"steps": [STEPS[1], STEPS[0]]}, "/steps/1/from_on"),
        ({"steps": [STEPS[0], STEPS[0]]}, "/steps/1/from_on"),
        ({"steps": [{"from_on": "2026-03-02", "most_mme_tenths": -1}]}, "/steps/0/most_mme_tenths"),
        ({"mme_tenths_per_dose": 7.5}, "/mme_tenths_per_dose"),
    ],
)
def test_steps_that_cannot_be_are_refused_with_their_place(
    clinician: Caller, clinic: Clinic, changes: dict[str, Any], pointer: str
) -> None:
    answer = clinician.put(PATH, taper(clinic, **changes))

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.sqlite_only
def test_steps_are_a_clinicians_to_enter(coordinator: Caller, patient: Caller, clinic: Clinic) -> None:
    assert [who.put(PATH, taper(clinic)).status_code for who in (coordinator, patient)] == [403, 403]


@pytest.mark.sqlite_only
def test_without_steps_nothing_is_above_any(patient: Caller, clinic: Clinic, engine: Engine) -> None:
    take(patient, clinic, "many", "2026-03-02T14:00:00Z", 30)

    assert patient.get(f"/episodes/{clinic.episode.id}/opioid-taper").json["taper"] is None
    assert alerts_of(engine, practice_id=clinic.id) == []
