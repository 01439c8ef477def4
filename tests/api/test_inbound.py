"""Patients' SMS: STOP, START and HELP, and what a person is to read, each once, for whoever has the number."""

from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, AuditSubject, Delivery, InboundMessage, Patient, Task
from models.audit import ActorKind
from models.engine import make_session_factory
from models.receipts import InboundKind
from models.report import TaskKind, TaskState
from schedules.plan.vocabulary import Language
from service.care.inbound import kind_of
from tests.api.conftest import Answer, Caller, Clinic, Look
from tests.api.provider_calls import INBOUND, KNOWN, send_form
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import settings_for

NUMBER = "+12125550177"
EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'


@pytest.fixture
def settings(database_url: str) -> Settings:
    return settings_for(database_url, **KNOWN)


@pytest.fixture
def gateway(anonymous: Caller, session: Session, clinic: Clinic) -> Caller:
    """Return the SMS provider, to which the clinic's patient has a number."""
    clinic.patient.phone = NUMBER
    session.commit()
    return anonymous


def write(who: Caller, body: str, sid: str = "SM1", sender: str = NUMBER, **more: Any) -> Answer:
    return send_form(who, INBOUND, {"MessageSid": sid, "From": sender, "Body": body, "To": "+12125550100"}, **more)


def opted_out(look: Look, clinic: Clinic) -> list[str]:
    (row,) = look(Patient, practice_id=clinic.id, id=clinic.patient.id)
    return row.opted_out


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (InboundKind.stop, ["STOP", "stop", " Stop. ", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"]),
        (InboundKind.stop, ["alto", "Parar", "¡BAJA!"]),
        (InboundKind.start, ["START", "UNSTOP", "Alta"]),
        (InboundKind.help, ["HELP", "info", "Ayuda"]),
        (InboundKind.message, ["Please stop the pain", "I can't start walking", "help me", "", "?", "YES"]),
    ],
)
def test_a_single_word_is_a_command_and_a_sentence_is_not(kind: InboundKind, words: list[str]) -> None:
    assert {word: kind_of(word) for word in words} == dict.fromkeys(words, kind)


def test_stop_ends_sms_and_start_begins_them_again(
    gateway: Caller, session: Session, clinic: Clinic, look: Look
) -> None:
    clinic.patient.opted_out = ["email"]
    session.commit()

    stop = write(gateway, "Stop", sid="SM1")
    stopped = opted_out(look, clinic)
    start = write(gateway, "START", sid="SM2")

    assert [(each.status_code, each.get_data(as_text=True)) for each in (stop, start)] == [(200, EMPTY)] * 2
    assert stop.content_type == "text/xml; charset=utf-8"
    assert (stopped, opted_out(look, clinic)) == (["email", "sms"], ["email"])


@pytest.mark.postgresql_only
def test_stop_waits_for_the_workers_last_check(gateway: Caller, clinic: Clinic, engine: Engine, look: Look) -> None:
    with make_session_factory(engine)() as worker:
        worker.scalars(select(Delivery).filter_by(patient_id=clinic.patient.id).with_for_update()).all()
        during = write(gateway, "STOP")
        worker.rollback()

    assert (during.status_code, opted_out(look, clinic)) == (503, [])
    assert (write(gateway, "STOP").status_code, opted_out(look, clinic)) == (200, ["sms"])


def test_stop_told_again_after_start_changes_nothing(gateway: Caller, clinic: Clinic, look: Look) -> None:
    write(gateway, "STOP", sid="SM1")
    write(gateway, "START", sid="SM2")

    again = write(gateway, "STOP", sid="SM1")

    assert (again.status_code, again.get_data(as_text=True)) == (200, EMPTY)
    assert opted_out(look, clinic) == []
    assert sorted(row.kind for row in look(InboundMessage)) == ["start", "stop"]


def test_whoever_has_the_number_is_opted_out_and_nobody_else(
    gateway: Caller, session: Session, clinic: Clinic, foreign_clinic: Clinic, look: Look
) -> None:
    foreign_clinic.other_patient.phone = NUMBER
    session.commit()

    write(gateway, "STOP")

    out = {row.id for row in look(Patient) if row.opted_out}
    assert out == {clinic.patient.id, foreign_clinic.other_patient.id}
    assert all(row.rev > 1 for row in look(Patient) if row.opted_out)


def test_what_a_provider_told_of_a_patient_is_in_the_audit_trail(
    gateway: Caller, clinic: Clinic, look: Look, session: Session
) -> None:
    write(gateway, "STOP")

    (entry,) = look(AuditEntry, practice_id=clinic.id, actor_kind=ActorKind.provider)
    (message,) = look(InboundMessage)
    assert (entry.actor_id, entry.route) == ("sms", "POST /api/v1/providers/sms/inbound")
    assert entry.about == {"inbound_message_id": message.id, "kind": "stop"}
    named = session.scalars(select(AuditSubject.patient_id).filter_by(entry_id=entry.id)).all()
    assert named == [clinic.patient.id]


@pytest.mark.parametrize(
    ("word", "language", "told"),
    [
        ("HELP", Language.en, "Messages from your care team. Questions? Call +12125550100. Reply STOP to end SMS."),
        (
            "Ayuda",
            Language.es,
            (
                "Mensajes de su equipo de atención. ¿Preguntas? Llame al +12125550100. Responda ALTO para "
                "no recibir más SMS."
            ),
        ),
    ],
)
@pytest.mark.sqlite_only
def test_help_tells_the_clinics_number_and_makes_no_task(
    gateway: Caller, session: Session, clinic: Clinic, look: Look, word: str, language: Language, told: str
) -> None:
    clinic.patient.language = language
    session.commit()

    answer = write(gateway, word)

    assert f"<Message>{told}</Message>" in answer.get_data(as_text=True)
    assert look(Task, kind=TaskKind.message_received) == []


@pytest.mark.parametrize(
    ("language", "country", "told"),
    [
        (
            Language.en,
            "US",
            "Nobody reads this right away. In an emergency call 911. For questions call your clinic: +12125550100.",
        ),
        (
            Language.es,
            "ES",
            (
                "Nadie lee esto de inmediato. En una emergencia llame al 112. Si tiene preguntas, "
                "llame a su clínica: +12125550100."
            ),
        ),
    ],
)
def test_anything_else_is_answered_as_not_monitored_and_waits_for_a_person(
    gateway: Caller, session: Session, clinic: Clinic, look: Look, language: Language, country: str, told: str
) -> None:
    clinic.patient.language, clinic.patient.country = language, country
    session.commit()

    answers = [write(gateway, "My wound is <wet> & red", sid="SM7") for _ in range(2)]

    (message,) = look(InboundMessage)
    (task,) = look(Task, kind=TaskKind.message_received)
    assert all(f"<Message>{told}</Message>" in answer.get_data(as_text=True) for answer in answers)
    assert (message.kind, message.text) == (InboundKind.message, "My wound is <wet> & red")
    assert (task.patient_id, task.episode_id, task.state) == (clinic.patient.id, clinic.episode.id, TaskState.open)
    assert (task.about, task.created_at) == ({"inbound_message_ids": [message.id]}, MONDAY_AFTERNOON)
    stored = session.execute(text("SELECT text_sealed FROM inbound_message")).scalar_one()
    assert b"wound" not in bytes(stored)


def test_what_a_patient_writes_meanwhile_joins_the_task_that_waits(
    gateway: Caller, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    for number in (1, 2):
        write(gateway, f"Question {number}", sid=f"SM{number}")
    (task,) = look(Task, kind=TaskKind.message_received)
    coordinator.post(f"/tasks/{task.id}/close")
    write(gateway, "Question 3", sid="SM3")

    (again,) = look(Task, kind=TaskKind.message_received)
    assert len(task.about["inbound_message_ids"]) == 2
    assert (again.state, len(again.about["inbound_message_ids"])) == (TaskState.open, 1)


def test_staff_read_what_their_patients_wrote(
    gateway: Caller, coordinator: Caller, foreign_staff: Caller, patient: Caller, clinic: Clinic, clock: FixedClock
) -> None:
    write(gateway, "May I shower?", sid="SM1")
    write(gateway, "HELP", sid="SM2")

    answer = coordinator.get(f"/inbound-messages?patient_id={clinic.patient.id}")
    paged = coordinator.get("/inbound-messages?limit=1").json

    read = {(item["kind"], item["text"], item["patient_id"], item["received_at"]) for item in answer.json["items"]}
    assert read == {
        ("message", "May I shower?", clinic.patient.id, "2026-03-02T15:00:00Z"),
        ("help", None, clinic.patient.id, "2026-03-02T15:00:00Z"),
    }
    assert len(coordinator.get(f"/inbound-messages?after={paged['next']}").json["items"]) == 1
    assert coordinator.get(f"/inbound-messages?patient_id={clinic.other_patient.id}").json["items"] == []
    assert foreign_staff.get("/inbound-messages").json["items"] == []
    assert patient.get("/inbound-messages").status_code == 403


@pytest.mark.parametrize(
    "more", [{"sender": "+12125559999"}, {"sid": ""}, {"sender": ""}], ids=["a stranger", "no id", "no number"]
)
@pytest.mark.sqlite_only
def test_a_stranger_gets_no_answer_and_leaves_nothing(gateway: Caller, look: Look, more: dict[str, str]) -> None:
    answer = write(gateway, "Who are you?", **more)

    assert (answer.status_code, answer.get_data(as_text=True)) == (200, EMPTY)
    assert look(InboundMessage) == []


@pytest.mark.sqlite_only
def test_what_another_signed_opts_nobody_out(gateway: Caller, clinic: Clinic, look: Look) -> None:
    assert write(gateway, "STOP", signature="AAAA").status_code == 401
    assert opted_out(look, clinic) == []


def test_what_a_patient_wrote_waits_for_a_person_even_when_the_episode_ends(
    gateway: Caller, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    write(gateway, "My wound is red")

    coordinator.amend(f"/episodes/{clinic.episode.id}", {"status": "closed"})

    (task,) = look(Task, kind=TaskKind.message_received)
    assert task.state is TaskState.open
