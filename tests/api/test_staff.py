"""The clinic's admin runs its staff: nobody shuts themselves out, and no change leaves a session behind."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy.orm import Session

from models import AuditEntry, Staff
from models.audit import AuditAction
from models.people import StaffRole
from service.api import examples_staff as examples
from service.api.staff import CodeView, InvitationBody, LostBody, MemberView, RoleBody
from tests import builders
from tests.api.conftest import Caller, Clinic, Look, as_signed_in, as_staff
from tests.api.signing_in import NEW_PASSWORD, PASSWORD, Person
from tests.clock import FixedClock

NEW = {"name": "Dana Okafor", "email": "dana@example.org", "role": "clinician"}


@pytest.fixture
def chief(session: Session, clinic: Clinic) -> Staff:
    """Return the clinic's only admin."""
    return builders.staff(session, clinic.practice, role=StaffRole.practice_admin)


@pytest.fixture
def admin(app: Flask, session: Session, chief: Staff) -> Caller:
    """Return the clinic's only admin in a session whose second factor is fresh."""
    return as_signed_in(app, session, chief)


@pytest.fixture
def commands(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


@pytest.mark.sqlite_only
def test_the_examples_fit_their_schemas() -> None:
    assert InvitationBody().validate(examples.INVITATION) == {}
    assert RoleBody().validate(examples.ROLE) == {}
    assert LostBody().validate(examples.LOST) == {}
    assert examples.MEMBER.keys() == MemberView().fields.keys()
    assert examples.CODE.keys() == CodeView().fields.keys()


def test_an_admin_adds_somebody_who_then_signs_in_with_the_code(
    admin: Caller, app: Flask, session: Session, clinic: Clinic, clock: FixedClock, look: Look
) -> None:
    answer = admin.post("/staff", NEW)

    assert answer.status_code == 201
    dana = Person(app, clinic.practice, session.get_one(Staff, (clinic.id, answer.json["staff_id"])), clock)
    session.commit()
    begun = dana.send("/sign-in/password", {"code": answer.json["code"], "password": PASSWORD})
    assert (dana.staff.role, dana.staff.email) == (StaffRole.clinician, "dana@example.org")
    assert begun.json["next"] == "set_up_authenticator"
    (entry,) = look(AuditEntry, route="POST /api/v1/staff", action=AuditAction.token)
    assert entry.about == {"staff_id": dana.staff.id, "role": "clinician"}
    listed = {each["name"]: each for each in admin.get("/staff").json["items"]}
    assert (listed["Dana Okafor"]["has_password"], listed["Dana Okafor"]["has_authenticator"]) == (True, False)


def test_an_address_in_use_and_what_is_none_are_refused_without_repeating_it(admin: Caller, clinic: Clinic) -> None:
    taken = admin.post("/staff", NEW | {"email": str(clinic.coordinator.email).upper()})
    wrong = admin.post("/staff", NEW | {"email": "dana", "name": "Dana\nOkafor"})

    assert (taken.status_code, taken.json["errors"][0]["pointer"]) == (409, "/email")
    assert [each["pointer"] for each in wrong.json["errors"]] == ["/name", "/email"]
    assert "Dana" not in wrong.get_data(as_text=True)


def test_a_new_role_holds_at_once_and_ends_every_session(
    admin: Caller, app: Flask, session: Session, clinic: Clinic, look: Look
) -> None:
    former = [make(app, session, clinic.coordinator) for make in (as_signed_in, as_staff)]
    path = f"/staff/{clinic.coordinator.id}/role"

    same = admin.post(path, {"role": "coordinator"})
    kept = [each.get("/me").status_code for each in former]
    answer = admin.post(path, {"role": "clinician"})

    assert (same.status_code, kept) == (200, [200, 200])
    assert (answer.json["role"], answer.json["sessions"]) == ("clinician", 0)
    assert [each.get("/me").status_code for each in former] == [401, 401]
    told = [entry.about for entry in look(AuditEntry, route="POST /api/v1/staff/{member_id}/role")]
    assert told[-1] == {"staff_id": clinic.coordinator.id, "from": "coordinator", "to": "clinician"}


def test_nobody_changes_themselves_and_the_last_admin_stays(
    admin: Caller, chief: Staff, commands: FlaskCliRunner, look: Look
) -> None:
    own = [
        admin.post(f"/staff/{chief.id}/role", {"role": "clinician"}),
        admin.post(f"/staff/{chief.id}/deactivate"),
        admin.post(f"/staff/{chief.id}/code", {"lost": "password"}),
    ]
    named = ("--email", str(chief.email))
    last = [
        commands.invoke(args=("staff", "set-role", *named, "--role", "clinician")),
        commands.invoke(args=("staff", "disable", *named)),
    ]

    assert [each.status_code for each in own] == [409] * 3
    assert [each.exit_code for each in last] == [1, 1]
    assert all("another admin" in each.stderr for each in last)
    (row,) = look(Staff, id=chief.id)
    assert (row.role, row.disabled_at) == (StaffRole.practice_admin, None)


def test_an_admin_beside_another_one_may_be_given_another_role(
    session: Session, clinic: Clinic, chief: Staff, commands: FlaskCliRunner, look: Look
) -> None:
    other = builders.staff(session, clinic.practice, role=StaffRole.practice_admin)
    session.commit()

    done = commands.invoke(args=("staff", "set-role", "--email", str(other.email), "--role", "operator"))

    assert (done.exit_code, done.stdout.strip()) == (0, "practice_admin -> operator")
    assert look(Staff, id=other.id)[0].role is StaffRole.operator
    (entry,) = look(AuditEntry, route="flask staff set-role")
    assert entry.about == {"staff_id": other.id, "role": "operator"}


def test_deactivated_somebody_is_out_and_let_in_again_begins_anew(
    admin: Caller, casey: Person, commands: FlaskCliRunner
) -> None:
    caller, path = casey.sign_in(), f"/staff/{casey.staff.id}"

    out = admin.post(f"{path}/deactivate")
    refused = (caller.get("/me").status_code, casey.give_password().status_code)
    again = admin.post(f"{path}/reactivate")

    assert (out.status_code, out.json["deactivated_at"] is None, refused) == (200, False, (401, 401))
    assert casey.give_password().status_code == 401
    begun = casey.send("/sign-in/password", {"code": again.json["code"], "password": NEW_PASSWORD})
    assert begun.json["next"] == "set_up_authenticator"
    assert admin.post(f"{path}/reactivate").status_code == 409
    disabled = commands.invoke(args=("staff", "disable", "--email", str(casey.staff.email)))
    enabled = commands.invoke(args=("staff", "enable", "--email", str(casey.staff.email)))
    assert (disabled.exit_code, enabled.exit_code) == (0, 0)


def test_a_reset_leads_to_a_new_password_or_to_a_new_beginning(admin: Caller, casey: Person, clock: FixedClock) -> None:
    caller, path = casey.sign_in(), f"/staff/{casey.staff.id}/code"

    password = admin.post(path, {"lost": "password"})
    held = (caller.get("/me").status_code, casey.give_password().status_code)
    lost = admin.post(path, {"lost": "second_factor"})

    assert (password.status_code, held) == (200, (200, 200))
    assert (caller.get("/me").status_code, casey.give_password().status_code) == (401, 401)
    begun = casey.send("/sign-in/password", {"code": lost.json["code"], "password": NEW_PASSWORD})
    assert begun.json["next"] == "set_up_authenticator"
    old = casey.send("/sign-in/password", {"code": password.json["code"], "password": NEW_PASSWORD})
    assert old.status_code == 401


def test_sessions_of_somebody_end_without_anything_else(admin: Caller, casey: Person, clock: FixedClock) -> None:
    caller = casey.sign_in()

    answer = admin.post(f"/staff/{casey.staff.id}/end-sessions")

    assert (answer.json, caller.get("/me").status_code) == ({"ended": 1}, 401)
    assert casey.give_password().status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", NEW),
        ("/{id}/role", {"role": "clinician"}),
        ("/{id}/deactivate", None),
        ("/{id}/reactivate", None),
        ("/{id}/end-sessions", None),
        ("/{id}/code", {"lost": "password"}),
    ],
)
@pytest.mark.sqlite_only
def test_every_change_asks_for_a_fresh_second_factor(
    path: str, body: dict[str, str] | None, admin: Caller, chief: Staff, app: Flask, session: Session, clinic: Clinic,
    clock: FixedClock,
) -> None:  # fmt: skip
    address, token = "/staff" + path.format(id=clinic.coordinator.id), as_staff(app, session, chief)
    clock.advance(timedelta(minutes=10))

    codes = [each.post(address, body).json["code"] for each in (admin, token)]

    assert codes == ["step_up_required", "session_required"]


@pytest.mark.parametrize("role", [StaffRole.auditor, StaffRole.operator])
def test_who_treats_nobody_is_given_no_patient_no_alert_and_no_shift(
    role: StaffRole, coordinator: Caller, session: Session, clinic: Clinic
) -> None:
    person = builders.staff(session, clinic.practice, role=role)
    session.commit()
    days = {"from_on": "2026-03-02", "from_at": "08:00", "until_on": "2026-03-02", "until_at": "20:00"}

    answers = [
        coordinator.put("/episodes/new", {"patient_id": clinic.patient.id, "label": "E9", "coordinator_id": person.id}),
        coordinator.amend(f"/episodes/{clinic.episode.id}", {"coordinator_id": person.id}),
        coordinator.amend(f"/surgeries/{clinic.surgery.id}", {"surgeon_id": person.id}),
        coordinator.put("/on-call/s1", days | {"staff_id": person.id, "place": "first"}),
    ]

    assert [each.status_code for each in answers] == [422] * 4
    told = [each.json["errors"][0] for each in answers]
    assert [each["pointer"] for each in told] == ["/coordinator_id", "/coordinator_id", "/surgeon_id", "/staff_id"]
    assert told[0] | {"pointer": ""} == {
        "pointer": "",
        "expected": "one of coordinator, clinician, practice_admin",
        "got": role.value,
    }


def test_who_coordinates_open_episodes_goes_on_treating(
    admin: Caller, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    path = f"/episodes/{clinic.episode.id}"
    assert coordinator.amend(path, {"coordinator_id": clinic.clinician.id}).status_code == 200

    refused = admin.post(f"/staff/{clinic.clinician.id}/role", {"role": "auditor"})
    assert coordinator.amend(path, {"status": "closed"}).status_code == 200
    taken = admin.post(f"/staff/{clinic.clinician.id}/role", {"role": "auditor"})

    assert (refused.status_code, refused.json["errors"][0]["got"]) == (409, "1")
    assert taken.status_code == 200


@pytest.mark.sqlite_only
def test_no_code_is_kept_for_a_repeat(admin: Caller) -> None:
    answer = admin.call("POST", "/staff", json=NEW, headers={"Idempotency-Key": "once"})
    again = admin.call("POST", "/staff", json=NEW, headers={"Idempotency-Key": "once"})

    assert (answer.status_code, again.status_code) == (201, 409)
