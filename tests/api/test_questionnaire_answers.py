"""Answers to questionnaires: kept raw and once, of the instrument's parts only, and never said to be watched."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from models import Milestone, QuestionnaireAnswer
from tests.api.conftest import Caller, Clinic, Look
from tests.api.shared import Shared, shared_clinic
from tests.database import Databases

PATH = "/questionnaire-answers/k7Qm2pXcV9sLwRtA"
TAKEN: list[tuple[str, dict[str, Any]]] = [
    ("nrs", {"neck": 10, "arm": 0}),
    ("rmdq", {"ticked": [24, 1, 7]}),
    ("rmdq", {"ticked": []}),
    ("odi", {"percent": 37.8}),
    ("odi", {"points": 16, "answered": 9}),
    ("ndi", {"points": 17.5}),
    ("ndi", {"percent": 35}),
    ("eq5d", {"index": -0.573, "vas": 70}),
    ("promis", {"physical_function": 41.9}),
    ("sf12", {"physical": 38.2, "mental": 51}),
    ("mjoa", {"total": 18}),
]


@pytest.fixture(scope="module")
def shared(databases: Databases) -> Iterator[Shared]:
    """Yield a clinic that no test here changes."""
    with shared_clinic(databases) as clinic:
        yield clinic


def nrs(clinic: Clinic, **changes: Any) -> dict[str, Any]:
    return {
        "episode_id": clinic.episode.id,
        "instrument": "nrs",
        "answered_at": "2026-03-02T08:30:00+01:00",
        "answers": {"leg": 1, "back": 3},
    } | changes


def test_the_same_answers_sent_twice_are_stored_once_as_they_came(
    patient: Caller, clinic: Clinic, milestone_id: Callable[[str], str], look: Look
) -> None:
    body = nrs(clinic, milestone_id=milestone_id("prom_2wk"))

    first, second = patient.put(PATH, body), patient.put(PATH, body)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json == second.json
    assert first.json["answered_at"] == "2026-03-02T07:30:00Z"
    (row,) = look(QuestionnaireAnswer, practice_id=clinic.id)
    assert (row.answers, row.reported_by, row.patient_id) == ({"leg": 1, "back": 3}, "patient", clinic.patient.id)
    assert row.milestone_id == body["milestone_id"]


@pytest.mark.sqlite_only
def test_every_instrument_takes_its_own_parts(patient: Caller, clinic: Clinic, look: Look) -> None:
    told = [
        patient.put(f"/questionnaire-answers/{place}", nrs(clinic, instrument=instrument, answers=answers))
        for place, (instrument, answers) in enumerate(TAKEN)
    ]

    stored = {row.id: (row.instrument, row.answers) for row in look(QuestionnaireAnswer, practice_id=clinic.id)}
    assert [(each.status_code, each.json["answers"]) for each in told] == [(201, answers) for _, answers in TAKEN]
    assert [stored[str(place)] for place in range(len(TAKEN))] == TAKEN


@pytest.mark.parametrize(
    ("instrument", "answers", "pointer"),
    [
        ("nrs", {}, "/answers"),
        ("nrs", {"back": 11}, "/answers/back"),
        ("nrs", {"back": None}, "/answers/back"),
        ("nrs", {"back": 3.5}, "/answers/back"),
        ("nrs", {"back": 3, "percent": 20}, "/answers"),
        ("nrs", {"head": 3}, "/answers/head"),
        ("nrs", [3], "/answers"),
        ("rmdq", {"ticked": [1, 25]}, "/answers/ticked/1"),
        ("rmdq", {"ticked": [1, 1]}, "/answers/ticked"),
        ("odi", {"ticked": [1]}, "/answers"),
        ("odi", {"percent": 100.5}, "/answers/percent"),
        ("odi", {"percent": "40"}, "/answers/percent"),
        ("odi", {"percent": True}, "/answers/percent"),
        ("ndi", {"percent": 40, "points": 20}, "/answers"),
        ("odi", {"points": 46, "answered": 9}, "/answers/points"),
        ("odi", {"answered": 11}, "/answers/answered"),
        ("mjoa", {"total": 19}, "/answers/total"),
        ("womac", {"total": 1}, "/instrument"),
    ],
)
@pytest.mark.sqlite_only
def test_what_an_instrument_does_not_have_is_refused_with_its_place(
    shared: Shared, instrument: str, answers: Any, pointer: str
) -> None:
    answer = shared.patient.put(PATH, nrs(shared.clinic, instrument=instrument, answers=answers))

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)


def test_an_amendment_needs_the_etag_and_is_the_authors_alone(
    patient: Caller, coordinator: Caller, clinic: Clinic
) -> None:
    etag = patient.put(PATH, nrs(clinic)).headers["ETag"]
    amended = nrs(clinic, answers={"leg": 2, "back": 3})

    without = patient.put(PATH, amended)
    by_staff = coordinator.put(PATH, amended, match=etag)
    by_patient = patient.put(PATH, amended, match=etag)

    assert [each.status_code for each in (without, by_staff, by_patient)] == [428, 403, 200]
    assert by_patient.json["answers"] == {"leg": 2, "back": 3}


def test_the_milestone_is_a_questionnaires_of_the_episode(
    patient: Caller, clinic: Clinic, milestone_id: Callable[[str], str], look: Look
) -> None:
    (others,) = look(Milestone, practice_id=clinic.id, episode_id=clinic.other_episode.id, key="prom_2wk")

    answers = [
        patient.put(PATH, nrs(clinic, milestone_id=each)) for each in (milestone_id("walk30"), others.id, "nothing")
    ]

    assert [(each.status_code, each.json["errors"][0]["pointer"]) for each in answers] == [(404, "/milestone_id")] * 3
    assert look(QuestionnaireAnswer, practice_id=clinic.id) == []


def test_answers_are_listed_latest_first_page_by_page_and_nobody_watches(patient: Caller, clinic: Clinic) -> None:
    for day in (1, 3, 2):
        patient.put(f"/questionnaire-answers/day-{day}", nrs(clinic, answered_at=f"2026-02-0{day}T08:00:00Z"))
    path = f"/episodes/{clinic.episode.id}/questionnaire-answers"

    first = patient.get(f"{path}?limit=2").json
    second = patient.get(f"{path}?limit=2&after={first['next']}").json

    assert [item["id"] for item in first["items"] + second["items"]] == ["day-3", "day-2", "day-1"]
    assert second["next"] is None
    assert (first["monitored"], first["emergency"]["number"]) == (False, "911")


def test_answers_from_days_ahead_are_refused(patient: Caller, clinic: Clinic) -> None:
    answer = patient.put(PATH, nrs(clinic, answered_at="2026-03-05T08:00:00Z"))

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/answered_at")


def test_answers_never_change_their_episode(coordinator: Caller, clinic: Clinic) -> None:
    etag = coordinator.put(PATH, nrs(clinic)).headers["ETag"]

    answer = coordinator.put(PATH, nrs(clinic, episode_id=clinic.other_episode.id), match=etag)

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/episode_id")
