"""Staff sign in with a password and a second factor; neither step is skipped, and a refusal tells nothing."""

import threading
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from models import AuditEntry, RecoveryCode, StaffCredential, Token
from models.audit import AuditAction
from models.identity import TokenKind
from service.db import db
from service.identity.passwords import is_outdated
from tests.api.conftest import Caller, Clinic, Look
from tests.api.signing_in import PASSWORD, Person, stored
from tests.clock import FixedClock


def test_a_password_and_a_code_give_a_session(casey: Person, clinic: Clinic, look: Look) -> None:
    casey.headers = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    first = casey.give_password(email=f"  {str(casey.staff.email).upper()} ")
    second = casey.give_code(first.json["challenge"])

    caller = Caller(casey.app.test_client(), second.json["token"])
    me = caller.get("/me").json
    assert (first.json["next"], first.json["expires_at"]) == ("second_factor", "2026-03-02T15:10:00Z")
    assert (second.json["expires_at"], second.json["idle_minutes"]) == ("2026-03-03T03:00:00Z", 30)
    assert (me["id"], me["practice"]["id"], me["has_authenticator"]) == (casey.staff.id, clinic.id, True)
    assert [each["label"] for each in caller.get("/me/sessions").json["items"]] == ["Firefox"]
    assert caller.get("/patients").status_code == 200
    trail = [(each.action, each.route) for each in look(AuditEntry, practice_id=clinic.id)]
    assert trail[:2] == [
        (AuditAction.token, "POST /api/v1/sign-in"),
        (AuditAction.token, "POST /api/v1/sign-in/second-factor"),
    ]


def test_who_has_no_authenticator_sets_one_up_on_the_way(newcomer: Person) -> None:
    first = newcomer.give_password().json
    skipped = newcomer.send("/sign-in/second-factor", {"challenge": first["challenge"], "code": "000000"})

    shown = newcomer.send("/sign-in/authenticator", {"challenge": first["challenge"]}).json
    newcomer.secret = shown["secret"]
    body = {"challenge": first["challenge"], "code": newcomer.code()}
    confirmed = newcomer.send("/sign-in/authenticator/confirm", body)

    assert (first["next"], skipped.status_code) == ("set_up_authenticator", 401)
    assert shown["uri"].startswith("otpauth://totp/Hudson%20Spine%20Clinic:")
    assert "&issuer=Hudson%20Spine%20Clinic&" in shown["uri"]
    assert len(set(confirmed.json["recovery_codes"])) == 10
    assert Caller(newcomer.app.test_client(), confirmed.json["token"]).get("/me").json["recovery_codes_left"] == 10
    assert newcomer.send("/sign-in/authenticator/confirm", body).status_code == 401
    assert newcomer.give_password().json["next"] == "second_factor"


def test_a_password_alone_sets_up_no_second_authenticator(casey: Person, engine: Engine) -> None:
    challenge = casey.challenge()

    answers = [
        casey.send("/sign-in/authenticator", {"challenge": challenge}),
        casey.send("/sign-in/authenticator/confirm", {"challenge": challenge, "code": casey.code()}),
    ]

    assert [each.status_code for each in answers] == [401, 401]
    assert stored(engine, casey.staff).totp_secret == casey.secret


def test_a_challenge_is_no_session_ends_after_ten_minutes_and_is_used_once(casey: Person, clock: FixedClock) -> None:
    challenge, late = casey.challenge(), casey.challenge()

    as_session = Caller(casey.app.test_client(), challenge).get("/patients")
    first, again = casey.give_code(challenge), casey.give_code(challenge, casey.code(1))
    clock.advance(timedelta(minutes=10))

    assert (as_session.status_code, first.status_code, again.status_code) == (401, 200, 401)
    assert casey.give_code(late).status_code == 401
    assert casey.give_code(first.json["token"]).status_code == 401  # nor is a session a challenge


def test_a_code_is_taken_once_and_none_before_it(casey: Person, clock: FixedClock) -> None:
    answers = [casey.give_code(casey.challenge(), code) for code in (casey.code(), casey.code(), casey.code(-1))]
    ahead = casey.give_code(casey.challenge(), casey.code(1))

    assert [each.status_code for each in answers] == [200, 401, 401]
    assert ahead.status_code == 200


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 200), (1, 200), (2, 401)])
@pytest.mark.sqlite_only
def test_a_phones_clock_may_be_one_step_off(casey: Person, steps: int, status: int) -> None:
    assert casey.give_code(casey.challenge(), casey.code(steps)).status_code == status


def test_a_refusal_is_the_same_after_the_same_work_whatever_was_wrong(
    casey: Person, session: Session, clinic: Clinic, app: Flask
) -> None:
    statements: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *told: statements.append(told[2].split(" WHERE")[0]))
    wrong, nobody = {"password": "wrong ladder 94 otter"}, {"email": "nobody@example.org"}
    casey.give_password(**wrong)  # the schema is looked at once

    def seen(**changes: str) -> str:
        statements.clear()
        answer = casey.give_password(**changes)
        return f"{answer.status_code} {answer.get_data()!r} {list(answer.headers)} {statements}"

    came = [seen(**wrong), seen(**nobody), seen(email=str(clinic.clinician.email))]
    came += [seen(**wrong) for _ in range(3)]
    came.append(seen())  # must wait, and the password is right
    casey.clock.advance(timedelta(hours=1))
    clinic.coordinator.disabled_at = casey.clock.now()
    session.merge(clinic.coordinator)
    session.commit()
    came.append(seen())  # disabled, and the password is right

    assert set(came) == {came[0]}
    assert came[0].startswith("401 ")
    assert casey.give_password(practice="no-such-clinic").json["code"] == "sign_in_refused"


@pytest.mark.sqlite_only
def test_who_asks_too_often_is_told_to_wait_before_anything_is_looked_up(casey: Person, look: Look) -> None:
    answers = [casey.send("/sign-in/authenticator", {"challenge": "x"}) for _ in range(61)]

    assert [each.status_code for each in answers[59:]] == [401, 429]
    assert (answers[60].headers["Retry-After"], answers[60].json["code"]) == ("60", "too_often")


def test_wrong_codes_of_a_second_factor_wait_too_however_many_challenges_there_are(
    casey: Person, clock: FixedClock
) -> None:
    for _ in range(5):
        assert casey.give_code(casey.challenge(), "12345").status_code == 401

    assert casey.give_code(casey.challenge()).status_code == 401
    clock.advance(timedelta(seconds=2))
    assert casey.give_code(casey.challenge()).status_code == 200


def test_a_recovery_code_works_once_also_when_two_come_at_once(newcomer: Person, look: Look) -> None:
    challenge = newcomer.challenge()
    newcomer.secret = newcomer.send("/sign-in/authenticator", {"challenge": challenge}).json["secret"]
    body = {"challenge": challenge, "code": newcomer.code()}
    codes = newcomer.send("/sign-in/authenticator/confirm", body).json["recovery_codes"]
    challenges, answers = [newcomer.challenge() for _ in range(2)], []

    def use(challenge: str) -> None:
        body = {"challenge": challenge, "recovery_code": codes[3].lower().replace("-", " ")}
        answers.append(newcomer.send("/sign-in/second-factor", body).status_code)

    threads = [threading.Thread(target=use, args=(each,)) for each in challenges]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(answers) == [200, 401]
    assert sum(row.used_at is not None for row in look(RecoveryCode, staff_id=newcomer.staff.id)) == 1


def test_a_hash_by_weaker_parameters_is_renewed_at_sign_in(casey: Person, session: Session, engine: Engine) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    session.get_one(StaffCredential, (casey.practice.id, casey.staff.id)).password_hash = weak
    session.commit()

    casey.sign_in()

    renewed = str(stored(engine, casey.staff).password_hash)
    assert is_outdated(weak)
    assert not is_outdated(renewed)
    assert casey.give_password().status_code == 200


def test_nothing_secret_is_stored_in_clear_audited_or_logged(
    casey: Person, clinic: Clinic, look: Look, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", logger="service"):
        casey.give_password("wrong ladder 94 otter")
        challenge, code = casey.challenge(), casey.code()
        casey.give_code(challenge, "999999")
        token = casey.give_code(challenge, code).json["token"]

    row = stored(engine, casey.staff)
    told = " ".join(
        [f"{each.route} {each.about} {each.actor_id}" for each in look(AuditEntry, practice_id=clinic.id)]
        + [f"{record.msg} {record.__dict__}" for record in caplog.records]
        + [
            str(row.password_hash),
            str(row.totp_secret_sealed),
            str(look(Token, kind=TokenKind.staff_session)[0].token_hash),
        ]
    )
    secrets = (PASSWORD, "wrong ladder", challenge, code, token, str(casey.secret), str(casey.staff.email))
    assert not [each for each in secrets if each in told]
    denied = [each.about for each in look(AuditEntry, practice_id=clinic.id, action=AuditAction.denied)]
    assert denied == [{"staff_id": casey.staff.id}] * 2
