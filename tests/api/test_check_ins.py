"""Check-ins: stored once, shown latest first, and never said to be watched."""

import pytest

from models import CheckIn
from tests.api.conftest import Caller, Clinic, Look

PATH = "/check-ins/k7Qm2pXcV9sLwRtA"


def report(clinic: Clinic, **changes: object) -> dict[str, object]:
    return {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T08:30:00+01:00", "pain": 4} | changes


def test_the_same_check_in_sent_twice_is_stored_once(patient: Caller, clinic: Clinic, look: Look) -> None:
    first, second = patient.put(PATH, report(clinic)), patient.put(PATH, report(clinic))

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json == second.json
    assert first.json["reported_at"] == "2026-03-02T07:30:00Z"
    assert first.json["reported_by"] == "patient"
    assert len(look(CheckIn, practice_id=clinic.id)) == 1


def test_two_phones_report_on_one_day(patient: Caller, clinic: Clinic) -> None:
    answers = [patient.put(f"/check-ins/phone-{number}", report(clinic)) for number in (1, 2)]

    assert [answer.status_code for answer in answers] == [201, 201]


def test_a_correction_needs_the_etag(patient: Caller, clinic: Clinic) -> None:
    etag = patient.put(PATH, report(clinic)).headers["ETag"]

    without = patient.put(PATH, report(clinic, pain=6))
    corrected = patient.put(PATH, report(clinic, pain=6), match=etag)

    assert (without.status_code, corrected.status_code, corrected.json["pain"]) == (428, 200, 6)


@pytest.mark.parametrize(
    ("country", "language", "number", "words"),
    [
        ("US", "en", "911", "call 911"),
        ("AU", "en", "000", "call 000"),
        ("GB", "en", "999", "call 999"),
        ("ES", "es", "112", "llame al 112"),
        ("AQ", "en", None, "call your local emergency number"),
        ("AQ", "es", None, "llame al número de emergencias de su localidad"),
    ],
)
@pytest.mark.sqlite_only
def test_every_answer_says_that_nobody_watches_and_whom_to_call(
    patient: Caller, clinic: Clinic, country: str, language: str, number: str | None, words: str
) -> None:
    patient.amend(f"/patients/{clinic.patient.id}", {"country": country, "language": language})

    answers = [patient.put(PATH, report(clinic)), patient.get(f"/episodes/{clinic.episode.id}/check-ins")]

    for answer in answers:
        assert answer.json["monitored"] is False
        assert answer.json["emergency"]["number"] == number
        assert words in answer.json["emergency"]["text"]
        assert clinic.practice.phone in answer.json["emergency"]["text"]


def test_check_ins_are_listed_latest_first_page_by_page(patient: Caller, clinic: Clinic) -> None:
    for day in (1, 3, 2):
        patient.put(f"/check-ins/day-{day}", report(clinic, reported_at=f"2026-02-0{day}T08:00:00Z"))

    first = patient.get(f"/episodes/{clinic.episode.id}/check-ins?limit=2").json
    second = patient.get(f"/episodes/{clinic.episode.id}/check-ins?limit=2&after={first['next']}").json

    assert [item["id"] for item in first["items"] + second["items"]] == ["day-3", "day-2", "day-1"]
    assert second["next"] is None


def test_a_report_from_days_ahead_is_refused(patient: Caller, clinic: Clinic) -> None:
    answer = patient.put(PATH, report(clinic, reported_at="2026-03-05T08:00:00Z"))

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/reported_at")


def test_staff_report_in_their_own_name_and_notes_are_sealed(coordinator: Caller, clinic: Clinic, look: Look) -> None:
    answer = coordinator.put(PATH, report(clinic, note="Called by phone"))

    (row,) = look(CheckIn, practice_id=clinic.id)
    assert (answer.status_code, row.reported_by, row.note) == (201, "staff", "Called by phone")
    assert b"phone" not in (row.note_sealed or b"")


def test_a_check_in_never_changes_its_episode(coordinator: Caller, clinic: Clinic) -> None:
    etag = coordinator.put(PATH, report(clinic)).headers["ETag"]

    answer = coordinator.put(PATH, report(clinic, episode_id=clinic.other_episode.id), match=etag)

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/episode_id")


def test_nobody_puts_words_into_anothers_mouth(patient: Caller, coordinator: Caller, clinic: Clinic) -> None:
    by_patient = patient.put("/check-ins/by-patient", report(clinic)).headers["ETag"]
    by_staff = coordinator.put("/check-ins/by-staff", report(clinic)).headers["ETag"]

    answers = [
        coordinator.put("/check-ins/by-patient", report(clinic, pain=1), match=by_patient),
        patient.put("/check-ins/by-staff", report(clinic, pain=1), match=by_staff),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    shown = coordinator.get(f"/episodes/{clinic.episode.id}/check-ins").json["items"]
    assert {(each["reported_by"], each["pain"]) for each in shown} == {
        ("patient", report(clinic)["pain"]),
        ("staff", report(clinic)["pain"]),
    }


def test_a_day_is_told_in_full_and_signs_at_the_wound_once_each(patient: Caller, clinic: Clinic, look: Look) -> None:
    day = {"opioid_doses": 3, "temperature_tenths_c": 371, "sleep": 4, "mood": 0, "confidence": 10}

    answer = patient.put(PATH, report(clinic, **day, wound_signs=["blood", "redness", "blood"]))

    assert (answer.status_code, answer.json["wound_signs"]) == (201, ["redness", "blood"])
    assert {name: answer.json[name] for name in day} == day
    (row,) = look(CheckIn, practice_id=clinic.id)
    assert (row.opioid_doses, row.temperature_tenths_c, row.wound_signs) == (3, 371, ["redness", "blood"])


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("opioid_doses", -1),
        ("opioid_doses", 101),
        ("temperature_tenths_c", 37),
        ("temperature_tenths_c", 37.5),
        ("temperature_tenths_c", 451),
        ("wound_signs", ["angry"]),
        ("wound_signs", "pus"),
        ("sleep", 11),
        ("mood", "good"),
        ("confidence", True),
    ],
)
def test_what_cannot_be_of_a_day_is_refused(patient: Caller, clinic: Clinic, field: str, value: object) -> None:
    answer = patient.put(PATH, report(clinic, **{field: value}))

    assert (answer.status_code, answer.json["errors"][0]["pointer"].split("/")[1]) == (422, field)
