"""Merging two records over HTTP: who may, what is refused, what phones and staff see of it, and what is told of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import AuditEntry, CheckIn, Device, Panel, Patient, PushAddress, RecordMerge, Staff, Surgery
from models.hold import HoldReason
from models.people import StaffRole
from models.reminder import Delivery, DeliveryState
from models.wake import DeviceWake
from schedules.planning import plan_episode
from service.care.holds import place_hold
from service.identity.sessions import start_session
from tests import builders
from tests.api.conftest import Answer, Caller, Clinic, Look, as_patient, as_signed_in, as_staff, make_clinic
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.sync.conftest import Phone


@pytest.fixture
def admin(app: Flask, session: Session, clinic: Clinic) -> Caller:
    """Return the practice's admin in a session; the two patients had their surgeries on different days."""
    clinic.other_surgery.surgery_on = date(2026, 2, 25)
    for each in (clinic.episode, clinic.other_episode):
        each.coordinator_id = clinic.coordinator.id
    session.flush()
    plan_episode(session, clinic.id, clinic.other_episode.id, MONDAY_AFTERNOON)
    return as_signed_in(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))


def _chief(app: Flask, session: Session, clinic: Clinic, clock: FixedClock) -> Caller:
    """Return the practice's admin, who signs in again now."""
    (chief,) = session.query(Staff).filter_by(practice_id=clinic.id, role=StaffRole.practice_admin)
    issued = start_session(session, clinic.id, chief.id, life=timedelta(hours=12), label="Firefox", now=clock.now())
    session.commit()
    return Caller(app.test_client(), issued.secret)


def _path(clinic: Clinic) -> str:
    return f"/patients/{clinic.patient.id}/merges"


def _show(who: Caller, clinic: Clinic, **changes: Any) -> Answer:
    """Ask for a dry run of making the other patient's record part of the first one's."""
    return who.post(_path(clinic), {"absorbed_id": clinic.other_patient.id, "dry_run": True} | changes)


def _merge(who: Caller, clinic: Clinic, **changes: Any) -> Answer:
    shown = _show(who, clinic, **changes)
    assert shown.status_code == 200, shown.json
    answer = who.post(_path(clinic), {"token": shown.json["token"]})
    assert answer.status_code == 200, answer.json
    return answer


def test_a_merge_is_shown_and_done_as_it_was_shown_and_the_other_id_is_gone(
    admin: Caller, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    phone = clinic.other_patient.phone

    shown = _show(admin, clinic, choices=[{"fact": "phone", "stands": "absorbed"}])
    done = admin.post(_path(clinic), {"token": shown.json["token"]})

    facts = {each["fact"]: each for each in shown.json["facts"]}
    assert (shown.json["dry_run"], done.json["dry_run"]) == (True, False)
    assert facts.keys() == {"mrn", "email", "phone"}
    assert facts["phone"]["absorbed"] == {"phone": phone}
    assert {name: each["stands"] for name, each in facts.items()} == {
        "mrn": "survivor", "email": "survivor", "phone": "absorbed"
    }  # fmt: skip
    same = ("patient_id", "absorbed_id", "moved", "ended", "labels", "messages")
    assert [done.json[name] for name in same] == [shown.json[name] for name in same]
    assert {"table": "episode", "rows": 1} in done.json["moved"]
    (survivor,) = look(Patient, id=clinic.patient.id)
    assert (survivor.phone, survivor.mrn) == (phone, clinic.patient.mrn)
    for path in ("", "/episodes", "/limits", "/devices"):
        assert coordinator.get(f"/patients/{clinic.other_patient.id}{path}").status_code == 404
    assert coordinator.get(f"/episodes/{clinic.other_episode.id}").json["patient_id"] == clinic.patient.id
    episodes = coordinator.get(f"/patients/{clinic.patient.id}/episodes").json["items"]
    assert {each["id"] for each in episodes} == {clinic.episode.id, clinic.other_episode.id}
    again = coordinator.put(
        f"/patients/{clinic.other_patient.id}", coordinator.get(f"/patients/{clinic.patient.id}").json
    )
    assert again.status_code in (409, 422)


def test_it_is_for_the_admin_in_a_session_with_a_fresh_second_factor(
    app: Flask,
    session: Session,
    admin: Caller,
    coordinator: Caller,
    clinician: Caller,
    clinic: Clinic,
    clock: FixedClock,
) -> None:
    (chief,) = session.query(Staff).filter_by(practice_id=clinic.id, role=StaffRole.practice_admin)
    by_command = as_staff(app, session, chief)
    token = _show(admin, clinic).json["token"]
    clock.advance(timedelta(minutes=11))

    refused = [_show(who, clinic) for who in (coordinator, clinician, by_command, admin)]
    refused.append(admin.post(_path(clinic), {"token": token}))

    codes = ["forbidden", "forbidden", "session_required", "step_up_required", "step_up_required"]
    assert [(each.status_code, each.json["code"]) for each in refused] == [(403, code) for code in codes]


def test_records_of_another_practice_or_of_another_caseload_are_as_if_missing(
    session: Session, admin: Caller, clinic: Clinic
) -> None:
    foreign = make_clinic(session)

    answers = [_show(admin, clinic, absorbed_id=each) for each in (foreign.patient.id, "nobody")]
    answers.append(admin.post(f"/patients/{foreign.patient.id}/merges", {"absorbed_id": "x", "dry_run": True}))

    assert [each.status_code for each in answers] == [404, 404, 404]
    twice = _show(admin, clinic, absorbed_id=clinic.patient.id)
    assert (twice.status_code, twice.json["errors"][0]["pointer"]) == (422, "/absorbed_id")


@pytest.mark.parametrize(
    ("pointer", "word"),
    [
        ("/absorbed_id", "hold"), ("/patient_id", "hold"), ("/absorbed_id", "on its way"), ("/absorbed_id", "death"),
        ("/confirm_birth_dates", "birth"), ("/absorbed_id", "one procedure"), ("/absorbed_id", "conflict"),
    ],
)  # fmt: skip
def test_what_stands_against_a_merge_is_named_and_nothing_happens(
    session: Session, admin: Caller, clinic: Clinic, look: Look, pointer: str, word: str
) -> None:
    token = _show(admin, clinic).json["token"]
    _stand_against(session, clinic, pointer, word)

    answers = [_show(admin, clinic), admin.post(_path(clinic), {"token": token})]

    for answer in answers:
        assert (answer.status_code, answer.json["code"]) == (409, "conflict"), answer.json
        (error,) = answer.json["errors"]
        assert error["pointer"] == pointer
        assert word in error["expected"]
    assert look(RecordMerge) == []
    assert look(Patient, id=clinic.other_patient.id)[0].deleted is False


def _stand_against(session: Session, clinic: Clinic, pointer: str, word: str) -> None:
    other = session.get_one(Patient, (clinic.id, clinic.other_patient.id))
    match word:
        case "hold":
            whose = clinic.patient.id if pointer == "/patient_id" else other.id
            place_hold(session, clinic.id, whose, HoldReason.legal_claim, MONDAY_AFTERNOON, by=None)
        case "on its way":
            row = session.query(Delivery).filter_by(patient_id=other.id, state=DeliveryState.pending).first()
            assert row is not None
            row.state = DeliveryState.sending
        case "death":
            other.died_on = date(2026, 3, 1)
        case "birth":
            other.date_of_birth = date(1980, 5, 18)
        case "one procedure":
            session.get_one(Surgery, (clinic.id, clinic.other_surgery.id)).surgery_on = clinic.surgery.surgery_on
        case _:
            builders.conflict(session, other, collection="patients", row_id=other.id)
    session.commit()


def test_dates_of_birth_that_differ_are_merged_once_somebody_says_that_it_is_one_person(
    session: Session, admin: Caller, clinic: Clinic, look: Look
) -> None:
    session.get_one(Patient, (clinic.id, clinic.other_patient.id)).date_of_birth = date(1980, 5, 18)
    session.commit()

    chosen = [{"fact": "date_of_birth", "stands": "absorbed"}]
    _merge(admin, clinic, confirm_birth_dates=True, choices=chosen)

    assert look(Patient, id=clinic.patient.id)[0].date_of_birth == date(1980, 5, 18)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"dry_run": True}, "/absorbed_id"),
        ({"absorbed_id": "x", "dry_run": False}, "/dry_run"),
        ({"absorbed_id": "x", "dry_run": True, "choices": [{"fact": "mrn", "stands": "both"}]}, "/choices/0/stands"),
        ({"absorbed_id": "x", "dry_run": True, "choices": [{"fact": "mrn", "stands": "absorbed"}] * 2}, "/choices"),
        ({"absorbed_id": "x", "token": "AAAA"}, "/absorbed_id"),
        ({"token": "AAAA"}, "/token"),
    ],
)
def test_a_body_that_is_none_is_refused_at_its_place(
    admin: Caller, clinic: Clinic, body: dict[str, Any], pointer: str
) -> None:
    answer = admin.post(_path(clinic), body)

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)


def test_a_token_is_of_its_survivor_and_holds_until_something_changes_or_an_hour_is_over(
    app: Flask,
    session: Session,
    admin: Caller,
    coordinator: Caller,
    clinic: Clinic,
    clock: FixedClock,
    look: Look,
) -> None:
    body = {"absorbed_id": clinic.patient.id, "dry_run": True}
    turned = admin.post(f"/patients/{clinic.other_patient.id}/merges", body).json["token"]
    token = _show(admin, clinic).json["token"]
    coordinator.amend(f"/patients/{clinic.other_patient.id}", {"low_bone_density": True})

    of_another = admin.post(_path(clinic), {"token": turned})
    stale = admin.post(_path(clinic), {"token": token})

    assert (of_another.status_code, of_another.json["errors"][0]["pointer"]) == (422, "/token")
    assert (stale.status_code, stale.json["code"]) == (409, "merge_stale")
    assert look(RecordMerge) == []
    late = _show(admin, clinic).json["token"]
    clock.advance(timedelta(minutes=61))
    assert _chief(app, session, clinic, clock).post(_path(clinic), {"token": late}).json["code"] == "merge_stale"


def test_a_token_or_a_key_that_comes_again_is_answered_again_and_merges_once(
    admin: Caller, clinic: Clinic, look: Look
) -> None:
    dry_run, apply = ({"headers": {"Idempotency-Key": f"{each * 3}-{each * 20}"}} for each in "ab")
    asked = {"absorbed_id": clinic.other_patient.id, "dry_run": True}
    body = {"token": admin.post(_path(clinic), asked, **dry_run).json["token"]}

    first = admin.post(_path(clinic), body, **apply)
    answers = [admin.post(_path(clinic), body, **apply), admin.post(_path(clinic), body)]

    assert first.status_code == 200
    assert [each.json for each in answers] == [first.json] * 2
    assert len(look(RecordMerge)) == 1
    # What was kept of the record that is no more went with it.
    assert admin.post(_path(clinic), asked, **dry_run).status_code == 404


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_merges_of_one_pair_at_once_one_is_done(
    app: Flask, session: Session, admin: Caller, clinic: Clinic, clock: FixedClock, look: Look, *, turned: bool
) -> None:
    other = _chief(app, session, clinic, clock)
    ids = (clinic.patient.id, clinic.other_patient.id)
    pairs = [ids, ids[::-1] if turned else ids]
    choices = [[], [{"fact": "phone", "stands": "absorbed"}]]
    sent = []
    for who, (survivor, absorbed), chosen in zip((admin, other), pairs, choices, strict=True):
        path = f"/patients/{survivor}/merges"
        shown = who.post(path, {"absorbed_id": absorbed, "dry_run": True, "choices": chosen})
        sent.append((who, path, {"token": shown.json["token"]}))

    with ThreadPoolExecutor(2) as threads:
        answers = [each.result() for each in [threads.submit(who.post, path, body) for who, path, body in sent]]

    assert sorted(each.status_code for each in answers) == [200, 404]
    (merge,) = look(RecordMerge)
    (left,) = look(Patient, id=merge.absorbed_id)
    (kept,) = look(Patient, id=merge.patient_id)
    assert (left.deleted, kept.deleted) == (True, False)


def test_one_token_sent_twice_at_once_merges_once(
    app: Flask, session: Session, admin: Caller, clinic: Clinic, clock: FixedClock, look: Look
) -> None:
    callers, body = (admin, _chief(app, session, clinic, clock)), {"token": _show(admin, clinic).json["token"]}

    with ThreadPoolExecutor(2) as threads:
        sent = [threads.submit(who.post, _path(clinic), body) for who in callers]
        first, second = (each.result() for each in sent)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json == second.json
    assert len(look(RecordMerge)) == 1


def test_phones_of_the_other_record_are_told_to_delete_and_woken_and_the_survivors_gets_it_all(
    app: Flask, session: Session, admin: Caller, clinic: Clinic, look: Look
) -> None:
    own, other = (as_patient(app, session, each) for each in (clinic.patient, clinic.other_patient))
    other.put("/push-address", {"provider": "apns", "token": "c0" * 32})
    report = {"episode_id": clinic.other_episode.id, "reported_at": "2026-03-02T08:30:00Z", "pain": 4, "note": "Sore"}
    assert other.put("/check-ins/one", report).status_code == 201
    survivor, desk = Phone(own), Phone(as_staff(app, session, clinic.coordinator))
    survivor.pull()
    desk.pull()

    done = _merge(admin, clinic)

    refused = other.get("/sync/watermelon", query_string={"last_pulled_at": ""})
    assert (refused.status_code, refused.json["code"]) == (401, "device_revoked")
    assert {"table": "device", "rows": 1} in done.json["ended"]
    (device,) = look(Device, patient_id=clinic.patient.id, revoked_at=MONDAY_AFTERNOON)
    assert session.get(DeviceWake, (clinic.id, device.id)) is not None
    session.commit()
    (address,) = look(PushAddress)
    assert (address.patient_id, address.device_id) == (clinic.patient.id, device.id)
    survivor.pull()
    assert survivor.rows["check_ins"]["one"]["note"] == "Sore"
    assert survivor.rows["episodes"].keys() == {clinic.episode.id, clinic.other_episode.id}
    assert {row["patient_id"] for row in survivor.rows["milestones"].values()} == {clinic.patient.id}
    desk.pull()
    assert desk.rows["patients"].keys() == {clinic.patient.id}
    for rows in desk.rows.values():
        assert {row.get("patient_id", clinic.patient.id) for row in rows.values()} <= {clinic.patient.id}
    assert desk.rows["check_ins"]["one"]["pain"] == 4
    panel = session.get_one(Panel, (clinic.id, clinic.coordinator.id, clinic.other_patient.id))
    assert panel.active is False
    session.commit()
    fresh = Phone(desk.caller)
    fresh.pull()
    assert desk.rows == fresh.rows
    assert own.put("/check-ins/two", report | {"episode_id": clinic.other_episode.id}).status_code == 201
    assert [row.patient_id for row in look(CheckIn)] == [clinic.patient.id] * 2


def test_the_trail_tells_the_merge_and_the_log_of_the_survivor_what_befell_the_other_record(
    session: Session, admin: Caller, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    clinic.practice.own_caseload_only = True  # of the coordinator, whose both patients are
    session.commit()
    coordinator.get(f"/patients/{clinic.other_patient.id}/limits")
    before = len(coordinator.get(f"/patients/{clinic.patient.id}/access-log").json["items"])

    _merge(admin, clinic)

    (merge,) = look(RecordMerge)
    *_, entry = look(AuditEntry, route="POST /api/v1/patients/{patient_id}/merges")
    assert entry.about == {"merge_id": merge.id, "merged": clinic.other_patient.id}
    log = coordinator.get(f"/patients/{clinic.patient.id}/access-log").json["items"]
    # The look at the other's limits, the dry run and the merge, each once, and that the log was looked at.
    assert len(log) == before + 4
    assert len({each["id"] for each in log}) == len(log)
    entries = admin.get(f"/audit-entries?patient_id={clinic.patient.id}").json["items"]
    assert len({each["id"] for each in entries}) == len(entries) >= len(log)
