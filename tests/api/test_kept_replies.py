"""What is kept under an Idempotency-Key and what is not: dry runs, imports, migrations, secrets, and who looks."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, AuditSubject, KeptReply, Patient, Surgery
from models.audit import AuditAction
from models.change import PlanChange
from service.api.examples import CASELOAD
from service.care.cohort_report import RowOutcome
from tests.api.conftest import Answer, Caller, Clinic, Look
from tests.api.keyed import die_during, is_replay, keyed, told
from tests.api.test_database_faults import listening
from tests.api.test_migrations import LATER, MIGRATIONS, release
from tests.api.test_migrations import dry_run as show_migration
from tests.api.test_moves import dry_run, moved, planned
from tests.clock import FixedClock
from tests.failpoints import FailPoint


def load(caller: Caller, query: str = "") -> Answer:
    return caller.call("POST", f"/import{query}", data=CASELOAD, content_type="text/csv")


def outcomes(answer: Answer) -> list[str]:
    return [each["outcome"] for each in answer.json["results"]]


def fail_at(words: str) -> Any:
    """Return a listener by which the database fails at every statement that begins so."""

    def fail(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(words):
            raise OperationalError(words, {}, Exception("the database is busy"))

    return fail


def test_a_dry_run_is_made_anew_and_what_it_shows_is_applied_once_under_the_same_key(
    coordinator: Caller, clinic: Clinic, session: Session, look: Look, clock: FixedClock
) -> None:
    who, surgery = keyed(coordinator), planned(session, clinic)
    path = f"/episodes/{surgery.episode_id}/moves"

    shown = [dry_run(who, surgery, moved())]
    clock.advance(timedelta(minutes=1))
    shown.append(dry_run(who, surgery, moved()))
    token = shown[1].json["token"]
    first, second = who.post(path, {"token": token}), who.post(path, {"token": token})
    after = dry_run(who, surgery, moved())

    assert [(each.status_code, is_replay(each)) for each in shown] == [(200, False)] * 2
    assert shown[0].json["expires_at"] < shown[1].json["expires_at"]
    assert (first.status_code, is_replay(second), told(second)) == (200, True, told(first))
    assert (after.status_code, after.json["code"]) == (422, "key_reused")
    assert len(look(PlanChange, practice_id=clinic.id)) == 1


def test_an_import_under_its_key_is_told_as_it_went_the_first_time(
    coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    who = keyed(coordinator)

    tried, first, second = load(who, "?dry_run=true"), load(who), load(who)
    changed = who.call("POST", "/import", data=CASELOAD.replace("Maya", "Mia"), content_type="text/csv")
    without_key = load(coordinator)

    assert (outcomes(tried), is_replay(tried)) == ([RowOutcome.loaded], False)
    assert (outcomes(first), is_replay(first)) == ([RowOutcome.loaded], False)
    assert (is_replay(second), told(second)) == (True, told(first))
    assert (changed.status_code, changed.json["code"]) == (422, "key_reused")
    assert outcomes(without_key) == [RowOutcome.unchanged]
    assert len(look(Patient, practice_id=clinic.id, mrn="SP200417")) == 1


def test_an_import_under_which_the_database_failed_is_done_again(
    app: Flask, coordinator: Caller, clinic: Clinic
) -> None:
    who = keyed(coordinator)

    with listening(app, "before_cursor_execute", fail_at("INSERT INTO patient")):
        failed = load(who)
    done, again = load(who), load(who)

    assert (failed.status_code, outcomes(failed)) == (200, [RowOutcome.refused])
    assert (outcomes(done), is_replay(done)) == ([RowOutcome.loaded], False)
    assert (is_replay(again), told(again)) == (True, told(done))


def test_an_import_that_is_killed_before_its_answer_is_kept_is_finished_by_a_repeat(
    coordinator: Caller, clinic: Clinic, settings: Settings, look: Look, tmp_path: Path
) -> None:
    who = keyed(coordinator)
    died = FailPoint("INSERT INTO kept_reply", tmp_path / "died")

    die_during(who, settings, died, "/import", CASELOAD, content_type="text/csv")
    stored = len(look(Patient, practice_id=clinic.id, mrn="SP200417"))
    done, again = load(who), load(who)

    assert (stored, outcomes(done), is_replay(done)) == (1, [RowOutcome.unchanged], False)
    assert (is_replay(again), told(again)) == (True, told(done))


def test_a_migration_under_its_key_moves_once_and_is_told_as_it_went(
    app: Flask, clinician: Caller, clinic: Clinic, look: Look
) -> None:
    release(clinician, LATER)
    who = keyed(clinician)
    chosen = [{"episode_id": each["episode_id"], "token": each["token"]} for each in show_migration(who).values()]

    with listening(app, "before_cursor_execute", fail_at("UPDATE surgery")):
        failed = who.post(MIGRATIONS, {"apply": chosen})
    first, second = who.post(MIGRATIONS, {"apply": chosen}), who.post(MIGRATIONS, {"apply": chosen})

    assert outcomes(failed) == ["unavailable", "unavailable"]
    assert (outcomes(first), is_replay(first)) == (["applied", "applied"], False)
    assert (is_replay(second), told(second)) == (True, told(first))
    assert {row.protocol_id for row in look(Surgery, practice_id=clinic.id)} == {"hudson-disc"}


def test_what_was_answered_rests_sealed_and_the_key_is_not_stored(
    coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    answer = keyed(coordinator, "a-key-of-mine").post("/enrolments", {"patient_id": clinic.patient.id})

    (kept,) = look(KeptReply, practice_id=clinic.id)
    code, stored = answer.json["code"], repr(vars(kept))
    assert kept.reply is not None
    assert code in kept.reply
    assert code.encode() not in bytes(kept.reply_sealed or b"")
    assert clinic.patient.id.encode() not in bytes(kept.reply_sealed or b"")
    assert "a-key-of-mine" not in stored + kept.reply


def test_a_repeat_is_audited_as_a_look_at_whom_the_answer_shows(
    coordinator: Caller, clinic: Clinic, look: Look, session: Session
) -> None:
    who = keyed(coordinator)
    for _ in range(2):
        who.post("/enrolments", {"patient_id": clinic.patient.id})

    entries = look(AuditEntry, practice_id=clinic.id)
    assert [(each.action, each.status, each.about) for each in entries] == [
        (AuditAction.token, 201, {}),
        (AuditAction.read, 201, {"replayed": True}),
    ]
    named = session.execute(select(AuditSubject.entry_id, AuditSubject.patient_id)).all()
    assert {tuple(each) for each in named} == {(entry.id, clinic.patient.id) for entry in entries}


def test_where_nobody_has_signed_in_a_key_is_not_heeded(
    coordinator: Caller, anonymous: Caller, clinic: Clinic, look: Look
) -> None:
    code = coordinator.post("/enrolments", {"patient_id": clinic.patient.id}).json["code"]

    answers = [keyed(anonymous, key).post("/devices", {"code": code}) for key in ("key", "key", "no key")]

    assert [each.status_code for each in answers] == [201, 401, 401]
    assert look(KeptReply) == []


def test_a_push_of_a_device_heeds_no_key(patient: Caller, look: Look) -> None:
    pushes = [keyed(patient, key).post("/sync/powersync/crud", {"crud": []}) for key in ("key", "key", "no key")]

    assert [(each.status_code, is_replay(each)) for each in pushes] == [(200, False)] * 3
    assert look(KeptReply) == []


def test_a_caller_who_may_no_longer_call_is_not_shown_what_was_kept(
    coordinator: Caller, clinic: Clinic, session: Session
) -> None:
    who = keyed(coordinator)
    first = who.post("/enrolments", {"patient_id": clinic.patient.id})
    clinic.coordinator.disabled_at = clinic.episode.enrolled_at
    session.commit()

    assert (first.status_code, who.post("/enrolments", {"patient_id": clinic.patient.id}).status_code) == (201, 401)
