"""Marked names, numbers and words go through the main flows and come out only where they belong (L01, L03, L05)."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from models import AuditEntry, Decision, Patient, SelfAudit
from models.base import table_of
from models.engine import make_session_factory
from schedules.delivery.channels import Message
from schedules.plan.vocabulary import Provider
from service.logs import JsonFormatter, log_event
from tests.api.canaries import BORN, EMAIL, MARK, MRN, NAMES, PHONE, is_marked, mark
from tests.api.conftest import Answer, Caller, Clinic, as_patient
from tests.api.signing_in import Person
from tests.clock import FixedClock
from tests.worker.desks import Outbox, claim_all, deliver, desk_of

NOTE = f"{MARK} note"
CASELOAD = (
    "mrn,given_name,family_name,date_of_birth,language,country,time_zone,units,email,phone,episode,procedure,approach,"
    "levels,surgery_date,site,indication,strange\n"
    f"{MRN}-2,{MARK},{MARK},not a date,en,US,Nowhere/{MARK},imperial,{MARK} at,{PHONE},E1,{MARK},open,L4-L5,,{MARK},"
    f"{MARK},{MARK}\n"
)


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Yield all that is logged from here on, by whomever and at every level, in the service's own form."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    root, levels = logging.getLogger(), {}
    for name in ("", "service", "schedules", "sqlalchemy.engine", "werkzeug"):
        levels[name] = logging.getLogger(name).level
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def _bad_requests(staff: Caller, phone: Caller, clinic: Clinic) -> list[Answer]:
    """Return the answers to requests that are refused for marked content, of every kind of refusal."""
    path = f"/patients/{clinic.patient.id}"
    return [
        staff.put("/patients/new", {"mrn": MRN, "given_name": MARK}),
        staff.put("/patients/new", {**NAMES, "mrn": MRN, "date_of_birth": MARK, "country": MARK, "email": NOTE}),
        staff.put("/patients/new", {MARK: MARK}),
        staff.post("/patients/new", {MARK: MARK}),
        staff.call("POST", "/import", data=CASELOAD.encode(), content_type="text/csv"),
        staff.call("PUT", path, data=f'{{"{MARK}": '.encode(), content_type="application/json"),
        staff.call("PUT", path, data=MARK.encode(), content_type=f"text/{MARK.lower()}"),
        staff.get(f"/patients/{MARK}"),
        staff.get(f"/patients?status={MARK}&mrn={MARK}&after={MARK}"),
        phone.put("/check-ins/one", {"episode_id": MARK, "reported_at": MARK, "pain": MARK, "note": 7}),
        phone.get("/patients", headers={"X-Marked": MARK}),
        Caller(staff.client, MARK).get("/patients"),
        staff.post("/sign-in", {"practice": MARK, "email": EMAIL, "password": NOTE}),
    ]


def _good_requests(staff: Caller, phone: Caller, clinic: Clinic) -> list[Answer]:
    """Return the answers that a care team, or the patient, is to see."""
    path, report = f"/patients/{clinic.patient.id}", {"episode_id": clinic.episode.id, "pain": 3, "note": NOTE}
    first = phone.put("/check-ins/marked", report | {"reported_at": "2026-03-02T08:30:00Z"})
    return [
        first,
        staff.get(path),
        staff.get("/patients"),
        staff.get(f"/episodes/{clinic.episode.id}/check-ins"),
        phone.get("/sync/watermelon?schema_version=2"),
        staff.get("/sync/watermelon?schema_version=2"),
        phone.get(f"{path}/export"),
        staff.get(f"{path}/access-log"),
    ]


def _send(engine: Engine, session: Session, clock: FixedClock, clinic: Clinic) -> list[Message]:
    """Send what is due, by e-mail and SMS, and return the patient's messages."""
    mail, sms = Outbox(), Outbox()
    for claim in claim_all(session, clock):
        deliver(desk_of(engine, clock, {Provider.smtp: mail, Provider.sms: sms}), claim)
    return [each for each in (*mail.messages, *sms.messages) if each.patient_id == clinic.patient.id]


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_marked_data_stays_inside(
    app: Flask,
    engine: Engine,
    session: Session,
    clinic: Clinic,
    clock: FixedClock,
    coordinator: Caller,
    casey: Person,
    lines: io.StringIO,
    channel: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    mark(session, clinic)
    session.get_one(Patient, (clinic.id, clinic.patient.id)).channels = [channel]
    session.commit()
    phone = as_patient(app, session, clinic.patient)

    messages = _send(engine, session, clock, clinic)
    good, bad = _good_requests(coordinator, phone, clinic), _bad_requests(coordinator, phone, clinic)
    casey.sign_in()

    assert [each.status_code for each in good if each.status_code >= 300] == []
    assert all(400 <= each.status_code < 500 or each.json.get("refused") for each in bad)
    assert [each.get_data(as_text=True) for each in bad if is_marked(each.get_data(as_text=True))] == []
    assert [str(each.headers) for each in (*good, *bad) if is_marked(str(each.headers))] == []
    assert len(messages) == 1
    (message,) = messages
    assert message.address == {"email": EMAIL, "sms": PHONE}[channel]
    assert not is_marked(f"{message.subject}\n{message.body}\n{message.notice}\n{message.key}\n{message.link}")
    assert lines.getvalue()
    assert not is_marked(lines.getvalue())
    assert not is_marked(app.test_client().get("/health/worker").get_data(as_text=True))
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and is_marked(path.read_bytes())]
    _expect_none_in(engine, AuditEntry, Decision, SelfAudit)


def _expect_none_in(engine: Engine, *models: Any) -> None:
    with engine.connect().execution_options(reads=True) as connection:
        for model in models:
            rows = connection.execute(select(table_of(model))).all()
            assert not is_marked(str(rows)), model


def test_no_error_of_the_database_tells_what_was_to_be_stored(engine: Engine, session: Session, clinic: Clinic) -> None:
    row = {"practice_id": clinic.id, "id": clinic.patient.id, "mrn": MRN, "date_of_birth": BORN, **NAMES}
    told = []
    for statement, parameters in (
        (insert(table_of(Patient)), row),
        (text("SELECT nothing FROM patient WHERE given_name = :name"), {"name": MARK}),
    ):
        with make_session_factory(engine)() as trying, pytest.raises(SQLAlchemyError) as caught:
            trying.execute(statement, parameters)
        # PostgreSQL's own words quote the row, which is why no error's text is ever logged: see the next test.
        told.append(str(caught.value).split("DETAIL:")[0])

    assert not is_marked("".join(told))


def test_an_exception_with_a_patient_in_it_is_logged_by_its_class_alone(lines: io.StringIO) -> None:
    refused = IntegrityError(NOTE, {"name": NOTE}, Exception(NOTE))
    for fault in (ValueError(NOTE), KeyError(NOTE), RuntimeError(NOTE), refused):
        try:
            raise fault
        except Exception as error:
            log_event("fault", level=logging.ERROR, error=error)
            logging.getLogger("a.library").exception("%s failed", NOTE)

    assert lines.getvalue().count("fault") == 4
    assert not is_marked(lines.getvalue())


def test_what_is_logged_is_one_line_whatever_it_holds(lines: io.StringIO) -> None:
    log_event("request", route='GET /x\r\n{"level":"ERROR"}\x1b[2J', practice_id="a\nb\u2028c")

    (line,) = lines.getvalue().split("\n")[:-1]
    assert "\x1b" not in line
    assert "\r" not in line
