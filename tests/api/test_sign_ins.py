"""Codes and tokens: single use, short-lived, revoked as a family, and stored as hashes only."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from models import Device, EnrolmentCode, Token
from tests.api.conftest import Answer, Caller, Clinic, Look
from tests.clock import MONDAY_AFTERNOON, FixedClock


def enrol(coordinator: Caller, anonymous: Caller, clinic: Clinic) -> dict[str, str]:
    code = coordinator.post("/enrolments", {"patient_id": clinic.patient.id}).json["code"]
    answer = anonymous.post("/devices", {"code": code})
    assert answer.status_code == 201
    return dict(answer.json)


def sees_patient(anonymous: Caller, clinic: Clinic, access_token: str) -> bool:
    caller = Caller(anonymous.client, access_token)
    return bool(caller.get(f"/patients/{clinic.patient.id}").status_code == 200)


def test_a_phone_enrols_with_a_code_as_people_type_it(coordinator: Caller, anonymous: Caller, clinic: Clinic) -> None:
    issued = coordinator.post("/enrolments", {"patient_id": clinic.patient.id}).json
    typed = " " + issued["code"].lower().replace("-", " ").replace("0", "o").replace("1", "l")

    answer = anonymous.post("/devices", {"code": typed})

    assert issued["expires_at"] == "2026-03-03T15:00:00Z"
    assert (answer.status_code, answer.json["patient_id"]) == (201, clinic.patient.id)
    assert sees_patient(anonymous, clinic, answer.json["access_token"])


def test_a_code_works_once(coordinator: Caller, anonymous: Caller, clinic: Clinic) -> None:
    code = coordinator.post("/enrolments", {"patient_id": clinic.patient.id}).json["code"]

    first, second = (anonymous.post("/devices", {"code": code}) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 401)


def test_a_code_ends_after_a_day(coordinator: Caller, anonymous: Caller, clinic: Clinic, clock: FixedClock) -> None:
    code = coordinator.post("/enrolments", {"patient_id": clinic.patient.id}).json["code"]
    clock.advance(timedelta(hours=24))

    assert anonymous.post("/devices", {"code": code}).status_code == 401


def test_only_hashes_of_codes_and_tokens_are_stored(
    coordinator: Caller, anonymous: Caller, clinic: Clinic, look: Look
) -> None:
    signed = enrol(coordinator, anonymous, clinic)

    hashes = [row.token_hash for row in look(Token)] + [row.code_hash for row in look(EnrolmentCode)]
    assert all(len(each) == 32 for each in hashes)
    assert signed["access_token"].encode() not in hashes


def test_an_access_token_ends_after_an_hour_and_is_renewed(
    coordinator: Caller, anonymous: Caller, clinic: Clinic, clock: FixedClock
) -> None:
    signed = enrol(coordinator, anonymous, clinic)
    clock.advance(timedelta(hours=1))

    renewed = anonymous.post("/tokens/refresh", {"refresh_token": signed["refresh_token"]})

    assert not sees_patient(anonymous, clinic, signed["access_token"])
    assert renewed.status_code == 200
    assert sees_patient(anonymous, clinic, renewed.json["access_token"])


def test_renewing_ends_the_earlier_access_token(coordinator: Caller, anonymous: Caller, clinic: Clinic) -> None:
    signed = enrol(coordinator, anonymous, clinic)

    anonymous.post("/tokens/refresh", {"refresh_token": signed["refresh_token"]})

    assert not sees_patient(anonymous, clinic, signed["access_token"])


def renew(anonymous: Caller, refresh_token: str) -> Answer:
    return anonymous.post("/tokens/refresh", {"refresh_token": refresh_token})


def test_a_refresh_token_that_comes_after_its_successor_was_used_ends_the_whole_device(
    coordinator: Caller, anonymous: Caller, clinic: Clinic, look: Look
) -> None:
    signed = enrol(coordinator, anonymous, clinic)
    other = enrol(coordinator, anonymous, clinic)
    renewed = renew(anonymous, signed["refresh_token"]).json
    assert sees_patient(anonymous, clinic, renewed["access_token"])

    again = renew(anonymous, signed["refresh_token"])

    assert again.status_code == 401
    assert not sees_patient(anonymous, clinic, renewed["access_token"])
    assert renew(anonymous, renewed["refresh_token"]).status_code == 401
    assert sees_patient(anonymous, clinic, other["access_token"])
    (device,) = look(Device, id=signed["device_id"])
    assert device.revoked_at == MONDAY_AFTERNOON


def test_a_refresh_token_that_comes_after_its_successor_was_exchanged_ends_the_device(
    coordinator: Caller, anonymous: Caller, clinic: Clinic, look: Look
) -> None:
    signed = enrol(coordinator, anonymous, clinic)
    renewed = renew(anonymous, signed["refresh_token"]).json
    latest = renew(anonymous, renewed["refresh_token"]).json

    assert renew(anonymous, signed["refresh_token"]).status_code == 401
    assert not sees_patient(anonymous, clinic, latest["access_token"])
    assert look(Device, id=signed["device_id"])[0].revoked_at == MONDAY_AFTERNOON


def test_a_phone_that_lost_the_answer_asks_again_and_what_was_lost_is_worth_nothing(
    coordinator: Caller, anonymous: Caller, clinic: Clinic, look: Look, clock: FixedClock
) -> None:
    signed = enrol(coordinator, anonymous, clinic)
    lost = [renew(anonymous, signed["refresh_token"]).json for _ in range(2)]
    clock.advance(timedelta(hours=23, minutes=59))

    kept = renew(anonymous, signed["refresh_token"])

    assert kept.status_code == 200
    assert [sees_patient(anonymous, clinic, each["access_token"]) for each in lost] == [False, False]
    assert sees_patient(anonymous, clinic, kept.json["access_token"])
    assert renew(anonymous, kept.json["refresh_token"]).status_code == 200
    assert look(Device, id=signed["device_id"])[0].revoked_at is None


def test_a_lost_answer_is_asked_for_within_a_day_or_ends_the_device(
    coordinator: Caller, anonymous: Caller, clinic: Clinic, look: Look, clock: FixedClock
) -> None:
    signed = enrol(coordinator, anonymous, clinic)
    renew(anonymous, signed["refresh_token"])
    clock.advance(timedelta(hours=24))

    assert renew(anonymous, signed["refresh_token"]).status_code == 401
    assert look(Device, id=signed["device_id"])[0].revoked_at == clock.now()


@pytest.mark.parametrize("first", ["thief", "phone"])
def test_of_two_who_hold_a_refresh_token_the_later_one_to_act_ends_the_device(
    coordinator: Caller, anonymous: Caller, clinic: Clinic, look: Look, first: str
) -> None:
    stolen = enrol(coordinator, anonymous, clinic)
    of_first = renew(anonymous, stolen["refresh_token"]).json
    if first == "thief":  # reads at once; the phone comes with the token that it still has
        assert sees_patient(anonymous, clinic, of_first["access_token"])
        later = renew(anonymous, stolen["refresh_token"])
    else:  # has its tokens, and lies idle while the thief exchanges and reads
        of_thief = renew(anonymous, stolen["refresh_token"]).json
        assert sees_patient(anonymous, clinic, of_thief["access_token"])
        later = renew(anonymous, of_first["refresh_token"])

    assert later.status_code == 401
    assert look(Device, id=stolen["device_id"])[0].revoked_at == MONDAY_AFTERNOON


def test_what_was_ended_otherwise_is_not_exchanged_again(
    coordinator: Caller, anonymous: Caller, clinic: Clinic, session: Session
) -> None:
    signed = enrol(coordinator, anonymous, clinic)
    renewed = renew(anonymous, signed["refresh_token"]).json
    session.execute(update(Token).where(Token.practice_id == clinic.id).values(revoked_at=MONDAY_AFTERNOON))
    session.commit()

    assert renew(anonymous, renewed["refresh_token"]).status_code == 401
    assert renew(anonymous, signed["refresh_token"]).status_code == 401


def test_a_refresh_token_does_not_sign_in_and_an_access_token_does_not_renew(
    coordinator: Caller, anonymous: Caller, clinic: Clinic
) -> None:
    signed = enrol(coordinator, anonymous, clinic)

    assert not sees_patient(anonymous, clinic, signed["refresh_token"])
    assert anonymous.post("/tokens/refresh", {"refresh_token": signed["access_token"]}).status_code == 401
    assert anonymous.post("/tokens/refresh", {"refresh_token": coordinator.token}).status_code == 401


def test_a_refresh_token_ends_after_sixty_days(
    coordinator: Caller, anonymous: Caller, clinic: Clinic, clock: FixedClock
) -> None:
    signed = enrol(coordinator, anonymous, clinic)
    clock.advance(timedelta(days=60))

    assert anonymous.post("/tokens/refresh", {"refresh_token": signed["refresh_token"]}).status_code == 401


def test_staff_who_were_disabled_are_out_at_once(coordinator: Caller, session: Session, clinic: Clinic) -> None:
    before = coordinator.get("/patients").status_code
    clinic.coordinator.disabled_at = MONDAY_AFTERNOON
    session.add(clinic.coordinator)
    session.commit()

    assert (before, coordinator.get("/patients").status_code) == (200, 401)


@pytest.mark.parametrize("path", ["/devices", "/tokens/refresh"])
@pytest.mark.sqlite_only
def test_an_unknown_secret_is_not_repeated(anonymous: Caller, path: str) -> None:
    field = "code" if path == "/devices" else "refresh_token"

    answer = anonymous.post(path, {field: "Zyzzyva"})

    assert answer.status_code == 401
    assert "zyzzyva" not in answer.get_data(as_text=True).lower()
