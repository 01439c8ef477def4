"""A device says where it takes push messages: strictly read, sealed, shown to nobody, and its own alone."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from config import Settings
from models import Device, PushAddress
from models.audit import AuditEntry
from models.push_forms import application_key, encode, read_subscription
from models.reminder import Delivery, DeliveryState
from schedules.delivery.push_addresses import load_push_targets
from service.app import create_app
from service.db import db
from service.identity.tokens import revoke_device
from tests.api.conftest import Caller, Clinic, Look, as_patient
from tests.clock import FixedClock
from tests.worker.push_peers import point_of
from tests.worker.push_samples import APNS_ADDRESS, EXPO_ADDRESS, FCM_ADDRESS

PATH = "/push-address"
FCM = {"provider": "fcm", "token": FCM_ADDRESS}
P256DH = encode(point_of(ec.derive_private_key(11, ec.SECP256R1())))
AUTH = encode(bytes(range(16)))
MOZILLA = "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABl-x_y.z"


def browser(endpoint: str = MOZILLA, p256dh: str = P256DH, auth: str = AUTH) -> dict[str, Any]:
    keys = {"p256dh": p256dh, "auth": auth}
    return {"provider": "web_push", "subscription": {"endpoint": endpoint, "expirationTime": None, "keys": keys}}


@pytest.mark.parametrize(
    "body",
    [
        FCM,
        {"provider": "apns", "token": APNS_ADDRESS},
        {"provider": "apns", "token": "A1" * 80},
        {"provider": "expo", "token": EXPO_ADDRESS},
        {"provider": "expo", "token": "ExpoPushToken[abc-DEF_12345678]"},
    ],
)
@pytest.mark.sqlite_only
def test_a_phone_registers_the_token_that_its_provider_gave_it(
    patient: Caller, clinic: Clinic, look: Look, body: dict[str, str]
) -> None:
    answer = patient.put(PATH, body)

    (row,) = look(PushAddress)
    assert (answer.status_code, answer.json) == (
        201,
        {
            "provider": body["provider"],
            "registered_at": "2026-03-02T15:00:00Z",
            "disabled_at": None,
            "disabled_code": None,
            "web_push_key": None,
        },
    )
    assert (row.provider, row.address, row.patient_id) == (body["provider"], body["token"], clinic.patient.id)


@pytest.mark.parametrize(
    "endpoint",
    [
        MOZILLA,
        "https://fcm.googleapis.com/fcm/send/abc:APA91b-_",
        "https://web.push.apple.com/QOmG",
        "https://wns2-par02p.notify.windows.com/w/?token=BQYAAAD%2b%3d",
    ],
)
@pytest.mark.sqlite_only
def test_a_browser_registers_what_it_subscribed_to(patient: Caller, look: Look, endpoint: str) -> None:
    answer = patient.put(PATH, browser(endpoint))

    (row,) = look(PushAddress)
    stored = read_subscription(row.address or "")
    assert (answer.status_code, answer.json["provider"]) == (201, "web_push")
    assert (stored.endpoint, encode(stored.p256dh), stored.auth) == (endpoint, P256DH, bytes(range(16)))


def test_registering_again_replaces_enables_and_says_when(
    patient: Caller, session: Session, clock: FixedClock, look: Look
) -> None:
    assert patient.put(PATH, FCM).status_code == 201
    session.execute(text("UPDATE push_address SET disabled_at = registered_at, disabled_code = 'UNREGISTERED'"))
    session.commit()
    told_dead = patient.get(PATH).json
    clock.advance(timedelta(minutes=5))

    again = patient.put(PATH, FCM)
    other = patient.put(PATH, {"provider": "apns", "token": APNS_ADDRESS})

    (row,) = look(PushAddress)
    assert (told_dead["disabled_at"], told_dead["disabled_code"]) == ("2026-03-02T15:00:00Z", "UNREGISTERED")
    assert (again.status_code, again.json["disabled_at"], again.json["disabled_code"]) == (200, None, None)
    assert again.json["registered_at"] == "2026-03-02T15:05:00Z"
    assert (other.status_code, row.provider, row.address) == (200, "apns", APNS_ADDRESS)


def test_forgetting_removes_it_and_may_be_repeated(patient: Caller, look: Look) -> None:
    patient.put(PATH, FCM)

    answers = [patient.call("DELETE", PATH) for _ in range(2)]

    assert [(answer.status_code, answer.get_data()) for answer in answers] == [(204, b"")] * 2
    assert look(PushAddress) == []
    assert patient.get(PATH).json["provider"] is None


def test_a_phone_that_changed_hands_is_its_new_owners_alone(
    patient: Caller, other_patient: Caller, clinic: Clinic, look: Look
) -> None:
    patient.put(PATH, FCM)

    answer = other_patient.put(PATH, FCM)

    (row,) = look(PushAddress)
    assert (answer.status_code, row.patient_id) == (201, clinic.other_patient.id)
    assert patient.get(PATH).json["provider"] is None


def test_each_device_of_a_patient_has_an_address_of_its_own(
    app: Flask, session: Session, patient: Caller, clinic: Clinic, look: Look
) -> None:
    tablet = as_patient(app, session, clinic.patient)

    patient.put(PATH, FCM)
    tablet.put(PATH, {"provider": "apns", "token": APNS_ADDRESS})

    assert len({row.device_id for row in look(PushAddress)}) == 2


def test_a_revoked_device_takes_no_more_messages(
    session: Session, patient: Caller, clinic: Clinic, clock: FixedClock
) -> None:
    patient.put(PATH, FCM)
    before = load_push_targets(session, clinic.id, [clinic.patient.id])

    for device in session.query(Device).filter_by(practice_id=clinic.id):
        revoke_device(session, device, clock.now())
    session.commit()

    assert (len(before), load_push_targets(session, clinic.id, [clinic.patient.id])) == (1, {})
    session.rollback()
    assert patient.get(PATH).status_code == 401


def test_the_address_is_sealed_and_appears_in_no_answer_and_no_audit_entry(
    patient: Caller, coordinator: Caller, clinic: Clinic, session: Session, look: Look
) -> None:
    shown = [patient.put(PATH, FCM), patient.get(PATH), coordinator.get(f"/patients/{clinic.patient.id}")]

    stored = session.execute(text("SELECT address_sealed, address_lookup FROM push_address")).one()
    entries = [entry for entry in look(AuditEntry) if "push-address" in entry.route]
    assert [answer.status_code for answer in shown] == [201, 200, 200]
    assert not any(FCM_ADDRESS in answer.get_data(as_text=True) for answer in shown)
    assert FCM_ADDRESS.encode() not in bytes(stored[0]) + bytes(stored[1])
    assert [entry.action for entry in entries] == ["write", "read"]
    assert not any(FCM_ADDRESS in str(vars(entry)) for entry in entries)


@pytest.mark.postgresql_only
def test_a_change_waits_for_whoever_holds_the_open_deliveries(
    patient: Caller, session: Session, clinic: Clinic
) -> None:
    """The gate reads addresses under the lock of its delivery, so the change takes the same lock first."""
    query = session.query(Delivery).filter_by(practice_id=clinic.id, patient_id=clinic.patient.id)
    held = query.filter_by(state=DeliveryState.pending).with_for_update().first()

    answer = patient.put(PATH, FCM)
    session.rollback()

    assert held is not None
    assert answer.status_code == 503
    assert patient.put(PATH, FCM).status_code == 201


BAD: list[tuple[dict[str, Any], str]] = [
    ({"provider": "fcm"}, "/token"),
    ({"provider": "fcm", "token": "short"}, "/token"),
    ({"provider": "fcm", "token": FCM_ADDRESS + "\n"}, "/token"),
    ({"provider": "fcm", "token": FCM_ADDRESS + "/../x"}, "/token"),
    ({"provider": "fcm", "token": "x" * 1025}, "/token"),
    ({"provider": "apns", "token": "g1" * 32}, "/token"),
    ({"provider": "apns", "token": "a1" * 31}, "/token"),
    ({"provider": "apns", "token": "a" * 65}, "/token"),
    ({"provider": "expo", "token": "xxxxxxxxxxxxxxxxxxxxxx"}, "/token"),
    ({"provider": "expo", "token": EXPO_ADDRESS + "x"}, "/token"),
    ({"provider": "smtp", "token": FCM_ADDRESS}, "/provider"),
    ({"provider": "web_push"}, "/subscription"),
    (browser() | {"token": FCM_ADDRESS}, "/token"),
    (browser() | {"provider": "fcm"}, "/subscription"),
    (browser("http://fcm.googleapis.com/x"), "/subscription/endpoint"),
    (browser("https://127.0.0.1/x"), "/subscription/endpoint"),
    (browser("https://localhost/x"), "/subscription/endpoint"),
    (browser("https://169.254.169.254/x"), "/subscription/endpoint"),
    (browser("https://push.apple.com/x"), "/subscription/endpoint"),
    (browser("https://evil.example/fcm.googleapis.com/x"), "/subscription/endpoint"),
    (browser("https://fcm.googleapis.com.evil.example/x"), "/subscription/endpoint"),
    (browser("https://fcm.googleapis.com@evil.example/x"), "/subscription/endpoint"),
    (browser("https://evil.example\\@fcm.googleapis.com/x"), "/subscription/endpoint"),
    (browser("https://evil.example#.push.apple.com/x"), "/subscription/endpoint"),
    (browser("https://fcm.googleapis.com/x#y"), "/subscription/endpoint"),
    (browser("https://fcm.googleapis.com"), "/subscription/endpoint"),
    (browser("https://xnotify.windows.com/x"), "/subscription/endpoint"),
    (browser("https://evilfcm.googleapis.com/x"), "/subscription/endpoint"),
    (browser("https://evil.fcm.googleapis.com/x"), "/subscription/endpoint"),
    (browser(p256dh=P256DH[:-2]), "/subscription/keys/p256dh"),
    (browser(p256dh=encode(b"\4" + bytes(64))), "/subscription/keys/p256dh"),
    (browser(p256dh=P256DH[:-1] + "!"), "/subscription/keys/p256dh"),
    (browser(p256dh=encode(b"\2" + bytes(31) + b"\5")), "/subscription/keys/p256dh"),
    (browser(auth=encode(bytes(15))), "/subscription/keys/auth"),
    (browser(auth=encode(bytes(17))), "/subscription/keys/auth"),
    (browser(auth="AAA A"), "/subscription/keys/auth"),
]


@pytest.mark.sqlite_only
def test_what_is_no_address_is_refused_without_being_repeated(patient: Caller, look: Look) -> None:
    for body, pointer in BAD:
        answer = patient.put(PATH, body)

        assert answer.status_code == 422, body
        assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer], body
        assert all(
            fault["got"] in ("nothing", "a subscription", "smtp") or "text of" in fault["got"]
            for fault in answer.json["errors"]
        ), answer.json
    assert look(PushAddress) == []


@pytest.fixture
def web_clinic(settings: Settings, clock: FixedClock) -> Iterator[Flask]:
    """Yield an application that sends to browsers, on hosts of its own."""
    own = replace(settings, web_push_key=7, web_push_contact="mailto:a@example.org", web_push_hosts=("127.0.0.1",))
    app = create_app(own, clock)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.mark.sqlite_only
def test_a_browser_learns_what_to_subscribe_with_and_the_settings_say_where(
    web_clinic: Flask, session: Session, clinic: Clinic
) -> None:
    phone = as_patient(web_clinic, session, clinic.patient)

    assert phone.get(PATH).json["web_push_key"] == application_key(7)
    assert phone.put(PATH, browser("https://127.0.0.1:8443/x")).status_code == 201
    assert phone.put(PATH, browser()).status_code == 422


@pytest.mark.sqlite_only
def test_staff_have_no_push_address(coordinator: Caller) -> None:
    assert coordinator.put(PATH, FCM).status_code == 403
