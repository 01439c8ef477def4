"""Somebody who signs in: with a password that is hashed once for all tests, and an authenticator of their own."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import Practice, Staff
from models.engine import make_session_factory
from models.sign_in import StaffCredential
from service.identity.passwords import hash_password
from service.identity.totp import code_at, step_of
from tests.api.conftest import Answer, Caller
from tests.api.soft_passkey import SoftPasskey
from tests.clock import MONDAY_AFTERNOON, FixedClock

PASSWORD = "violet ladder 94 otter"
NEW_PASSWORD = "seven quiet canoes at dawn"


@cache
def password_hash() -> str:
    """Return the hash of the tests' password: hashing takes a tenth of a second."""
    return hash_password(PASSWORD)


@dataclass
class Person:
    """A member of staff at a browser. `secret` None: no authenticator."""

    app: Flask
    practice: Practice
    staff: Staff
    clock: FixedClock
    secret: str | None = None
    address: str = "203.0.113.7"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def anonymous(self) -> Caller:
        """Return the person before anybody knows them."""
        return Caller(self.app.test_client(), None)

    def send(self, path: str, body: Any) -> Answer:
        """Send a POST as nobody yet, from the person's address."""
        headers = {"X-Forwarded-For": self.address, **self.headers}
        return self.anonymous.post(path, body, headers=headers)

    def give_password(self, password: str = PASSWORD, **changes: str) -> Answer:
        """Send the first step."""
        body = {"practice": self.practice.slug, "email": str(self.staff.email), "password": password}
        return self.send("/sign-in", body | changes)

    def challenge(self) -> str:
        """Return the challenge of a right password."""
        answer = self.give_password()
        assert answer.status_code == 200, answer.json
        return str(answer.json["challenge"])

    def code(self, steps: int = 0) -> str:
        """Return the authenticator's code so many steps from now."""
        assert self.secret is not None
        return code_at(self.secret, step_of(self.clock.now()) + steps)

    def give_code(self, challenge: str, code: str | None = None) -> Answer:
        """Send the second step."""
        return self.send("/sign-in/second-factor", {"challenge": challenge, "code": code or self.code()})

    def sign_in(self) -> Caller:
        """Return the person in a new session."""
        answer = self.give_code(self.challenge())
        assert answer.status_code == 200, answer.json
        return Caller(self.app.test_client(), answer.json["token"])

    def sign_in_with(self, passkey: SoftPasskey) -> Caller:
        """Return the person in a new session, begun with a passkey alone."""
        options = self.send("/sign-in/passkey/options", {}).json["options"]
        answer = self.send("/sign-in/passkey", {"passkey": passkey.get(options)})
        assert answer.status_code == 200, answer.json
        return Caller(self.app.test_client(), answer.json["token"])


def give_credential(
    session: Session, staff: Staff, *, secret: str | None, now: datetime = MONDAY_AFTERNOON
) -> StaffCredential:
    """Store a password, and an authenticator if there is a secret."""
    row = StaffCredential(practice_id=staff.practice_id, id=staff.id)
    session.add(row)
    row.password_hash, row.password_changed_at = password_hash(), now
    if secret is not None:
        row.totp_secret, row.totp_step = secret, 0
    session.commit()
    return row


def stored(engine: Engine, staff: Staff) -> StaffCredential:
    """Return what is stored of somebody's password and authenticator."""
    with make_session_factory(engine)() as session:
        return session.get_one(StaffCredential, (staff.practice_id, staff.id))
