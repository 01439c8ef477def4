"""A lost phone: its tokens end, it is woken and told to delete what it stores, and its word that it did is kept."""

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import DeviceWake
from models.audit import ActorKind, AuditEntry
from models.push import PushProvider
from models.wake import WakeState
from service.identity.tokens import DeviceTokens, enrol_device
from tests import builders
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import MONDAY_AFTERNOON
from tests.worker.push_samples import EXPO_ADDRESS

REVOKED = (401, "device_revoked")


@pytest.fixture
def phone(session: Session, clinic: Clinic) -> DeviceTokens:
    tokens = enrol_device(session, clinic.id, clinic.patient.id, MONDAY_AFTERNOON)
    session.commit()
    return tokens


def states(caller: Caller, clinic: Clinic) -> dict[str, str]:
    answer = caller.get(f"/patients/{clinic.patient.id}/devices")
    return {each["id"]: each["state"] for each in answer.json["items"]}


@pytest.mark.parametrize("by", ["staff", "patient"])
def test_a_lost_phone_is_ended_told_once_and_says_that_it_is_empty(
    by: str, phone: DeviceTokens, coordinator: Caller, patient: Caller, anonymous: Caller, clinic: Clinic, app: Flask
) -> None:
    who = coordinator if by == "staff" else patient
    lost = phone.principal.actor_id
    before = states(who, clinic)[lost]

    marked = who.post(f"/devices/{lost}/lost")
    asked = states(who, clinic)[lost]
    answers = [
        Caller(app.test_client(), phone.access.secret).get(f"/patients/{clinic.patient.id}"),
        anonymous.post("/tokens/refresh", {"refresh_token": phone.refresh.secret}),
    ]
    told = states(who, clinic)[lost]
    confirmed = [anonymous.post("/devices/wiped", {"token": phone.refresh.secret}).status_code for _ in range(2)]

    assert (marked.status_code, marked.json["lost_at"]) == (200, "2026-03-02T15:00:00Z")
    assert [(each.status_code, each.json["code"]) for each in answers] == [REVOKED] * 2
    assert confirmed == [204, 204]
    assert [before, asked, told, states(who, clinic)[lost]] == ["active", "asked", "told", "confirmed"]
    items = patient.get(f"/patients/{clinic.patient.id}/devices").json["items"]
    assert [(each["state"], each["is_calling"]) for each in items if each["id"] != lost] == [("active", True)]


def test_who_lost_it_that_it_was_told_and_that_it_is_empty_stand_in_the_trail(
    phone: DeviceTokens, coordinator: Caller, anonymous: Caller, clinic: Clinic, app: Flask, look: Look
) -> None:
    coordinator.post(f"/devices/{phone.principal.actor_id}/lost")
    for _ in range(3):
        Caller(app.test_client(), phone.access.secret).get(f"/patients/{clinic.patient.id}")
    anonymous.post("/devices/wiped", {"token": phone.access.secret})

    entries = sorted(look(AuditEntry), key=lambda each: each.id)
    assert [(each.actor_kind, each.status, each.about) for each in entries] == [
        (ActorKind.staff, 200, {"device_id": phone.principal.actor_id}),
        (ActorKind.device, 401, {"told": "wipe"}),
        (ActorKind.device, 204, {}),
    ]


def test_a_lost_phone_that_has_an_address_is_woken_at_once_and_another_is_not(
    phone: DeviceTokens, coordinator: Caller, clinic: Clinic, session: Session
) -> None:
    with_address = builders.device(session, clinic.patient)
    builders.push_address(session, with_address, provider=PushProvider.expo, address=EXPO_ADDRESS)
    session.commit()

    for device_id in (phone.principal.actor_id, with_address.id):
        coordinator.post(f"/devices/{device_id}/lost")

    (wake,) = session.scalars(select(DeviceWake).filter_by(practice_id=clinic.id))
    assert (wake.device_id, wake.due_at, wake.state) == (with_address.id, MONDAY_AFTERNOON, WakeState.waiting)


def test_losing_a_phone_again_changes_nothing(phone: DeviceTokens, coordinator: Caller, clinic: Clinic) -> None:
    path = f"/devices/{phone.principal.actor_id}/lost"

    assert coordinator.post(path).json == coordinator.post(path).json


def test_only_a_revoked_device_says_that_it_is_empty(
    phone: DeviceTokens, anonymous: Caller, coordinator: Caller, clinic: Clinic
) -> None:
    in_use = anonymous.post("/devices/wiped", {"token": phone.access.secret})
    unknown = anonymous.post("/devices/wiped", {"token": "x"})
    of_staff = anonymous.post("/devices/wiped", {"token": coordinator.token})

    assert [each.status_code for each in (in_use, unknown, of_staff)] == [409, 401, 401]
    assert states(coordinator, clinic) == {phone.principal.actor_id: "active"}
