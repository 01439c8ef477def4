"""What is no move is refused with where, what was expected and what came; who may not ask learns nothing."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from models import Surgery
from service.api import examples_moves as examples
from service.api.move_bodies import MoveBody, MovePage, MoveView
from tests.api.conftest import Answer, Caller, Clinic
from tests.api.test_moves import DAY_0, STAGE, dry_run, faults, moved, planned

ID = "k7Qm2pXcV9sLwRtA"
NO_SUCH = {"change": "date_moved", "surgery_id": ID, "surgery_on": "2026-03-23"}


@pytest.fixture
def surgery(session: Session, clinic: Clinic) -> Surgery:
    """Return a surgery that is planned for two weeks from now, with its plan."""
    return planned(session, clinic)


def send(caller: Caller, surgery: Surgery, body: dict[str, Any]) -> Answer:
    return caller.post(f"/episodes/{surgery.episode_id}/moves", json=body)


BODIES: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({}, [("/changes", "nothing"), ("/reason", "nothing"), ("/dry_run", "nothing")]),
    ({"changes": [], "reason": "medical", "dry_run": True}, [("/changes", "list of 0")]),
    ({"changes": [NO_SUCH], "reason": "medical"}, [("/dry_run", "nothing")]),
    ({"changes": [NO_SUCH], "reason": "medical", "dry_run": False}, [("/dry_run", "false")]),
    ({"changes": [NO_SUCH], "reason": "bored", "dry_run": True}, [("/reason", "bored")]),
    ({"changes": [NO_SUCH] * 21, "reason": "medical", "dry_run": True}, [("/changes", "list of 21")]),
    ({"token": "AAAA", "reason": "medical"}, [("/reason", "something")]),
    ({"token": None}, [("/token", "null")]),
    ({"changes": "date_moved", "reason": "medical", "dry_run": True}, [("/changes", "text of 10 characters")]),
]
CHANGES: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"change": "teleported"}, [("/changes/0/change", "teleported")]),
    ({"change": "date_moved"}, [("/changes/0/surgery_on", "nothing")]),
    ({"change": "date_moved", "surgery_on": "2026-02-30"}, [("/changes/0/surgery_on", "2026-02-30")]),
    (moved() | {"levels": ["L4-L5"]}, [("/changes/0/levels", "something")]),
    ({"change": "date_cleared", "surgery_on": "2026-03-23"}, [("/changes/0/surgery_on", "something")]),
    ({"change": "approach_changed"}, [("/changes/0/approach", "nothing")]),
    ({"change": "levels_changed", "levels": []}, [("/changes/0/levels", "list of 0")]),
    ({"change": "stage_added", "surgery_id": ID}, [("/changes/0/surgery", "nothing")]),
]
IMPOSSIBLE: list[tuple[dict[str, Any], int, str, str]] = [
    (moved(DAY_0), 422, "/changes/0", "what is stored"),
    ({"change": "date_moved", "surgery_on": "2060-01-01"}, 422, "/changes/0/surgery_on", "2060-01-01"),
    ({"change": "date_moved", "surgery_on": "1066-10-14"}, 422, "/changes/0/surgery_on", "1066-10-14"),
    ({"change": "date_set", "surgery_on": "2026-03-23"}, 409, "/changes/0/change", "date_set"),
    ({"change": "levels_changed", "levels": ["C5-C6"]}, 422, "/changes/0/levels", "C5-C6"),
    ({"change": "approach_changed", "approach": "anterior"}, 422, "/changes/0/approach", "'anterior'"),
    ({"change": "procedure_changed", "procedure": "acdf"}, 422, "/changes/0", "L4-L5"),
    (
        {"change": "stage_added", "surgery_id": ID, "surgery": STAGE | {"stage": 1}},
        409,
        "/changes/0/surgery/stage",
        "1",
    ),
    (NO_SUCH, 404, "/changes/0/surgery_id", "an unknown id"),
]


@pytest.mark.sqlite_only
@pytest.mark.parametrize(("body", "expected"), BODIES)
def test_a_body_that_is_neither_a_dry_run_nor_a_token_is_refused(
    coordinator: Caller, surgery: Surgery, body: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    answer = send(coordinator, surgery, body)

    assert answer.status_code == 422
    assert [(pointer, got) for pointer, _, got in faults(answer)] == expected


@pytest.mark.sqlite_only
@pytest.mark.parametrize(("change", "expected"), CHANGES)
def test_a_change_with_other_fields_than_its_own_is_refused(
    coordinator: Caller, surgery: Surgery, change: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    answer = dry_run(coordinator, surgery, change)

    assert answer.status_code == 422
    assert [(pointer, got) for pointer, _, got in faults(answer)] == expected


@pytest.mark.parametrize(("change", "status", "pointer", "got"), IMPOSSIBLE)
def test_a_change_that_is_not_possible_says_which_and_why(
    coordinator: Caller, surgery: Surgery, change: dict[str, Any], status: int, pointer: str, got: str
) -> None:
    answer = dry_run(coordinator, surgery, change)

    assert (answer.status_code, [(each[0], each[2]) for each in faults(answer)]) == (status, [(pointer, got)])


@pytest.mark.parametrize("text", [None, "The theatre is flooded"])
def test_a_reason_text_goes_with_the_reason_other_alone(
    coordinator: Caller, surgery: Surgery, text: str | None
) -> None:
    more = {"reason": "other"} if text is None else {"reason": "medical", "reason_text": text}

    answer = dry_run(coordinator, surgery, moved(), **more)

    assert faults(answer) == [("/reason_text", "a text if the reason is other, else none", "the opposite")]


def test_a_surgery_that_is_in_use_is_no_new_stage(coordinator: Caller, clinic: Clinic, surgery: Surgery) -> None:
    added = {"change": "stage_added", "surgery_id": clinic.surgery.id, "surgery": STAGE}

    answer = dry_run(coordinator, surgery, added)

    assert (answer.status_code, faults(answer)) == (
        409,
        [("/changes/0/surgery_id", "an id that no surgery has", "one in use")],
    )


def test_a_surgery_of_another_episode_answers_as_a_missing_one(
    coordinator: Caller, clinic: Clinic, foreign_clinic: Clinic, surgery: Surgery
) -> None:
    ids = [clinic.surgery.id, foreign_clinic.surgery.id, ID]

    answers = [dry_run(coordinator, surgery, moved() | {"surgery_id": each}) for each in ids]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert answers[0].data == answers[1].data == answers[2].data


def test_a_foreign_episode_answers_as_a_missing_one_whatever_is_sent(
    coordinator: Caller, foreign_clinic: Clinic
) -> None:
    for body in ({"token": "AAAA"}, {"changes": [NO_SUCH], "reason": "medical", "dry_run": True}):
        foreign = coordinator.post(f"/episodes/{foreign_clinic.episode.id}/moves", json=body)
        missing = coordinator.post(f"/episodes/{ID}/moves", json=body)

        assert (foreign.status_code, foreign.data) == (404, missing.data)
    assert coordinator.get(f"/episodes/{foreign_clinic.episode.id}/moves").status_code == 404


def test_patients_neither_move_nor_see_who_did(patient: Caller, clinic: Clinic) -> None:
    body = {"changes": [NO_SUCH], "reason": "medical", "dry_run": True}

    assert patient.post(f"/episodes/{clinic.episode.id}/moves", json=body).status_code == 403
    assert patient.get(f"/episodes/{clinic.episode.id}/moves").status_code == 403


def test_the_examples_of_the_document_fit_their_schemas() -> None:
    for each in examples.REQUESTS.values():
        assert MoveBody().validate(each["value"]) == {}
    for answer in (each["value"] for each in examples.ANSWERS.values()):
        assert MoveView().validate(answer) == {}
    assert MovePage().validate(examples.HISTORY) == {}
