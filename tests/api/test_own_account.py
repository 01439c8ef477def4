"""Sessions end when they should, and only a fresh second factor changes what somebody signs in with."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy.orm import Session

from models import AuditEntry, Practice, Token
from models.audit import AuditAction
from models.identity import TokenKind
from models.people import StaffRole
from tests.api.conftest import Caller, Clinic, Look, as_staff
from tests.api.signing_in import NEW_PASSWORD, PASSWORD, Person
from tests.clock import FixedClock

CHANGES = [
    ("/me/password", {"old_password": PASSWORD, "new_password": NEW_PASSWORD}),
    ("/me/authenticator", None),
    ("/me/authenticator/confirm", {"code": "000000"}),
    ("/me/recovery-codes", None),
]


def lives(caller: Caller) -> bool:
    return bool(caller.get("/me").status_code == 200)


def sessions_of(person: Person, number: int) -> list[Caller]:
    """Return a person in several sessions, each begun with a code of its own."""
    callers = []
    for _ in range(number):
        callers.append(person.sign_in())
        person.clock.advance(timedelta(seconds=30))
    return callers


def test_a_session_ends_after_half_an_hour_unused_and_use_puts_that_off(casey: Person, clock: FixedClock) -> None:
    caller = casey.sign_in()

    used = []
    for minutes in (29, 29, 30):
        clock.advance(timedelta(minutes=minutes))
        used.append(lives(caller))

    assert used == [True, True, False]


def test_a_session_ends_after_twelve_hours_however_much_it_is_used(casey: Person, clock: FixedClock) -> None:
    caller = casey.sign_in()

    lived = []
    for _ in range(36):
        clock.advance(timedelta(minutes=20))
        lived.append(lives(caller))

    assert lived == [True] * 35 + [False]


def test_a_use_is_noted_once_a_minute_by_reads_and_by_writes(casey: Person, clock: FixedClock, look: Look) -> None:
    caller = casey.sign_in()
    began = clock.now()

    noted = []
    for seconds, path in ((59, "GET"), (1, "GET"), (59, "POST"), (1, "POST")):
        clock.advance(timedelta(seconds=seconds))
        assert caller.call(path, "/me" if path == "GET" else "/me/end-other-sessions").status_code == 200
        noted.append((look(Token, kind=TokenKind.staff_session)[0].last_seen_at or began) - began)

    assert [each.total_seconds() for each in noted] == [0, 60, 60, 120]


def test_signing_out_ends_the_session_for_the_next_request(casey: Person) -> None:
    caller, other = sessions_of(casey, 2)

    answer = caller.post("/me/sign-out")

    assert (answer.status_code, lives(caller), lives(other)) == (204, False, True)


def test_somebody_lists_their_sessions_and_ends_one_or_all_others(
    casey: Person, app: Flask, session: Session, clinic: Clinic
) -> None:
    first, second, third = sessions_of(casey, 3)
    items = third.get("/me/sessions").json["items"]

    ended = third.call("DELETE", f"/me/sessions/{items[2]['id']}")
    again = third.call("DELETE", f"/me/sessions/{items[2]['id']}")
    foreign = as_staff(app, session, clinic.clinician).call("DELETE", f"/me/sessions/{items[0]['id']}")
    before = [lives(each) for each in (first, second, third)]
    others = third.post("/me/end-other-sessions").json

    assert [each["is_present"] for each in items] == [True, False, False]
    assert [each.status_code for each in (ended, again, foreign)] == [204, 404, 404]
    assert before == [False, True, True]
    assert (others, lives(second), lives(third)) == ({"ended": 1}, False, True)


def test_a_new_password_ends_the_other_sessions_and_begun_sign_ins(casey: Person, look: Look) -> None:
    first, second = sessions_of(casey, 2)
    begun = casey.challenge()

    wrong = second.post("/me/password", {"old_password": "wrong ladder 94", "new_password": NEW_PASSWORD})
    weak = second.post("/me/password", {"old_password": PASSWORD, "new_password": "password1234"})
    done = second.post("/me/password", {"old_password": PASSWORD, "new_password": NEW_PASSWORD})

    assert (wrong.status_code, wrong.json["code"]) == (403, "wrong_secret")
    assert (weak.status_code, weak.json["errors"][0]["got"]) == (422, "text of 12 characters")
    assert (done.json, lives(first), lives(second)) == ({"ended": 1}, False, True)
    assert casey.give_code(begun, casey.code(1)).status_code == 401
    assert [casey.give_password(each).status_code for each in (PASSWORD, NEW_PASSWORD)] == [401, 200]
    about = [each.about for each in look(AuditEntry, route="POST /api/v1/me/password")]
    assert about == [{}, {"changed": ["password"]}]


def test_what_somebody_signs_in_with_changes_with_a_fresh_second_factor_only(
    casey: Person, clock: FixedClock, app: Flask, session: Session, clinic: Clinic
) -> None:
    caller, token = casey.sign_in(), as_staff(app, session, clinic.coordinator)
    clock.advance(timedelta(minutes=10))

    stale = [caller.post(path, body).json["code"] for path, body in CHANGES]
    with_token = [token.post(path, body).json["code"] for path, body in (*CHANGES, ("/me/step-up", {"code": "1"}))]
    wrong = caller.post("/me/step-up", {"code": "12345"})
    neither = caller.post("/me/step-up", {})
    fresh = caller.post("/me/step-up", {"code": casey.code()})
    replayed = caller.post("/me/step-up", {"code": casey.code()})

    assert stale == ["step_up_required"] * 4
    assert with_token == ["session_required"] * 5
    assert (wrong.status_code, neither.status_code, replayed.status_code) == (403, 422, 403)
    assert (fresh.status_code, fresh.json) == (200, {"fresh_until": "2026-03-02T15:20:00Z"})
    assert len(caller.post("/me/recovery-codes").json["recovery_codes"]) == 10


def test_a_new_authenticator_counts_once_it_gave_a_right_code(casey: Person, clock: FixedClock) -> None:
    other, caller = sessions_of(casey, 2)
    new = Person(casey.app, casey.practice, casey.staff, clock, caller.post("/me/authenticator").json["secret"])

    too_early = new.give_code(new.challenge())
    wrong = caller.post("/me/authenticator/confirm", {"code": casey.code(1)})
    done = caller.post("/me/authenticator/confirm", {"code": new.code()})
    clock.advance(timedelta(seconds=30))

    assert (too_early.status_code, wrong.status_code, done.status_code) == (401, 403, 200)
    assert (lives(other), lives(caller)) == (False, True)
    assert casey.give_code(casey.challenge()).status_code == 401
    assert new.give_code(new.challenge()).status_code == 200


def test_new_recovery_codes_end_the_old_ones(casey: Person) -> None:
    caller = casey.sign_in()
    old = caller.post("/me/recovery-codes").json["recovery_codes"]
    new = caller.post("/me/recovery-codes").json["recovery_codes"]

    bodies = [{"challenge": casey.challenge(), "recovery_code": code} for code in (old[0], new[0])]

    assert [casey.send("/sign-in/second-factor", each).status_code for each in bodies] == [401, 200]
    assert caller.get("/me").json["recovery_codes_left"] == 9


@pytest.mark.sqlite_only
def test_a_clinics_settings_change_with_a_fresh_second_factor(
    casey: Person, session: Session, clock: FixedClock
) -> None:
    casey.staff.role = StaffRole.practice_admin
    session.merge(casey.staff)
    session.commit()
    caller = casey.sign_in()

    fresh = caller.amend("/practice", {"name": "Hudson Spine"})
    clock.advance(timedelta(minutes=10))
    stale = caller.amend("/practice", {"name": "Hudson"})

    assert (fresh.status_code, stale.status_code, stale.json["code"]) == (200, 403, "step_up_required")


@pytest.mark.sqlite_only
def test_a_token_that_a_command_made_stands_for_no_second_factor(
    app: Flask, session: Session, clinic: Clinic, look: Look
) -> None:
    token = as_staff(app, session, clinic.clinician)

    answer = token.amend("/practice", {"name": "Hudson Spine"})

    assert (answer.status_code, answer.json["code"]) == (403, "session_required")
    assert [row.name for row in look(Practice, id=clinic.id)] == [clinic.practice.name]


@pytest.mark.parametrize("way", ["password", "reset", "end-other-sessions"])
def test_tokens_that_commands_made_end_with_the_old_password_and_with_other_sessions(
    way: str, casey: Person, app: Flask, session: Session, clinic: Clinic
) -> None:
    caller, token = casey.sign_in(), as_staff(app, session, clinic.coordinator)
    before = token.get("/me").status_code

    if way == "reset":
        done = app.test_cli_runner().invoke(args=("staff", "reset-password", "--email", str(casey.staff.email)))
        casey.send("/sign-in/password", {"code": done.stdout.split()[0], "password": NEW_PASSWORD})
    elif way == "password":
        caller.post("/me/password", {"old_password": PASSWORD, "new_password": NEW_PASSWORD})
    else:
        caller.post("/me/end-other-sessions")

    assert (before, token.get("/me").status_code) == (200, 401)


def test_staff_who_are_disabled_are_out_at_once_with_everything_they_had(
    casey: Person, app: Flask, session: Session, clinic: Clinic
) -> None:
    caller, token, begun = casey.sign_in(), as_staff(app, session, clinic.coordinator), casey.challenge()

    result = app.test_cli_runner().invoke(args=("staff", "disable", "--email", str(casey.staff.email)))

    assert result.exit_code == 0
    assert (caller.get("/me").status_code, token.get("/patients").status_code) == (401, 401)
    assert casey.give_code(begun, casey.code(1)).status_code == 401


@pytest.fixture
def commands(app: Flask) -> FlaskCliRunner:
    """Return a way to run the application's commands."""
    return app.test_cli_runner()


def run(commands: FlaskCliRunner, command: str, person: Person) -> str:
    result = commands.invoke(args=("staff", command, "--email", str(person.staff.email)))
    assert result.exit_code == 0, result.stderr
    return result.stdout.strip()


def test_an_invitation_sets_a_password_once_and_leads_to_the_second_factor(
    app: Flask, clinic: Clinic, clock: FixedClock, commands: FlaskCliRunner, look: Look
) -> None:
    dana = Person(app, clinic.practice, clinic.clinician, clock)
    earlier, code = (run(commands, "invite", dana) for _ in range(2))

    def accept(code: str, password: str = PASSWORD) -> tuple[int, str]:
        answer = dana.send("/sign-in/password", {"code": code, "password": password})
        return answer.status_code, answer.json.get("next", answer.json.get("code"))

    weak = accept(code, "Hudson Spine Clinic 1")
    came = [accept(each) for each in (earlier, code.lower().replace("-", " "), code)]

    assert weak == (422, "invalid")
    assert came == [(401, "sign_in_refused"), (200, "set_up_authenticator"), (401, "sign_in_refused")]
    assert dana.give_password().status_code == 200
    assert commands.invoke(args=("staff", "invite", "--email", str(dana.staff.email))).exit_code == 1
    assert [each.about for each in look(AuditEntry, route="flask staff invite")] == [{"staff_id": dana.staff.id}] * 2


def test_a_code_of_a_reset_ends_after_an_hour_and_skips_no_second_factor(
    casey: Person, clock: FixedClock, commands: FlaskCliRunner
) -> None:
    caller = casey.sign_in()
    late, body = run(commands, "reset-password", casey), {"password": NEW_PASSWORD}
    clock.advance(timedelta(hours=1))
    expired = casey.send("/sign-in/password", body | {"code": late})
    code = run(commands, "reset-password", casey)
    held = casey.give_password().status_code

    answer = casey.send("/sign-in/password", body | {"code": code})

    assert (expired.status_code, held) == (401, 200)
    assert (answer.json["next"], lives(caller)) == ("second_factor", False)
    assert casey.give_code(answer.json["challenge"]).status_code == 200
    assert casey.give_password().status_code == 401


def test_whoever_lost_the_authenticator_begins_anew_with_a_code_alone(casey: Person, commands: FlaskCliRunner) -> None:
    caller = casey.sign_in()

    code = run(commands, "reset-second-factor", casey)
    listed = commands.invoke(args=("staff", "list")).stdout

    assert f"{casey.staff.id}\tcoordinator\tno password\t" in listed
    assert (lives(caller), casey.give_password().status_code) == (False, 401)
    answer = casey.send("/sign-in/password", {"code": code, "password": NEW_PASSWORD})
    assert answer.json["next"] == "set_up_authenticator"


def test_the_trail_tells_of_every_end_of_a_session(casey: Person, clinic: Clinic, look: Look) -> None:
    caller = casey.sign_in()
    caller.post("/me/end-other-sessions")
    caller.post("/me/sign-out")

    trail = [(each.action, each.route) for each in look(AuditEntry, practice_id=clinic.id)][2:]
    assert trail == [
        (AuditAction.token, "POST /api/v1/me/end-other-sessions"),
        (AuditAction.token, "POST /api/v1/me/sign-out"),
    ]
