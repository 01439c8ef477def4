"""What a phone has without a network: the card for emergencies, words of messages, questionnaires answered offline."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import FormerVersion, MilestoneProgress, QuestionnaireAnswer, RefusedRow
from schedules.planning.safety_cards import write_safety_card
from service.identity.tokens import enrol_device
from service.sync.collections import COLLECTIONS, SCHEMA_VERSION, served
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import FixedClock
from tests.sync.conftest import Phone

NEW_IN_2 = {"reminders": {"text", "correction"}, "safety_cards": {"words"}}
NEW_IN_4 = {"opioid_doses", "temperature_tenths_c", "wound_signs", "sleep", "mood", "confidence"}
MOST_OPEN_IN_RXDB = 13  # collections that its free core opens at once


def answers(clinic: Clinic, row_id: str, **more: Any) -> dict[str, Any]:
    """Return an answered questionnaire as a phone makes it: 2026-03-02, 14:00 UTC."""
    return {
        "id": row_id, "episode_id": clinic.episode.id, "milestone_id": None, "instrument": "nrs",
        "answered_at": 1_772_460_000_000, "answers": '{"leg": 1, "back": 3}', **more,
    }  # fmt: skip


def test_a_phone_has_the_card_for_emergencies(patient: Caller, clinic: Clinic, session: Session) -> None:
    write_safety_card(session, clinic.practice)
    session.commit()
    phone = Phone(patient)

    phone.pull()

    card = phone.rows["safety_cards"][clinic.id]
    assert (card["phone"], card["country"], card["monitored_until"]) == (clinic.practice.phone, "US", None)
    assert json.loads(card["emergency_numbers"])["ES"] == "112"
    assert json.loads(card["not_monitored"])["es"].startswith("Nadie lee esto de inmediato.")
    assert json.loads(card["red_flags"])[5]["question"]["en"].startswith("Do you have new numbness between the legs")
    assert json.loads(card["words"])["local_number"]["es"] == "número de emergencias de su localidad"


def test_a_phone_has_the_words_of_every_message(phone: Phone) -> None:
    words = [json.loads(row["text"]) for row in phone.rows["reminders"].values()]

    assert words
    assert all(each["en"] and each["es"] for each in words)
    assert {row["correction"] for row in phone.rows["reminders"].values()} == {None}


def test_clients_of_version_1_get_exactly_its_columns(patient: Caller, clinic: Clinic, session: Session) -> None:
    write_safety_card(session, clinic.practice)
    session.commit()
    old, new = Phone(patient), Phone(patient)

    pulled = old.pull(schema_version=1)
    new.pull(schema_version=2)

    assert "questionnaire_answers" not in pulled["changes"]
    assert set(pulled["changes"]) == {each.name for each in served(1)}
    for name, columns in NEW_IN_2.items():
        for row_id, row in new.rows[name].items():
            assert old.rows[name][row_id] == {key: each for key, each in row.items() if key not in columns}


def test_a_client_that_grows_gets_what_its_new_columns_hold(patient: Caller, clinic: Clinic, session: Session) -> None:
    write_safety_card(session, clinic.practice)
    session.commit()
    phone = Phone(patient)
    phone.pull(schema_version=1)
    phone.push(questionnaire_answers=[answers(clinic, "q-1")])
    columns = [{"table": name, "columns": sorted(each)} for name, each in NEW_IN_2.items()]
    migration = {"from": 1, "tables": ["questionnaire_answers"], "columns": columns}

    phone.pull(schema_version=2, migration=json.dumps(migration))

    assert list(phone.rows["questionnaire_answers"]) == ["q-1"]
    assert all(row["text"] for row in phone.rows["reminders"].values())
    assert phone.rows["safety_cards"][clinic.id]["words"]


def test_a_schema_only_grows_and_fits_the_smallest_client() -> None:
    assert SCHEMA_VERSION == 5
    assert len(COLLECTIONS) <= MOST_OPEN_IN_RXDB
    for collection in served(1):
        old, new = collection.columns_of(1), collection.columns_of(2)
        added = {column.name for column in new} - {column.name for column in old}
        assert added == NEW_IN_2.get(collection.name, set())
        assert [column for column in new if column.name not in added] == list(old)
    for collection in served(2):
        old, new = collection.columns_of(2), collection.columns_of(3)
        added = {column.name for column in new} - {column.name for column in old}
        assert added == ({"red_flags"} if collection.name == "check_ins" else set())
        assert [column for column in new if column.name not in added] == list(old)
    for collection in served(3):
        old, new = collection.columns_of(3), collection.columns_of(4)
        added = {column.name for column in new} - {column.name for column in old}
        assert added == (NEW_IN_4 if collection.name == "check_ins" else set())
        assert [column for column in new if column.name not in added] == list(old)
    for collection in served(4):
        old, new = collection.columns_of(4), collection.columns_of(5)
        added = {column.name for column in new} - {column.name for column in old}
        assert added == ({"exercises"} if collection.name in ("check_ins", "episodes") else set())
        assert [column for column in new if column.name not in added] == list(old)


def test_answers_given_offline_are_stored_once_as_they_came_however_often_they_come(
    phone: Phone, clinic: Clinic, milestone_id: Callable[[str], str], look: Look
) -> None:
    row = answers(clinic, "Zq3MdIATlIFVMwSK", milestone_id=milestone_id("prom_2wk"))

    told = [phone.push(questionnaire_answers=[row]).json for _ in range(3)]
    phone.pull()

    (stored,) = look(QuestionnaireAnswer)
    assert (stored.answers, stored.instrument, stored.reported_by) == ({"leg": 1, "back": 3}, "nrs", "patient")
    assert [(each["stored"], each["unchanged"]) for each in told] == [(1, 0), (0, 1), (0, 1)]
    assert look(FormerVersion) == []
    assert phone.rows["questionnaire_answers"]["Zq3MdIATlIFVMwSK"]["answers"] == '{"back":3,"leg":1}'


def test_an_amendment_keeps_what_was_answered_before(phone: Phone, clinic: Clinic, look: Look) -> None:
    phone.push(questionnaire_answers=[answers(clinic, "q-1")])
    phone.pull()

    phone.push(questionnaire_answers=[answers(clinic, "q-1", answers='{"back": 5}')])

    assert [row.answers for row in look(QuestionnaireAnswer)] == [{"back": 5}]
    assert [json.loads(row.content or "") for row in look(FormerVersion)] == [{"answers": '{"back":3,"leg":1}'}]


def test_the_same_answers_in_another_order_are_no_conflict_with_what_another_phone_stored(
    phone: Phone, second_phone: Phone, clinic: Clinic, look: Look
) -> None:
    phone.push(questionnaire_answers=[answers(clinic, "q-1")])

    again = second_phone.push(questionnaire_answers=[answers(clinic, "q-1", answers='{"back":3,  "leg":1}')])

    assert (again.status_code, again.json["unchanged"]) == (200, 1)
    assert len(look(QuestionnaireAnswer)) == 1


def test_answers_that_cannot_be_are_kept_aside_and_the_phone_lets_them_go(
    phone: Phone, clinic: Clinic, milestone_id: Callable[[str], str], look: Look
) -> None:
    rows = [
        answers(clinic, "q-1", answers='{"back": 11}'),
        answers(clinic, "q-2", instrument="odi"),
        answers(clinic, "q-3", answers="no JSON"),
        answers(clinic, "q-4", milestone_id=milestone_id("walk30")),
        answers(clinic, "q-5", episode_id=clinic.other_episode.id),
        answers(clinic, "q-6"),
    ]

    pushed = phone.push(questionnaire_answers=rows)
    pulled = phone.pull()

    assert (pushed.json["stored"], pushed.json["refused"]) == (1, 5)
    assert [row.id for row in look(QuestionnaireAnswer)] == ["q-6"]
    assert sorted(pulled["changes"]["questionnaire_answers"]["deleted"]) == [f"q-{number}" for number in range(1, 6)]
    assert sorted(row.reason for row in look(RefusedRow)) == [
        "invalid", "invalid", "invalid", "unknown", "unknown_milestone",
    ]  # fmt: skip


def test_what_staff_entered_a_phone_does_not_change(
    phone: Phone, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    body = {
        "episode_id": clinic.episode.id, "instrument": "odi", "answered_at": "2026-03-02T08:30:00Z",
        "answers": {"percent": 38},
    }  # fmt: skip
    coordinator.put("/questionnaire-answers/q-1", body)
    phone.pull()
    row = phone.rows["questionnaire_answers"]["q-1"]

    pushed = phone.push(questionnaire_answers=[dict(row, answers='{"percent": 2}')])
    phone.pull()

    assert pushed.json["reasserted"] == 1
    assert [row.answers for row in look(QuestionnaireAnswer)] == [{"percent": 38}]
    assert phone.rows["questionnaire_answers"]["q-1"]["answers"] == '{"percent":38}'


@pytest.fixture
def phone_after_two_weeks(app: Flask, session: Session, clinic: Clinic, clock: FixedClock) -> Phone:
    """Return the patient's phone two weeks after surgery, which has pulled everything."""
    at = datetime(2026, 3, 9, 15, 0, tzinfo=UTC)
    clock.set_wall_clock(at)
    tokens = enrol_device(session, clinic.id, clinic.patient.id, at)
    session.commit()
    phone = Phone(Caller(app.test_client(), tokens.access.secret))
    phone.pull()
    return phone


def test_questionnaires_answered_offline_in_one_push_achieve_their_milestone_once(
    phone_after_two_weeks: Phone, clinic: Clinic, milestone_id: Callable[[str], str], look: Look
) -> None:
    phone, asked = phone_after_two_weeks, milestone_id("prom_2wk")
    told = {"milestone_id": asked, "answered_at": 1_773_064_800_000}  # 2026-03-09, 14:00 UTC
    ticked = told | {"instrument": "rmdq", "answers": '{"ticked": [1, 3]}'}

    pushed = phone.push(questionnaire_answers=[answers(clinic, "q-1", **told), answers(clinic, "q-2", **ticked)])
    phone.pull()

    assert (pushed.status_code, pushed.json["stored"]) == (200, 2)
    (progress,) = look(MilestoneProgress, practice_id=clinic.id, id=asked)
    assert (progress.achieved_on, progress.reported_by) == (date(2026, 3, 9), "patient")
    assert phone.rows["milestone_progress"][asked]["achieved_on"] == "2026-03-09"


def test_a_phone_that_notes_the_milestone_itself_beside_its_answers_is_believed(
    phone_after_two_weeks: Phone, clinic: Clinic, milestone_id: Callable[[str], str], look: Look
) -> None:
    phone, asked = phone_after_two_weeks, milestone_id("prom_2wk")
    noted = {"id": asked, "achieved_on": "2026-03-08", "skip_reason": None, "note": None}
    told = answers(clinic, "q-1", milestone_id=asked, answered_at=1_773_064_800_000)

    pushed = phone.push(questionnaire_answers=[told], milestone_progress=[noted])

    assert pushed.status_code == 200
    (progress,) = look(MilestoneProgress, practice_id=clinic.id, id=asked)
    assert progress.achieved_on == date(2026, 3, 8)
