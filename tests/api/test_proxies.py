"""A proxy: enrolled by a recorded consent, held to its scopes, told of in the log, and out the moment it ends."""

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session

from models import AuditEntry, CheckIn, Device, Episode, Patient, ProxyConsent, RefusedRow
from models.audit import ActorKind
from models.proxy import ProxyScope
from schedules.plan.vocabulary import EpisodeStatus
from service.sync.collections import COLLECTIONS
from tests import builders
from tests.api.conftest import Caller, Clinic, Look, as_proxy
from tests.api.every_route import PROXY_BODY
from tests.clock import MONDAY_AFTERNOON, FixedClock

CHECK_IN = {"reported_at": "2026-03-02T08:30:00Z", "pain": 4}
PLAN = {"surgeries", "milestones", "milestone_progress", "restrictions", "clearances"}
REPORTS = {"check_ins", "questionnaire_answers"}
ALWAYS = {"episodes", "safety_cards"}


def enrol(anonymous: Caller, code: str) -> dict[str, Any]:
    answer = anonymous.post("/devices", {"code": code})
    assert answer.status_code == 201
    return dict(answer.json)


def test_a_proxy_enrols_by_the_code_of_a_consent_that_tells_the_whole_of_it(
    coordinator: Caller, anonymous: Caller, clinic: Clinic, app: Flask
) -> None:
    path = f"/patients/{clinic.patient.id}/proxies"

    made = coordinator.post(path, PROXY_BODY)
    signed = enrol(anonymous, made.json["code"])
    phone = Caller(app.test_client(), signed["access_token"])

    assert (made.status_code, signed["patient_id"]) == (201, clinic.patient.id)
    assert made.json["proxy"] == coordinator.get(path).json["items"][0]
    told = {name: made.json["proxy"][name] for name in ("name", "relationship", "scopes", "given_how", "given_on")}
    assert told == {name: PROXY_BODY[name] for name in told}
    assert made.json["proxy"]["ends_at"] == "2026-09-03T04:00:00Z"  # midnight in New York
    assert phone.get(f"/episodes/{clinic.episode.id}/plan").status_code == 200
    assert phone.put("/check-ins/c1", CHECK_IN | {"episode_id": clinic.episode.id}).status_code == 403
    assert anonymous.post("/devices", {"code": made.json["code"]}).status_code == 401


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"through_on": "2026-03-01"}, "/through_on"),
        ({"through_on": "2028-03-05"}, "/through_on"),
        ({"given_on": "2026-03-03"}, "/given_on"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["erase"]}, "/scopes/0"),
        ({"name": " "}, "/name"),
    ],
)
@pytest.mark.sqlite_only
def test_a_consent_that_cannot_be_is_refused_without_a_name(
    coordinator: Caller, clinic: Clinic, change: dict[str, Any], pointer: str
) -> None:
    answer = coordinator.post(f"/patients/{clinic.patient.id}/proxies", PROXY_BODY | change)

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)
    assert "Whitfield" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("scope", [*ProxyScope])
def test_a_proxy_reaches_nothing_that_is_the_patients_alone(
    scope: str, app: Flask, session: Session, clinic: Clinic
) -> None:
    proxy, whom = as_proxy(app, session, clinic, scope), clinic.patient.id

    answers = [
        proxy.get(f"/patients/{whom}"),
        proxy.patch(f"/patients/{whom}", {"phone": "+12125550199"}, match="x"),
        proxy.get(f"/patients/{whom}/export"),
        proxy.post(f"/patients/{whom}/erase", {"reason": "asked_by_patient"}),
        proxy.post(f"/patients/{whom}/proxies", PROXY_BODY),
        proxy.get(f"/patients/{whom}/proxies"),
        proxy.get(f"/patients/{whom}/devices"),
        proxy.get(f"/patients/{whom}/access-log"),
        proxy.post("/enrolments", {"patient_id": whom}),
    ]

    assert [each.status_code for each in answers] == [403] * len(answers)


@pytest.mark.parametrize("by", ["patient", "clinic"])
def test_patient_and_clinic_end_a_proxy_at_once_and_the_phone_is_told_to_delete(
    by: str, coordinator: Caller, patient: Caller, anonymous: Caller, clinic: Clinic, app: Flask, look: Look
) -> None:
    made = coordinator.post(f"/patients/{clinic.patient.id}/proxies", PROXY_BODY).json
    signed = enrol(anonymous, made["code"])
    unused = coordinator.post(f"/proxies/{made['proxy']['id']}/enrolment").json["code"]
    phone = Caller(app.test_client(), signed["access_token"])
    before = phone.get(f"/episodes/{clinic.episode.id}/plan").status_code

    who = patient if by == "patient" else coordinator
    ended = [who.post(f"/proxies/{made['proxy']['id']}/end") for _ in range(2)]
    after = phone.get(f"/episodes/{clinic.episode.id}/plan")

    assert (before, after.status_code, after.json["code"]) == (200, 401, "device_revoked")
    assert [each.json["ended_how"] for each in ended] == [f"by_{by}"] * 2
    assert (
        anonymous.post("/tokens/refresh", {"refresh_token": signed["refresh_token"]}).json["code"] == "device_revoked"
    )
    assert anonymous.post("/devices", {"code": unused}).status_code == 401
    assert coordinator.post(f"/proxies/{made['proxy']['id']}/enrolment").status_code == 409
    (device,) = look(Device, id=signed["device_id"])
    assert (device.revoked_at, device.wipe_told_at) == (MONDAY_AFTERNOON, MONDAY_AFTERNOON)


@pytest.mark.parametrize("why", ["over", "died", "withdrew", "left the practice"])
def test_a_proxy_is_out_with_the_next_request_once_the_consent_hangs_on_nothing(
    why: str, app: Flask, session: Session, clinic: Clinic, clock: FixedClock, look: Look
) -> None:
    proxy, path = as_proxy(app, session, clinic, *ProxyScope), f"/episodes/{clinic.episode.id}/plan"
    before = proxy.get(path).status_code
    if why == "over":
        session.execute(update(ProxyConsent).values(ends_at=MONDAY_AFTERNOON))
    elif why == "died":
        session.get_one(Patient, (clinic.id, clinic.patient.id)).died_on = date(2026, 3, 1)
    elif why == "withdrew":
        session.get_one(Episode, (clinic.id, clinic.episode.id)).status = EpisodeStatus.withdrawn
    else:
        session.get_one(Patient, (clinic.id, clinic.patient.id)).deleted = True
    session.commit()

    after = proxy.get(path)

    assert (before, after.status_code, after.json["code"]) == (200, 401, "device_revoked")
    (device,) = [each for each in look(Device) if each.proxy_consent_id is not None]
    assert (device.revoked_at, device.wipe_told_at) == (MONDAY_AFTERNOON, MONDAY_AFTERNOON)


def test_a_proxy_stays_while_another_episode_goes_on(app: Flask, session: Session, clinic: Clinic) -> None:
    proxy = as_proxy(app, session, clinic, *ProxyScope)
    builders.episode(session, clinic.patient, status=EpisodeStatus.withdrawn)
    session.commit()

    assert proxy.get(f"/episodes/{clinic.episode.id}/plan").status_code == 200


def test_what_a_proxy_does_is_told_as_done_for_the_patient_and_by_name_in_the_patients_log(
    app: Flask, session: Session, clinic: Clinic, patient: Caller, look: Look
) -> None:
    proxy = as_proxy(app, session, clinic, ProxyScope.report_check_ins)

    proxy.put("/check-ins/c1", CHECK_IN | {"episode_id": clinic.episode.id})

    (entry,) = look(AuditEntry)
    (consent,) = look(ProxyConsent)
    assert (entry.actor_kind, entry.status) == (ActorKind.proxy, 201)
    assert entry.about == {"proxy_for": clinic.patient.id, "proxy_consent_id": consent.id}
    (access,) = patient.get(f"/patients/{clinic.patient.id}/access-log?whose=others").json["items"]
    assert access["who"]["name"] == "Sam Whitfield"
    assert access["who"]["text"]["en"] == "Somebody whom you let look after you"


def test_a_report_tells_which_proxy_made_it_and_they_change_no_other(
    app: Flask, session: Session, clinic: Clinic, patient: Caller, look: Look
) -> None:
    proxy, body = (
        as_proxy(app, session, clinic, ProxyScope.report_check_ins),
        CHECK_IN | {"episode_id": clinic.episode.id},
    )
    own = patient.put("/check-ins/own", body)
    made = proxy.put("/check-ins/made", body)

    changed = proxy.put("/check-ins/own", body | {"pain": 9}, match=own.headers["ETag"])
    amended = proxy.put("/check-ins/made", body | {"pain": 9}, match=made.headers["ETag"])

    assert (changed.status_code, amended.status_code) == (403, 200)
    (consent,) = look(ProxyConsent)
    assert {row.id: row.proxy_consent_id for row in look(CheckIn)} == {"own": None, "made": consent.id}


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        (ProxyScope.read_plan, PLAN),
        (ProxyScope.report_check_ins, REPORTS),
        (ProxyScope.receive_messages, {"reminders"}),
    ],
)
def test_a_proxys_phone_is_given_the_tables_of_its_scope_and_no_other(
    scope: ProxyScope, seen: set[str], app: Flask, session: Session, clinic: Clinic, patient: Caller
) -> None:
    patient.put("/check-ins/c1", CHECK_IN | {"episode_id": clinic.episode.id})
    proxy = as_proxy(app, session, clinic, scope)

    pulled = proxy.get("/sync/watermelon").json["changes"]
    stream = proxy.post("/sync/powersync/sync/stream", {}).get_data(as_text=True)
    pages = {name: proxy.get(f"/sync/rxdb/{name}/2/pull").status_code for name in COLLECTIONS}
    names = {name: {"count": 0, "digest": 0} for name in ("patients",)}
    digest = proxy.post("/sync/digest", {"cursor": 0, "collections": names})

    given = {name for name, rows in pulled.items() if rows["updated"]}
    assert given <= seen | ALWAYS
    assert given & seen
    assert {name for name in COLLECTIONS if f'"object_type":"{name}"' in stream} == given
    assert {name for name, status in pages.items() if status == 200} == seen | ALWAYS
    assert digest.status_code == 422


def test_what_a_proxys_phone_writes_to_other_tables_is_not_stored_and_tells_nothing(
    app: Flask, session: Session, clinic: Clinic, look: Look
) -> None:
    proxy = as_proxy(app, session, clinic, ProxyScope.report_check_ins)
    row = {"id": clinic.patient.id, "given_name": "Mallory", "language": "es"}
    changes = {
        "patients": {"created": [], "updated": [row], "deleted": []},
        "surgeries": {"created": [], "updated": [{"id": clinic.surgery.id, "stage": 7}], "deleted": []},
        "check_ins": {"created": [], "updated": [sent(clinic)], "deleted": []},
    }

    answer = proxy.post("/sync/watermelon?last_pulled_at=1", changes)

    assert (answer.status_code, answer.json["stored"], answer.json["refused"]) == (200, 1, 2)
    assert look(Patient, id=clinic.patient.id)[0].language == "en"
    assert {each.collection for each in look(RefusedRow)} == {"patients", "surgeries"}
    assert [each.proxy_consent_id for each in look(CheckIn)] == [look(ProxyConsent)[0].id]


def sent(clinic: Clinic) -> dict[str, Any]:
    """Return a check-in as a phone pushes it."""
    return {"id": "pushed", "episode_id": clinic.episode.id, "reported_at": 1772440200000, "pain": 4}


def test_an_end_by_the_day_is_the_clinics_midnight(
    app: Flask, session: Session, clinic: Clinic, coordinator: Caller, anonymous: Caller, clock: FixedClock
) -> None:
    body = PROXY_BODY | {"through_on": "2026-03-02"}
    code = coordinator.post(f"/patients/{clinic.patient.id}/proxies", body).json["code"]
    tokens = enrol(anonymous, code)
    clock.advance(timedelta(hours=13, minutes=59))  # 23:59 in New York
    renewed = anonymous.post("/tokens/refresh", {"refresh_token": tokens["refresh_token"]})

    clock.advance(timedelta(minutes=1))
    over = anonymous.post("/tokens/refresh", {"refresh_token": renewed.json["refresh_token"]})

    assert (renewed.status_code, over.status_code, over.json["code"]) == (200, 401, "device_revoked")
