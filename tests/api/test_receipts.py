"""Receipts of providers: what is forged, replayed, stale, unknown or too long changes nothing (N11)."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import Settings
from models import Delivery, DeliveryAttempt, Receipt
from models.receipts import ReceiptKind
from models.reminder import AttemptOutcome
from schedules.plan.vocabulary import Channel, Provider
from service.api.gate import MOST_OF_PROVIDERS
from service.app import create_app
from service.care.receipts import read_mail_event, read_sms_status
from service.db import db
from service.identity.providers import is_signed_by_sms_provider
from tests.api.conftest import Caller, Clinic, Look
from tests.api.provider_calls import EVENTS, KNOWN, STATUS, TOKEN, send_events, send_form, sms_signature
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import settings_for

SID = "SM0123456789abcdef0123456789abcdef"
MAIL = "<0123456789abcdef0123456789abcdef@clinic.example.org>"
DELIVERED = {"MessageSid": SID, "MessageStatus": "delivered"}
BOUNCE = {"id": "event-1", "type": "bounced", "message_id": MAIL, "at": "2026-03-02T14:59:00Z", "code": "5.1.1"}


@pytest.fixture
def settings(database_url: str) -> Settings:
    return settings_for(database_url, **KNOWN)


@pytest.fixture
def attempts(session: Session, clinic: Clinic) -> None:
    """Store an attempt by SMS and one by e-mail that their providers accepted."""
    deliveries = session.scalars(select(Delivery.id).filter_by(practice_id=clinic.id).order_by(Delivery.id)).all()
    for delivery_id, provider, name in zip(deliveries, (Provider.sms, Provider.smtp), (SID, MAIL), strict=False):
        row = DeliveryAttempt(practice_id=clinic.id, delivery_id=delivery_id, fence=1, provider=provider)
        row.channel = Channel.sms if provider is Provider.sms else Channel.email
        row.provider_message_id, row.outcome = name, AttemptOutcome.accepted
        row.started_at = row.ended_at = MONDAY_AFTERNOON
        session.add(row)
    session.commit()


def told(look: Look) -> list[tuple[ReceiptKind, str | None]]:
    return [(row.kind, row.code) for row in look(Receipt)]


@pytest.mark.parametrize(
    ("status", "code", "stored"),
    [
        ("delivered", None, [(ReceiptKind.delivered, None)]),
        ("undelivered", "30003", [(ReceiptKind.undelivered, "30003")]),
        ("undelivered", "30005", [(ReceiptKind.bounced, "30005")]),
        ("undelivered", "30006", [(ReceiptKind.bounced, "30006")]),
        ("failed", "30008", [(ReceiptKind.undelivered, "30008")]),
        ("failed", "21610", [(ReceiptKind.opted_out, "21610")]),
        ("failed", "a free text", [(ReceiptKind.undelivered, None)]),
        ("delivered", "30005", [(ReceiptKind.delivered, "30005")]),
        ("sent", None, []),
        ("read", None, []),
        ("", None, []),
    ],
)
def test_what_the_sms_provider_tells(
    status: str, code: str | None, stored: list[tuple[ReceiptKind, str | None]]
) -> None:
    form = {"MessageSid": SID, "MessageStatus": status} | ({} if code is None else {"ErrorCode": code})

    read = read_sms_status(form, MONDAY_AFTERNOON)

    assert ([] if read is None else [(read.kind, read.code)]) == stored


@pytest.mark.parametrize(
    ("change", "stored"),
    [
        ({}, (ReceiptKind.bounced, "5.1.1")),
        ({"code": "4.2.2"}, (ReceiptKind.undelivered, "4.2.2")),
        ({"code": None}, (ReceiptKind.bounced, None)),
        ({"type": "delivered", "code": "250"}, (ReceiptKind.delivered, "250")),
        ({"type": "complained"}, (ReceiptKind.complained, "5.1.1")),
        ({"message_id": MAIL.strip("<>")}, (ReceiptKind.bounced, "5.1.1")),
    ],
)
def test_what_a_mail_service_tells(change: dict[str, Any], stored: tuple[ReceiptKind, str | None]) -> None:
    read = read_mail_event(BOUNCE | change)

    assert (read.kind, read.code, read.message_id) == (*stored, MAIL)


@pytest.mark.usefixtures("attempts")
def test_what_is_told_again_is_stored_once(anonymous: Caller, look: Look) -> None:
    for _ in range(2):
        send_form(anonymous, STATUS, DELIVERED)
        send_events(anonymous, BOUNCE, BOUNCE)

    assert sorted(kind for kind, _ in told(look)) == ["bounced", "delivered"]
    assert {(row.received_at, row.is_read, row.fence) for row in look(Receipt)} == {(MONDAY_AFTERNOON, False, 1)}


@pytest.mark.sqlite_only
@pytest.mark.usefixtures("attempts")
def test_a_status_that_another_signed_or_that_was_changed_on_its_way_is_refused(anonymous: Caller, look: Look) -> None:
    bounced = {"MessageSid": SID, "MessageStatus": "undelivered", "ErrorCode": "30005"}
    forged = {
        "none": "",
        "short": "AAAA",
        "odd": "é",
        "with another token": sms_signature(STATUS, bounced, token="another"),
        "for another address": sms_signature("/elsewhere", bounced),
        "over another form": sms_signature(STATUS, DELIVERED),
    }

    came = {name: send_form(anonymous, STATUS, bounced, signature=each).status_code for name, each in forged.items()}

    assert came == dict.fromkeys(forged, 401)
    assert told(look) == []


@pytest.mark.sqlite_only
@pytest.mark.usefixtures("attempts")
def test_events_that_another_signed_are_refused(anonymous: Caller, look: Look) -> None:
    forged: list[dict[str, str]] = [
        {"webhook_signature": "v1,AAAA"},
        {"webhook_signature": ""},
        {"webhook_signature": "v1,é"},
        {"webhook_id": "another"},
        {"webhook_timestamp": "1772463601"},
        {"webhook_timestamp": ""},
        {"webhook_timestamp": "9" * 30},
        {"webhook_timestamp": "99999999999"},
        {"webhook_timestamp": "-1"},
    ]

    came = [send_events(anonymous, BOUNCE, change=each).status_code for each in forged]
    came.append(send_events(anonymous, BOUNCE, secret="whsec_" + "B" * 32).status_code)

    assert came == [401] * (len(forged) + 1)
    assert told(look) == []


@pytest.mark.sqlite_only
def test_events_are_taken_within_five_minutes_of_their_signature(anonymous: Caller, clock: FixedClock) -> None:
    came = {}
    for minutes in (-6, -5, 5, 6):
        clock.set_wall_clock(MONDAY_AFTERNOON + timedelta(minutes=minutes))
        came[minutes] = send_events(anonymous, BOUNCE).status_code

    assert came == {-6: 401, -5: 204, 5: 204, 6: 401}


@pytest.mark.usefixtures("attempts")
def test_a_message_that_is_not_ours_answers_alike_and_is_counted(
    anonymous: Caller, look: Look, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="service"):
        known = send_form(anonymous, STATUS, DELIVERED)
        unknown = send_form(anonymous, STATUS, DELIVERED | {"MessageSid": "SM" + "f" * 32})
        other = send_events(anonymous, BOUNCE | {"message_id": "<a@b>"}, BOUNCE | {"id": "2", "message_id": SID})

    assert (known.status_code, unknown.status_code, other.status_code) == (204, 204, 204)
    assert known.get_data() == unknown.get_data()
    assert list(known.headers) == list(unknown.headers)
    assert len(told(look)) == 1
    found = [record for record in caplog.records if record.msg == "receipt_of_unknown_message"]
    counted = [record.count for record in found]  # type: ignore[attr-defined]  # a field that the log call adds
    assert counted == [1, 2]


@pytest.mark.sqlite_only
@pytest.mark.usefixtures("attempts")
def test_events_that_cannot_be_read_are_refused_whole(anonymous: Caller, look: Look) -> None:
    broken: list[dict[str, Any]] = [
        BOUNCE | {"type": "opened"},
        BOUNCE | {"code": "the box of Alex is full"},
        BOUNCE | {"at": "yesterday"},
        {name: value for name, value in BOUNCE.items() if name != "id"},
        BOUNCE | {"more": 1},
    ]

    answers = [send_events(anonymous, BOUNCE | {"id": "good"}, each) for each in broken]

    assert [answer.status_code for answer in answers] == [422] * len(broken)
    assert all("Alex" not in answer.get_data(as_text=True) for answer in answers)
    assert told(look) == []


@pytest.mark.sqlite_only
def test_bodies_are_limited_before_anything_else(anonymous: Caller) -> None:
    long = b" " * (MOST_OF_PROVIDERS + 1)
    kind = "application/x-www-form-urlencoded"

    assert anonymous.call("POST", STATUS, data=long, content_type=kind).status_code == 413
    assert anonymous.call("POST", EVENTS, data=long, content_type="application/json").status_code == 413
    assert anonymous.call("POST", STATUS, data=b"a=%FF", content_type=kind).status_code == 400
    assert anonymous.call("POST", STATUS, data=b"a=1&" * 300, content_type=kind).status_code == 400


@pytest.mark.sqlite_only
def test_a_provider_that_is_not_set_up_can_sign_nothing(database_url: str, clock: FixedClock) -> None:
    app: Flask = create_app(settings_for(database_url), clock)
    stranger = Caller(app.test_client(), None)

    assert send_form(stranger, STATUS, DELIVERED).status_code == 401
    assert send_form(stranger, STATUS, DELIVERED, signature="").status_code == 401
    assert send_events(stranger, BOUNCE).status_code == 401
    with app.app_context():
        db.engine.dispose()


def test_the_signature_is_that_of_the_providers_own_example() -> None:
    form = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
    ]
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"

    assert is_signed_by_sms_provider("12345", "RSOYDt4T1cUTdK1PDd93/VVr8B8=", url, form)
    assert not is_signed_by_sms_provider(TOKEN, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", url, form)
