"""A passkey signs in alone or after the password; its answers are taken once, by whom and where they were asked for."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, Passkey, UsedChallenge
from models.audit import AuditAction
from service.identity.passkeys import MOST_PASSKEYS
from service.identity.totp import make_secret
from tests.api.conftest import Answer, Caller, Clinic, Look, as_staff
from tests.api.signing_in import Person, give_credential
from tests.api.soft_passkey import ORIGIN, SoftPasskey, changed, coded, decoded
from tests.clock import FixedClock


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Return the settings of a service at an address with a name: passkeys are bound to one."""
    return replace(settings, public_url=ORIGIN)


def options_of(answer: Answer) -> dict[str, Any]:
    assert answer.status_code == 200, answer.json
    options: dict[str, Any] = answer.json["options"]
    return options


def add(caller: Caller, passkey: SoftPasskey, name: str = "Phone") -> Answer:
    """Register a passkey in somebody's session."""
    options = options_of(caller.post("/me/passkey-options"))
    return caller.post("/me/passkeys", {"name": name, "passkey": passkey.create(options)})


def ask(person: Person, challenge: str | None = None) -> dict[str, Any]:
    return options_of(person.send("/sign-in/passkey/options", {} if challenge is None else {"challenge": challenge}))


def give(person: Person, answer: dict[str, Any]) -> Answer:
    return person.send("/sign-in/passkey", {"passkey": answer})


@pytest.fixture
def phone(casey: Person) -> SoftPasskey:
    """Return a passkey of Casey's."""
    passkey = SoftPasskey()
    assert add(casey.sign_in(), passkey).status_code == 201
    return passkey


def test_a_passkey_signs_in_alone_with_a_fresh_session(
    casey: Person, phone: SoftPasskey, clinic: Clinic, look: Look
) -> None:
    answer = give(casey, phone.get(ask(casey)))

    caller = Caller(casey.app.test_client(), answer.json["token"])
    assert (answer.status_code, answer.json["staff_id"]) == (200, casey.staff.id)
    assert caller.get("/me").json["fresh_until"] == "2026-03-02T15:10:00Z"
    assert caller.post("/me/recovery-codes").status_code == 200
    (item,) = caller.get("/me/passkeys").json["items"]
    assert (item["name"], item["last_used_at"], item["stopped_at"]) == ("Phone", "2026-03-02T15:00:00Z", None)
    (entry,) = look(AuditEntry, practice_id=clinic.id, route="POST /api/v1/sign-in/passkey")
    assert (entry.action, entry.actor_id, entry.about) == (AuditAction.token, casey.staff.id, {"by": "passkey"})


def test_what_a_passkey_is_asked_names_the_site_of_the_settings_and_wants_its_holder_verified(casey: Person) -> None:
    new = options_of(casey.sign_in().post("/me/passkey-options"))
    asked = ask(casey)

    assert new["rp"]["id"] == asked["rpId"] == "localhost"
    assert new["authenticatorSelection"]["residentKey"] == "required"
    assert new["authenticatorSelection"]["userVerification"] == asked["userVerification"] == "required"
    assert casey.staff.id.encode() not in decoded(new["user"]["id"])
    assert asked["allowCredentials"] == []


def test_a_passkey_stands_for_the_code_after_the_password_and_in_a_step_up(
    casey: Person, phone: SoftPasskey, clock: FixedClock
) -> None:
    challenge = casey.challenge()
    options = ask(casey, challenge)
    body = {"challenge": challenge, "passkey": phone.get(options)}
    began, again = casey.send("/sign-in/second-factor", body), casey.send("/sign-in/second-factor", body)
    over = casey.send("/sign-in/passkey/options", {"challenge": challenge})
    caller = Caller(casey.app.test_client(), began.json["token"])
    clock.advance(timedelta(minutes=11))
    stale = caller.post("/me/recovery-codes").json["code"]
    fresh = caller.post("/me/step-up", {"passkey": phone.get(options_of(caller.post("/me/step-up/options")))})

    assert [each["id"] for each in options["allowCredentials"]] == [coded(phone.id)]
    assert (began.status_code, again.status_code, over.status_code) == (200, 401, 401)
    assert stale == "step_up_required"
    assert (fresh.status_code, caller.post("/me/recovery-codes").status_code) == (200, 200)


def test_an_answer_is_taken_once(casey: Person, phone: SoftPasskey) -> None:
    silent = SoftPasskey(count=0)  # most do not count: nothing but the challenge tells the second time
    add(casey.sign_in_with(phone), silent)
    answer = silent.get(ask(casey))

    assert [give(casey, answer).status_code for _ in range(2)] == [200, 401]


def test_a_challenge_ends_after_five_minutes_and_ended_ones_are_forgotten(
    casey: Person, phone: SoftPasskey, clock: FixedClock, look: Look, clinic: Clinic
) -> None:
    options = ask(casey)
    clock.advance(timedelta(minutes=5))
    late = give(casey, phone.get(options))
    clock.advance(timedelta(minutes=5))
    in_time = give(casey, phone.get(ask(casey)))

    assert (late.status_code, in_time.status_code) == (401, 200)
    assert len(look(UsedChallenge, practice_id=clinic.id)) == 1


def test_a_challenge_is_good_for_the_one_thing_and_the_one_holder_it_was_made_for(
    casey: Person, phone: SoftPasskey
) -> None:
    first, second = casey.challenge(), casey.challenge()
    caller, other = casey.sign_in_with(phone), casey.sign_in_with(phone)
    of_step_up = options_of(caller.post("/me/step-up/options"))

    answers = [
        give(casey, phone.get(ask(casey, first))),
        give(casey, phone.get(of_step_up)),
        casey.send("/sign-in/second-factor", {"challenge": first, "passkey": phone.get(ask(casey, second))}),
        casey.send("/sign-in/second-factor", {"challenge": first, "passkey": phone.get(ask(casey))}),
        other.post("/me/step-up", {"passkey": phone.get(of_step_up)}),
        other.post(
            "/me/passkeys",
            {"name": "x", "passkey": SoftPasskey().create(options_of(caller.post("/me/passkey-options")))},
        ),
    ]

    assert [each.status_code for each in answers] == [401, 401, 401, 401, 403, 422]


WRONG: dict[str, Any] = {
    "another origin": {"origin": "https://evil.example"},
    "the site's host on another port": {"origin": "http://localhost:8001"},
    "another site's key": {"host": "evil.example"},
    "nobody verified": {"verifies": False},
    "another account of the authenticator's": {"handle": b"x" * 32},
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.sqlite_only
def test_what_does_not_fit_signs_nobody_in(wrong: str, casey: Person, phone: SoftPasskey) -> None:
    answer = replace(phone, **WRONG[wrong]).get(ask(casey))

    assert give(casey, answer).status_code == 401
    assert give(casey, changed(phone.get(ask(casey)), userHandle=None)).status_code == 401
    assert give(casey, replace(phone, count=9).get(ask(casey))).status_code == 200


@pytest.mark.sqlite_only
def test_a_signature_of_another_key_or_over_another_challenge_signs_nobody_in(
    casey: Person, phone: SoftPasskey
) -> None:
    options = ask(casey)
    stranger = SoftPasskey(id=phone.id, handle=phone.handle)
    made_up = {**options, "challenge": coded(b"\xff" * 56)}
    framed = phone.get(options, crossOrigin=True)

    answers = [stranger.get(options), phone.get(made_up), framed, SoftPasskey().get(options)]

    assert [give(casey, each).status_code for each in answers] == [401] * 4


def test_a_copied_passkey_is_refused_told_of_in_the_trail_and_stopped(
    casey: Person, phone: SoftPasskey, clinic: Clinic, look: Look
) -> None:
    copied = phone.copy()
    before = [give(casey, phone.get(ask(casey))).status_code for _ in range(2)]
    caught = give(casey, copied.get(ask(casey)))
    after = [give(casey, replace(each, count=50).get(ask(casey))).status_code for each in (phone, copied)]

    (row,) = look(Passkey, practice_id=clinic.id)
    assert (before, caught.status_code, after) == ([200, 200], 401, [401, 401])
    assert row.stopped_at == casey.clock.now()
    denied = [each.about for each in look(AuditEntry, practice_id=clinic.id, action=AuditAction.denied)]
    about = {"staff_id": casey.staff.id, "refused": "passkey_copied", "passkey_id": row.id}
    assert denied == [about, {"staff_id": casey.staff.id}, {"staff_id": casey.staff.id}]


@pytest.mark.sqlite_only
def test_a_counter_that_falls_to_nothing_went_back(casey: Person, phone: SoftPasskey) -> None:
    give(casey, phone.get(ask(casey)))

    assert give(casey, replace(phone, count=0).get(ask(casey))).status_code == 401


def test_passkeys_change_with_a_fresh_second_factor_in_a_session_only(
    casey: Person, phone: SoftPasskey, clock: FixedClock, app: Flask, session: Session, clinic: Clinic
) -> None:
    caller, token = casey.sign_in_with(phone), as_staff(app, session, clinic.coordinator)
    (item,) = caller.get("/me/passkeys").json["items"]
    options = options_of(caller.post("/me/passkey-options"))
    body = {"name": "Key", "passkey": SoftPasskey().create(options)}
    clock.advance(timedelta(minutes=10))

    def told(who: Caller) -> list[str]:
        return [
            who.post("/me/passkey-options").json["code"],
            who.post("/me/passkeys", body).json["code"],
            who.call("DELETE", f"/me/passkeys/{item['id']}").json["code"],
        ]

    assert told(caller) == ["step_up_required"] * 3
    assert told(token) == ["session_required"] * 3
    assert token.post("/me/step-up/options").json["code"] == "session_required"


def test_a_removed_passkey_signs_nobody_in_and_the_other_sessions_end(
    casey: Person, phone: SoftPasskey, look: Look, clinic: Clinic, app: Flask, session: Session
) -> None:
    lost, here = casey.sign_in_with(phone), casey.sign_in_with(phone)
    (item,) = here.get("/me/passkeys").json["items"]
    dana = Person(app, clinic.practice, clinic.clinician, casey.clock, make_secret())
    give_credential(session, clinic.clinician, secret=dana.secret)

    foreign = dana.sign_in().call("DELETE", f"/me/passkeys/{item['id']}")
    removed = here.call("DELETE", f"/me/passkeys/{item['id']}")

    assert (foreign.status_code, removed.status_code) == (404, 204)
    assert (lost.get("/me").status_code, here.get("/me").status_code) == (401, 200)
    assert give(casey, phone.get(ask(casey))).status_code == 401
    entries = look(AuditEntry, practice_id=clinic.id, route="DELETE /api/v1/me/passkeys/{passkey_id}")
    assert entries[-1].about == {"changed": ["passkeys"], "passkey_id": item["id"]}


def test_nobody_registers_a_passkey_of_another_or_of_another_clinic_nor_answers_with_it(
    casey: Person, phone: SoftPasskey, app: Flask, session: Session, foreign_clinic: Clinic
) -> None:
    morgan = Person(app, foreign_clinic.practice, foreign_clinic.coordinator, casey.clock, make_secret())
    give_credential(session, morgan.staff, secret=morgan.secret)
    caller = morgan.sign_in()

    taken = add(caller, SoftPasskey(id=phone.id))
    challenge = morgan.challenge()
    foreign = morgan.send(
        "/sign-in/second-factor", {"challenge": challenge, "passkey": phone.get(ask(morgan, challenge))}
    )
    step_up = caller.post("/me/step-up", {"passkey": phone.get(options_of(caller.post("/me/step-up/options")))})

    assert (taken.status_code, foreign.status_code, step_up.status_code) == (409, 401, 403)
    assert caller.get("/me/passkeys").json == {"items": []}
    assert give(morgan, phone.get(ask(morgan))).json["staff_id"] == casey.staff.id


@pytest.mark.parametrize("way", ["disable", "reset-second-factor"])
def test_commands_end_passkeys(way: str, casey: Person, phone: SoftPasskey, app: Flask) -> None:
    options = ask(casey)

    done = app.test_cli_runner().invoke(args=("staff", way, "--email", str(casey.staff.email)))

    assert done.exit_code == 0
    assert give(casey, phone.get(options)).status_code == 401


@pytest.mark.sqlite_only
def test_one_person_has_ten_passkeys_at_most(casey: Person, session: Session) -> None:
    caller = casey.sign_in()
    for _ in range(MOST_PASSKEYS):
        assert add(caller, SoftPasskey()).status_code == 201

    refused = add(caller, SoftPasskey())

    assert (refused.status_code, refused.json["errors"][0]["expected"]) == (409, "at most 10 passkeys of one person")


@pytest.mark.sqlite_only
def test_a_new_passkey_whose_holder_was_not_verified_or_that_is_for_another_site_is_not_stored(casey: Person) -> None:
    caller = casey.sign_in()

    answers = [
        add(caller, SoftPasskey(verifies=False)),
        add(caller, SoftPasskey(host="evil.example")),
        add(caller, SoftPasskey(origin="https://evil.example")),
    ]

    assert [(each.status_code, each.json["errors"][0]["pointer"]) for each in answers] == [(422, "/passkey")] * 3


HOSTILE: tuple[Any, ...] = (
    {}, {"id": 1}, {"rawId": "AAAA"}, {"rawId": ["AAAA"]}, {"rawId": "A"}, {"rawId": "é"}, {"rawId": "A" * 5000},
    {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": None},
    {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"clientDataJSON": "W10"}},
)  # fmt: skip


@pytest.mark.sqlite_only
def test_hostile_messages_are_refused_as_any_other(casey: Person, phone: SoftPasskey) -> None:
    caller, right = casey.sign_in_with(phone), phone.get(ask(casey))
    names = list(right["response"])
    values: tuple[Any, ...] = (
        None,
        1,
        [],
        {},
        "",
        "A",
        "AAAA",
        "é",
        coded(b"null"),
        coded(b"\xff" * 300),
        coded(b"[" * 30_000),
    )
    bent = [changed(right, **{name: value}) for name in names for value in values]
    made = SoftPasskey().create(options_of(caller.post("/me/passkey-options")))
    objects = [decoded(made["response"]["attestationObject"])]
    objects = [objects[0][:cut] for cut in range(0, len(objects[0]), 7)]
    new = [changed(made, attestationObject=coded(each)) for each in objects]
    new += [changed(made, **{name: value}) for name in made["response"] for value in values]

    said = {caller.post("/me/step-up", {"passkey": each}).status_code for each in (*HOSTILE, *bent)}
    stored = {caller.post("/me/passkeys", {"name": "x", "passkey": each}).status_code for each in (*HOSTILE, *new)}

    assert said == {403}
    assert stored == {422}


@pytest.mark.sqlite_only
def test_whoever_is_unknown_and_whoever_fails_are_told_the_same(casey: Person, phone: SoftPasskey) -> None:
    unknown = give(casey, SoftPasskey().get(ask(casey)))
    wrong = give(casey, replace(phone, verifies=False).get(ask(casey)))

    assert unknown.get_data() == wrong.get_data()
    assert unknown.json["code"] == "sign_in_refused"


@pytest.mark.sqlite_only
def test_a_passkey_is_taken_while_codes_wait(casey: Person, phone: SoftPasskey) -> None:
    for _ in range(6):
        casey.give_code(casey.challenge(), "12345")
    challenge = casey.challenge()

    body = {"challenge": challenge, "passkey": phone.get(ask(casey, challenge))}

    assert casey.give_code(casey.challenge()).status_code == 401
    assert casey.send("/sign-in/second-factor", body).status_code == 200
