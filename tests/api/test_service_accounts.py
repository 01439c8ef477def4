"""Programs of a clinic: a key is shown once, opens what its scopes say, and ends when it is told to."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy.orm import Session

from models import AuditEntry, Patient, ServiceAccount, Task
from models.audit import ActorKind, AuditAction
from models.people import StaffRole
from models.report import TaskKind
from models.service_account import Scope
from service.api import examples_service_accounts as examples
from service.api.service_accounts import NewServiceAccountView, ServiceAccountBody
from service.identity.service_accounts import MOST, NewServiceAccount, make_service_account
from service.identity.tokens import hash_secret
from tests import builders
from tests.api.conftest import Caller, Clinic, Look, as_service, as_signed_in, as_staff
from tests.api.every_route import PATIENT_BODY
from tests.api.test_surgeries import ask_whether_it_happened
from tests.clock import MONDAY_AFTERNOON, FixedClock

RECORDS = {"name": "Hospital records", "scopes": ["patients:read", "plans:read"]}


@pytest.fixture
def admin(app: Flask, session: Session, clinic: Clinic) -> Caller:
    return as_signed_in(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))


@pytest.mark.sqlite_only
def test_the_examples_fit_their_schemas() -> None:
    assert ServiceAccountBody().validate(examples.SERVICE_ACCOUNT) == {}
    assert examples.NEW_SERVICE_ACCOUNT.keys() == NewServiceAccountView().fields.keys()


def test_a_key_is_shown_once_stored_as_a_hash_and_opens_its_scopes_alone(
    app: Flask, admin: Caller, clinic: Clinic, look: Look
) -> None:
    made = admin.post("/service-accounts", RECORDS)
    program = Caller(app.test_client(), made.json["key"])

    (row,) = look(ServiceAccount, practice_id=clinic.id)
    listed = admin.get("/service-accounts").json["items"]
    plan = program.get(f"/episodes/{clinic.episode.id}/plan")
    reminders = program.get(f"/episodes/{clinic.episode.id}/reminders")

    assert (made.status_code, row.key_hash) == (201, hash_secret(made.json["key"]))
    assert row.expires_at == MONDAY_AFTERNOON + timedelta(days=365)
    assert [(each["id"], each["name"], "key" in each) for each in listed] == [(row.id, "Hospital records", False)]
    assert (plan.status_code, reminders.status_code) == (200, 403)
    assert reminders.json["errors"][0]["got"] == "patients:read and plans:read"


def test_what_a_program_does_stands_in_the_trail_under_its_own_kind_and_in_the_patients_log(
    app: Flask, session: Session, clinic: Clinic, patient: Caller, look: Look
) -> None:
    program = as_service(app, session, clinic, Scope.patients_read)
    (account,) = look(ServiceAccount, practice_id=clinic.id)

    program.get(f"/patients/{clinic.patient.id}")

    (entry,) = look(AuditEntry, practice_id=clinic.id, actor_kind=ActorKind.service)
    told = patient.get(f"/patients/{clinic.patient.id}/access-log?whose=others").json["items"]
    assert (entry.actor_id, entry.action, entry.status) == (account.id, AuditAction.read, 200)
    assert told[0]["who"]["text"] == {"en": "A program of your clinic", "es": "Un programa de su clínica"}


def test_making_and_revoking_ask_for_a_person_with_a_fresh_second_factor(
    app: Flask, session: Session, clinic: Clinic, admin: Caller, clock: FixedClock, look: Look
) -> None:
    boss = builders.staff(session, clinic.practice, role=StaffRole.practice_admin)
    token, program = as_staff(app, session, boss), as_service(app, session, clinic, *Scope)
    (account,) = look(ServiceAccount, practice_id=clinic.id)
    clock.advance(timedelta(minutes=10))

    path = f"/service-accounts/{account.id}"
    codes = [
        [who.post("/service-accounts", RECORDS).json["code"], who.call("DELETE", path).json["code"]]
        for who in (admin, token, program)
    ]

    assert codes == [["step_up_required"] * 2, ["session_required"] * 2, ["forbidden"] * 2]
    assert len(look(ServiceAccount, practice_id=clinic.id)) == 1


def test_a_revoked_key_ends_with_the_next_request_and_is_not_revoked_twice(
    app: Flask, session: Session, clinic: Clinic, admin: Caller, look: Look
) -> None:
    program = as_service(app, session, clinic, Scope.patients_read)
    (account,) = look(ServiceAccount, practice_id=clinic.id)
    before = program.get("/patients").status_code

    ended, again = (admin.call("DELETE", f"/service-accounts/{account.id}").status_code for _ in range(2))

    assert (before, ended, again, program.get("/patients").status_code) == (200, 204, 404, 401)
    assert admin.get("/service-accounts").json == {"items": []}


def test_a_key_ends_by_itself_and_its_use_is_noted_once_a_minute(
    app: Flask, session: Session, clinic: Clinic, clock: FixedClock, look: Look
) -> None:
    program = as_service(app, session, clinic, Scope.patients_read)
    used = []
    for seconds in (0, 59, 1):
        clock.advance(timedelta(seconds=seconds))
        program.get("/patients")
        used += [row.last_used_at for row in look(ServiceAccount, practice_id=clinic.id)]

    clock.advance(timedelta(days=365) - timedelta(seconds=61))
    last = program.get("/patients").status_code
    clock.advance(timedelta(seconds=1))

    assert used == [MONDAY_AFTERNOON + timedelta(seconds=each) for each in (0, 0, 60)]
    assert (last, program.get("/patients").status_code) == (200, 401)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["everything"]}, "/scopes/0"),
        ({"days": 731}, "/days"),
        ({"days": 0}, "/days"),
        ({"name": "a\nb"}, "/name"),
        ({"name": " "}, "/name"),
        ({"key": "chosen"}, "/key"),
    ],
)
def test_what_no_program_may_be_is_refused(
    change: dict[str, object], pointer: str, admin: Caller, clinic: Clinic, look: Look
) -> None:
    answer = admin.post("/service-accounts", RECORDS | change)

    assert (answer.status_code, [fault["pointer"] for fault in answer.json["errors"]]) == (422, [pointer])
    assert look(ServiceAccount, practice_id=clinic.id) == []


@pytest.mark.sqlite_only
def test_a_clinic_has_a_bounded_number_of_keys(session: Session, clinic: Clinic, admin: Caller) -> None:
    for _ in range(MOST):
        make_service_account(session, clinic.id, NewServiceAccount(name="x", scopes=[Scope.import_]), MONDAY_AFTERNOON)
        session.flush()
    session.commit()

    assert admin.post("/service-accounts", RECORDS).status_code == 409


def test_a_program_keeps_patients_in_the_clinics_name(app: Flask, session: Session, clinic: Clinic, look: Look) -> None:
    program = as_service(app, session, clinic, Scope.patients_write, Scope.patients_read)
    surgery = ask_whether_it_happened(session, clinic)
    program.amend(f"/surgeries/{surgery.id}", {"setting": "inpatient"})

    put = program.put("/patients/p-new", PATIENT_BODY | {"mrn": "SP-77"})
    renamed = program.amend("/patients/p-new", {"family_name": "Bianchi"})
    cancelled = program.amend(f"/surgeries/{surgery.id}", {"status": "cancelled"})

    (row,) = look(Patient, practice_id=clinic.id, id="p-new")
    (done,) = look(Task, practice_id=clinic.id, surgery_id=surgery.id, kind=TaskKind.confirm_surgery)
    assert (put.status_code, renamed.status_code, cancelled.status_code) == (201, 200, 200)
    assert (row.family_name, done.state, done.done_by) == ("Bianchi", "done", None)


def test_commands_make_list_and_revoke_keys(app: Flask, clinic: Clinic, look: Look) -> None:
    commands = app.test_cli_runner()
    create = ("service-account", "create", "--name", "Records", "--scope", "import", "--scope", "health:read")

    made = commands.invoke(args=create)
    (row,) = look(ServiceAccount, practice_id=clinic.id)
    listed = commands.invoke(args=("service-account", "list"))
    program = Caller(app.test_client(), made.stdout.strip())
    before = program.get("/delivery-health").status_code
    revoked = [commands.invoke(args=("service-account", "revoke", row.id)).exit_code for _ in range(2)]

    assert "not shown again" in made.stderr
    assert listed.stdout.split("\t") == [row.id, "health:read,import", "2027-03-02", "never", "Records\n"]
    assert (before, revoked, program.get("/delivery-health").status_code) == (200, [0, 1], 401)
    entries = look(AuditEntry, practice_id=clinic.id, actor_kind=ActorKind.command)
    assert [(each.route, each.about["service_account_id"]) for each in entries] == [
        (f"flask service-account {word}", row.id) for word in ("create", "revoke")
    ]


@pytest.mark.sqlite_only
def test_commands_refuse_what_no_key_may_be(app: Flask, clinic: Clinic) -> None:
    commands: FlaskCliRunner = app.test_cli_runner()
    create = ("service-account", "create", "--scope", "import")

    results = [
        commands.invoke(args=(*create, "--name", "x" * 81)),
        commands.invoke(args=(*create, "--name", "a\nb")),
        commands.invoke(args=(*create, "--name", "x", "--days", "731")),
    ]

    assert [result.exit_code != 0 and "Traceback" not in result.output for result in results] == [True] * 3
