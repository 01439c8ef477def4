"""A POST that is sent again under its Idempotency-Key has one effect, and gets the very same answer (S01 to S06)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from json import dumps
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, CheckIn, EnrolmentCode, KeptReply, MilestoneProgress, Patient
from models.engine import make_session_factory
from models.protocols import ProtocolVersion
from models.replies import claim_reply
from service.api.idempotency import takes_key
from service.app import create_app
from service.db import db
from service.identity.roles import WHO_MAY
from tests import builders
from tests.api.conftest import Answer, Caller, Clinic, Look, as_patient, as_staff
from tests.api.every_route import PATIENT_BODY, call
from tests.api.keyed import COMMITTED, die_during, is_replay, keyed, told
from tests.api.route_targets import add_targets
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.failpoints import FailPoint

AT_ONCE = 20
NO_KEYS = (
    *("", " ", "two dispatch", " dispatch", "k" * 256, "k" * 10_000, "dispatch-schlüssel", "dispatch-鍵"),
    *("dispatch\r\nX-Forged: 1", "dispatch\n", "dispatch\0", "dispatch\tb", "\x7f"),
)
MilestoneId = Callable[[str], str]


def enrolment(clinic: Clinic) -> dict[str, str]:
    """Return the body of a request that makes a new code each time."""
    return {"patient_id": clinic.patient.id}


def test_a_request_sent_four_times_under_one_key_has_one_effect_also_after_a_restart(
    coordinator: Caller, clinic: Clinic, look: Look, settings: Settings, clock: FixedClock
) -> None:
    who = keyed(coordinator)

    first = who.post("/enrolments", enrolment(clinic))
    clock.advance(timedelta(hours=1))
    repeats = [who.post("/enrolments", enrolment(clinic)) for _ in range(2)]
    restarted = create_app(settings, clock)
    repeats.append(keyed(Caller(restarted.test_client(), coordinator.token)).post("/enrolments", enrolment(clinic)))
    with restarted.app_context():
        db.engine.dispose()

    assert (first.status_code, is_replay(first)) == (201, False)
    assert [(is_replay(each), told(each)) for each in repeats] == [(True, told(first))] * 3
    assert len(look(EnrolmentCode, practice_id=clinic.id)) == 1


def test_an_answer_comes_again_with_its_etag(clinician: Caller, clinic: Clinic, look: Look) -> None:
    who = keyed(clinician)
    path, body = "/protocols/MD-MISS/copies", {"version": 1, "id": "own"}

    first, second = who.post(path, body), who.post(path, body)

    assert (first.status_code, bool(first.headers["ETag"])) == (201, True)
    assert (is_replay(second), told(second)) == (True, told(first))
    assert [row.version for row in look(ProtocolVersion, practice_id=clinic.id)] == [1]


@pytest.mark.sqlite_only
def test_json_that_is_laid_out_otherwise_says_the_same(coordinator: Caller, milestone_id: MilestoneId) -> None:
    who, path = keyed(coordinator), f"/milestones/{milestone_id('walk30')}/skip"
    bodies = ('{"reason": "other", "text": "moved"}', '{"text":"m\\u006fved","reason":"other"}')

    first, second = (who.call("POST", path, data=body, content_type="application/json") for body in bodies)

    assert (first.status_code, is_replay(second), told(second)) == (200, True, told(first))


@pytest.mark.parametrize("kind", ["patient", "clinician"])
def test_every_post_that_succeeds_under_a_key_is_answered_from_what_was_kept(
    kind: str, app: Flask, session: Session, clinic: Clinic
) -> None:
    ids = add_targets(session, clinic, other=False)
    session.commit()
    is_staff = kind == "clinician"
    caller = as_staff(app, session, clinic.clinician) if is_staff else as_patient(app, session, clinic.patient)
    repeated = []

    for route in filter(takes_key, WHO_MAY):
        if route.endswith("/migrations"):  # its body here asks for a dry run
            continue
        who = keyed(caller, key=route.replace(" ", "-"))
        first, second = call(who, route, ids), call(who, route, ids)
        if first.status_code < 300:
            assert (is_replay(first), is_replay(second), told(second)) == (False, True, told(first)), route
            repeated.append(route)

    assert len(repeated) >= 3


def test_a_key_that_stands_for_another_request_is_refused_and_changes_nothing(
    coordinator: Caller, clinic: Clinic, milestone_id: MilestoneId, look: Look
) -> None:
    who, walking, etag = keyed(coordinator), f"/milestones/{milestone_id('walk30')}", '"1"'
    report = {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T08:30:00Z", "pain": 4}
    others: dict[str, Callable[[], Answer]] = {
        "body": lambda: who.post(f"{walking}/achieve", {"achieved_on": "2026-03-01"}),
        "a member more": lambda: who.post(f"{walking}/achieve", {"note": ""}),
        "no JSON": lambda: who.call("POST", f"{walking}/achieve", data="{", content_type="application/json"),
        "id": lambda: who.post(f"/milestones/{milestone_id('drive')}/achieve"),
        "route": lambda: who.post(f"{walking}/reopen"),
        "query": lambda: who.post(f"{walking}/achieve?again=1"),
        "resource": lambda: who.post("/enrolments", enrolment(clinic)),
        "a look": lambda: who.post("/simulations"),
        "PUT": lambda: who.put("/check-ins/k7Qm2pXcV9sLwRtA", report),
        "PATCH": lambda: who.patch(f"/patients/{clinic.patient.id}", {"language": "es"}, match=etag),
    }
    first = who.post(f"{walking}/achieve")
    before = everything(look, clinic)

    answers = {name: send() for name, send in others.items()}
    again = who.post(f"{walking}/achieve")

    came = {name: (answer.status_code, answer.json["code"]) for name, answer in answers.items()}
    assert came == dict.fromkeys(others, (422, "key_reused"))
    assert everything(look, clinic) == before
    assert (is_replay(again), told(again)) == (True, told(first))


def everything(look: Look, clinic: Clinic) -> list[Any]:
    """Return what the requests of this file could change."""
    (kept,) = look(KeptReply, practice_id=clinic.id)
    progress = [(row.id, row.rev, row.achieved_on, row.note) for row in look(MilestoneProgress, practice_id=clinic.id)]
    patients = [(row.id, row.rev) for row in look(Patient, practice_id=clinic.id)]
    reports = [row.id for row in look(CheckIn, practice_id=clinic.id)]
    codes = [row.id for row in look(EnrolmentCode, practice_id=clinic.id)]
    return [kept.id, kept.made_at, kept.reply, *progress, *patients, *reports, *codes]


@pytest.mark.parametrize(
    ("step", "is_stored"),
    [
        ("INSERT INTO kept_reply", False),
        ("INSERT INTO enrolment_code", False),
        (COMMITTED, True),
    ],
)
def test_a_request_that_is_killed_stores_its_effect_and_its_answer_or_neither(
    coordinator: Caller,
    clinic: Clinic,
    look: Look,
    settings: Settings,
    tmp_path: Path,
    step: str,
    is_stored: bool,
) -> None:
    who = keyed(coordinator)
    die_during(who, settings, FailPoint(step, tmp_path / "died"), "/enrolments", dumps(enrolment(clinic)))

    stored = [len(look(model, practice_id=clinic.id)) for model in (EnrolmentCode, KeptReply)]
    told_of = look(AuditEntry, practice_id=clinic.id, route="POST /api/v1/enrolments")
    repeats = [who.post("/enrolments", enrolment(clinic)) for _ in range(2)]

    assert [*stored, len(told_of)] == [int(is_stored)] * 3
    assert [is_replay(each) for each in repeats] == [is_stored, True]
    assert told(repeats[0]) == told(repeats[1])
    assert len(look(EnrolmentCode, practice_id=clinic.id)) == 1


def test_of_twenty_requests_at_once_under_one_key_one_has_an_effect(
    app: Flask, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    together = threading.Barrier(AT_ONCE)

    def send(_number: int) -> Any:
        who = keyed(Caller(app.test_client(), coordinator.token))
        together.wait()
        return who.post("/enrolments", enrolment(clinic))

    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(send, range(AT_ONCE)))

    made = [each for each in answers if each.status_code == 201]
    # There are fewer connections than requests: on a busy machine some are told to come again (503).
    assert {each.status_code for each in answers} <= {201, 409, 503}
    assert {each.get_data() for each in made} == {made[0].get_data()}
    assert [is_replay(each) for each in made].count(False) == 1
    assert len(look(EnrolmentCode, practice_id=clinic.id)) == 1


@pytest.mark.postgresql_only
def test_while_a_request_is_running_another_under_its_key_is_told_to_come_again(
    coordinator: Caller, clinic: Clinic, session: Session, engine: Engine, look: Look
) -> None:
    who = keyed(coordinator)
    who.post("/enrolments", enrolment(clinic))
    (kept,) = look(KeptReply, practice_id=clinic.id)
    session.execute(delete(KeptReply))
    session.commit()

    with make_session_factory(engine)() as running:
        claim_reply(running, clinic.id, kept.id, MONDAY_AFTERNOON)
        during = who.post("/enrolments", enrolment(clinic))
        other_key = who.with_key("another").post("/enrolments", enrolment(clinic))
        running.rollback()
    after = who.post("/enrolments", enrolment(clinic))

    assert (during.status_code, during.json["code"], during.headers["Retry-After"]) == (409, "key_in_use", "1")
    assert (other_key.status_code, after.status_code, is_replay(after)) == (201, 201, False)
    assert len(look(EnrolmentCode, practice_id=clinic.id)) == 3


def test_one_key_of_four_people_of_two_clinics_stands_for_a_request_of_each(
    app: Flask, session: Session, clinic: Clinic, foreign_clinic: Clinic, look: Look
) -> None:
    callers = []
    for each in (clinic, foreign_clinic):
        builders.patient(session, each.practice, id="one-id")
        callers += [as_staff(app, session, builders.staff(session, each.practice, id=name)) for name in ("a", "b")]

    firsts = [keyed(who).post("/enrolments", {"patient_id": "one-id"}) for who in callers]
    seconds = [keyed(who).post("/enrolments", {"patient_id": "one-id"}) for who in callers]

    assert [(each.status_code, is_replay(each)) for each in firsts] == [(201, False)] * 4
    assert len({each.json["code"] for each in firsts}) == 4
    assert [(is_replay(each), told(each)) for each in seconds] == [(True, told(each)) for each in firsts]
    assert [len(look(EnrolmentCode, practice_id=each.id)) for each in (clinic, foreign_clinic)] == [2, 2]


def test_nobody_is_shown_what_another_was_answered_under_the_same_key(
    app: Flask,
    session: Session,
    clinic: Clinic,
    foreign_clinic: Clinic,
    patient: Caller,
    other_patient: Caller,
    foreign_staff: Caller,
    coordinator: Caller,
    milestone_id: MilestoneId,
) -> None:
    path = f"/milestones/{milestone_id('walk30')}/achieve"
    foreign_patient = as_patient(app, session, foreign_clinic.patient)

    own = keyed(patient).post(path, {"note": "Walked to the lake."})
    others = [
        keyed(who).post(path, {"note": "Walked to the lake."})
        for who in (other_patient, foreign_patient, foreign_staff)
    ]
    colleague = keyed(coordinator).post(path, {"note": "Walked to the lake."})

    assert (own.status_code, [each.status_code for each in others]) == (200, [404] * 3)
    assert (colleague.status_code, is_replay(colleague)) == (200, False)
    assert is_replay(keyed(patient).post(path, {"note": "Walked to the lake."}))


@pytest.mark.sqlite_only
def test_what_is_no_key_is_refused(coordinator: Caller, clinic: Clinic, look: Look) -> None:
    routes = (("POST", "/enrolments"), ("POST", "/simulations"), ("PATCH", f"/patients/{clinic.patient.id}"))

    answers = {
        (route, key): keyed(coordinator, key).call(*route, json=enrolment(clinic))
        for route in routes
        for key in NO_KEYS
    }

    assert {(each.status_code, each.json["code"]) for each in answers.values()} == {(400, "bad_request")}
    assert not any("dispatch" in each.get_data(as_text=True) for each in answers.values())
    assert not any("X-Forged" in each.headers for each in answers.values())
    assert (look(EnrolmentCode), look(KeptReply)) == ([], [])


@pytest.mark.sqlite_only
def test_a_key_has_up_to_255_visible_characters_and_a_look_needs_none(coordinator: Caller, clinic: Clinic) -> None:
    every = "".join(map(chr, range(0x21, 0x7F)))

    answers = [
        keyed(coordinator, key).post("/enrolments", enrolment(clinic)) for key in ("k", "~" * 255, every, '"quoted"')
    ]

    assert [(each.status_code, is_replay(each)) for each in answers] == [(201, False)] * 4
    assert keyed(coordinator, "no key").get("/patients").status_code == 200


def test_a_key_stands_for_its_request_for_a_day_and_then_for_a_new_one(
    coordinator: Caller, clinic: Clinic, look: Look, clock: FixedClock
) -> None:
    who = keyed(coordinator)
    first = who.post("/enrolments", enrolment(clinic))

    clock.advance(timedelta(hours=24) - timedelta(seconds=1))
    last = who.post("/enrolments", enrolment(clinic))
    clock.advance(timedelta(seconds=1))
    another = who.post("/enrolments", {"patient_id": clinic.other_patient.id})
    again = who.post("/enrolments", {"patient_id": clinic.other_patient.id})

    assert (is_replay(last), told(last)) == (True, told(first))
    assert (another.status_code, is_replay(another)) == (201, False)
    assert (is_replay(again), told(again)) == (True, told(another))
    assert len(look(EnrolmentCode, practice_id=clinic.id)) == 2
    assert len(look(KeptReply, practice_id=clinic.id)) == 1


def test_a_refusal_is_not_kept(coordinator: Caller, look: Look, clinic: Clinic) -> None:
    who = keyed(coordinator)
    refused = [who.post("/enrolments", body) for body in ({"patient_id": "new"}, {}, {"patient_id": "new", "x": 1})]
    none_kept = look(KeptReply)
    coordinator.put("/patients/new", PATIENT_BODY | {"mrn": "SP-NEW"})

    answer = who.post("/enrolments", {"patient_id": "new"})

    assert [each.status_code for each in refused] == [404, 422, 422]
    assert none_kept == []
    assert (answer.status_code, is_replay(answer)) == (201, False)


@pytest.mark.postgresql_only
def test_that_the_database_was_busy_is_not_kept(
    coordinator: Caller, clinic: Clinic, session: Session, look: Look
) -> None:
    who = keyed(coordinator)
    session.get_one(Patient, (clinic.id, clinic.patient.id), with_for_update=True, populate_existing=True)

    busy = who.post("/enrolments", enrolment(clinic))
    session.rollback()
    answer = who.post("/enrolments", enrolment(clinic))

    assert (busy.status_code, answer.status_code, is_replay(answer)) == (503, 201, False)
    assert len(look(EnrolmentCode, practice_id=clinic.id)) == 1
