"""Sign-in by the clinic's own provider: it stands for the password, never the second factor, and makes nobody staff.

Somebody is known by what the provider calls them (issuer and subject) once they are linked. They are linked by an
e-mail address that the provider has verified, if a member of staff has it who is linked with that issuer to nobody yet:
a mailbox that went to somebody else opens no account. What the provider says of its own second factor (`amr`, `acr`)
counts for nothing here.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from models import Practice, Staff
from models.ids import new_id
from models.isolation import see
from models.practice import BY_SLUG
from models.private import lookup_hash
from models.sign_in import SignInProvider, StaffCredential, StaffIdentity
from service.errors import NotFoundError
from service.identity.challenges import Ceremony, is_challenge, make_challenge, use_challenge
from service.identity.provider import Asked, Client, Known
from service.identity.second_factor import lock_credential
from service.identity.sign_in import FirstStep, open_challenge

ANSWERED_AT: Final = "/clinic/sign-in/provider/answer"
LONGEST_ISSUER: Final = 500
LONGEST_CLIENT: Final = 255
LONGEST_SECRET: Final = 1000


@dataclass(frozen=True, slots=True)
class BrowserKey:
    """What a browser keeps while its person is at the provider: whose, and a secret that binds the answer to it."""

    practice_id: str
    secret: str

    @classmethod
    def make(cls, practice_id: str) -> "BrowserKey":
        """Return a new key."""
        return cls(practice_id, secrets.token_urlsafe(32))

    @classmethod
    def read(cls, text: str) -> "BrowserKey | None":
        """Return the key of a cookie; None for what is none."""
        secret, _, practice_id = text.partition(".")
        return cls(practice_id, secret) if secret and practice_id else None

    def __str__(self) -> str:
        return f"{self.secret}.{self.practice_id}"


def find_provider(session: Session, slug: str) -> SignInProvider | None:
    """Return the provider of the clinic with a slug, and have the session see that clinic; None for no such one."""
    BY_SLUG.enter(session, slug)
    practice_id = session.scalar(select(Practice.id).where(Practice.slug == slug))
    return None if practice_id is None else provider_of(session, practice_id)


def provider_of(session: Session, practice_id: str) -> SignInProvider | None:
    """Return a clinic's provider, and have the session see that clinic."""
    see(session, practice_id)
    return session.get(SignInProvider, (practice_id, practice_id))


def set_provider(session: Session, practice_id: str, client: Client) -> SignInProvider:
    """Store a clinic's provider in the place of an earlier one. Links to people of another issuer count no more."""
    row = session.get(SignInProvider, (practice_id, practice_id), with_for_update=True)
    if row is None:
        row = SignInProvider(practice_id=practice_id, id=practice_id)
        session.add(row)
    row.issuer, row.client_id = client.issuer, client.client_id
    row.client_secret = client.client_secret
    return row


def drop_provider(session: Session, practice_id: str) -> None:
    """Forget a clinic's provider, and whom it knows. Raises NotFoundError if it has none."""
    row = session.get(SignInProvider, (practice_id, practice_id))
    if row is None:
        raise NotFoundError
    session.delete(row)
    linked = delete(StaffIdentity).where(StaffIdentity.practice_id == practice_id)
    session.execute(linked.execution_options(synchronize_session=False))


def forget_link(session: Session, practice_id: str, staff_id: str) -> None:
    """Forget whom any provider knows a member of staff as. The next time they are linked anew, by a verified address.

    Raises NotFoundError for somebody whom none knows.
    """
    linked = delete(StaffIdentity).where(StaffIdentity.practice_id == practice_id, StaffIdentity.staff_id == staff_id)
    gone = session.execute(linked.returning(StaffIdentity.id).execution_options(synchronize_session=False)).all()
    if not gone:
        raise NotFoundError


def client_of(provider: SignInProvider, public_url: str) -> Client:
    """Return what the clinic is at its provider."""
    return Client(provider.issuer, provider.client_id, str(provider.client_secret), public_url + ANSWERED_AT)


def ask(key: BrowserKey, now: datetime) -> Asked:
    """Return what a new sign-in of this browser is asked with."""
    return _asked(key, make_challenge(Ceremony.single_sign_on, str(key), now))


def find_asked(key: BrowserKey, answer: Mapping[str, str], now: datetime) -> Asked | None:
    """Return what an answer's sign-in was asked with; None if it was not by this browser, or too long ago."""
    try:
        challenge = base64url_to_bytes(answer.get("state", ""))
    except ValueError:
        return None
    is_ours = is_challenge(challenge, Ceremony.single_sign_on, str(key), now)
    asked = _asked(key, challenge)
    return asked if is_ours and asked.state == answer["state"] else None


def use_asked(session: Session, key: BrowserKey, asked: Asked, now: datetime) -> bool:
    """Note that a sign-in was answered. Return False if it was before."""
    return use_challenge(session, key.practice_id, base64url_to_bytes(asked.state), now)


def find_person(session: Session, practice_id: str, known: Known, now: datetime) -> Staff | None:
    """Return the member of staff whom the provider knows, linked now if they were not; None for anybody else."""
    linked = _find_linked(session, practice_id, StaffIdentity.subject == known.subject, known.issuer)
    if linked is not None:
        holder = session.get_one(Staff, (practice_id, linked.staff_id), populate_existing=True)
        return holder if holder.disabled_at is None else None
    if known.email is None:
        return None
    address = lookup_hash(known.email, practice_id)
    staff = session.scalars(
        select(Staff).where(Staff.practice_id == practice_id, Staff.email_lookup == address).with_for_update()
    ).one_or_none()
    if staff is None or staff.disabled_at is not None:
        return None
    if _find_linked(session, practice_id, StaffIdentity.staff_id == staff.id, known.issuer) is not None:
        return None
    told = {"issuer": known.issuer, "subject": known.subject, "linked_at": now}
    session.add(StaffIdentity(practice_id=practice_id, id=new_id(now), staff_id=staff.id, **told))
    session.flush()
    return staff


def go_on(session: Session, staff: Staff, now: datetime) -> FirstStep:
    """Return the challenge of somebody whom the provider knows: the second factor is still to be given."""
    credential = lock_credential(session, staff.practice_id, staff.id)
    if credential is None:
        credential = StaffCredential(practice_id=staff.practice_id, id=staff.id)
        session.add(credential)
        session.flush()
    return open_challenge(session, credential, now)


def _find_linked(session: Session, practice_id: str, who: ColumnElement[bool], issuer: str) -> StaffIdentity | None:
    query = select(StaffIdentity).where(StaffIdentity.practice_id == practice_id, StaffIdentity.issuer == issuer)
    return session.scalars(query.where(who)).one_or_none()


def _asked(key: BrowserKey, challenge: bytes) -> Asked:
    """Return what follows from a challenge: nobody but us can tell nonce and verifier from the state."""
    state = bytes_to_base64url(challenge)
    nonce, verifier = (lookup_hash(f"{what}|{challenge.hex()}", key.practice_id).hex() for what in ("nonce", "pkce"))
    return Asked(state, nonce, verifier)
