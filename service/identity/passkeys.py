"""Passkeys of staff: key pairs of WebAuthn, which sign in by themselves, or stand for the code of an authenticator.

Each is found by its authenticator alone (a discoverable credential) and asks its holder for a finger, face or PIN
(user verification), so that one is both factors. Attestation is not asked for: whose make an authenticator is counts
for nothing here. `webauthn` reads and verifies what authenticators sign.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session
from webauthn import generate_authentication_options, generate_registration_options
from webauthn.authentication.verify_authentication_response import verify_authentication_response
from webauthn.helpers import base64url_to_bytes, options_to_json_dict, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration, verify_registration_response

from models import Practice, Staff
from models.ids import new_id
from models.isolation import Door
from models.sign_in import Passkey
from service.errors import ConflictError, Fault, InvalidError, NotFoundError
from service.identity.challenges import (
    CHALLENGE_LIFE,
    Ceremony,
    is_challenge,
    make_challenge,
    use_challenge,
)
from service.identity.principal import Principal

MOST_PASSKEYS: Final = 10
LONGEST_NAME: Final = 40
_LONGEST_CREDENTIAL_ID: Final = 1023  # bytes, by the standard
_BY_CREDENTIAL: Final = Door(Passkey.practice_id, Passkey.credential_id)
_TIMEOUT_MS: Final = int(CHALLENGE_LIFE.total_seconds() * 1000)
# What the library lets through of bytes that are no message of an authenticator.
_UNREADABLE: Final = (
    WebAuthnException, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip
Spoken = dict[str, Any]  # a message of WebAuthn as JSON: what a browser is given, or what its `toJSON()` made


@dataclass(frozen=True, slots=True)
class Site:
    """For which site passkeys are: the host that they are bound to, and the origin whose pages may use them."""

    host: str
    origin: str

    @classmethod
    def of(cls, public_url: str) -> "Site":
        """Return the site at an address."""
        parts = urlsplit(public_url)
        return cls(parts.hostname or "", f"{parts.scheme}://{parts.netloc}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer must fit: the site, and the challenge's purpose and holder."""

    site: Site
    ceremony: Ceremony
    bound_to: str


class Verdict(Enum):
    """What a passkey's answer is worth. `copied`: its key signed, and its counter says that another one has it too."""

    right = auto()
    wrong = auto()
    copied = auto()


def list_passkeys(session: Session, practice_id: str, staff_id: str) -> Sequence[Passkey]:
    """Return somebody's passkeys, the oldest first."""
    query = select(Passkey).where(Passkey.practice_id == practice_id, Passkey.staff_id == staff_id)
    return session.scalars(query.order_by(Passkey.made_at, Passkey.id)).all()


def ask_for_answer(asked: Asked, passkeys: Sequence[Passkey], now: datetime) -> Spoken:
    """Return what a browser hands to `navigator.credentials.get`. Without `passkeys` any of the site's may answer."""
    options = generate_authentication_options(
        rp_id=asked.site.host,
        challenge=make_challenge(asked.ceremony, asked.bound_to, now),
        timeout=_TIMEOUT_MS,
        allow_credentials=[PublicKeyCredentialDescriptor(id=each.credential_id) for each in passkeys],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def ask_for_new(session: Session, asked: Asked, staff: Staff, now: datetime) -> Spoken:
    """Return what a browser hands to `navigator.credentials.create`. What is registered already is left out."""
    practice = session.get_one(Practice, staff.practice_id)
    known = list_passkeys(session, staff.practice_id, staff.id)
    options = generate_registration_options(
        rp_id=asked.site.host,
        rp_name=practice.name,
        user_id=user_handle(staff.practice_id, staff.id),
        user_name=staff.email or staff.display_name,
        user_display_name=staff.display_name,
        challenge=make_challenge(asked.ceremony, asked.bound_to, now),
        timeout=_TIMEOUT_MS,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each.credential_id) for each in known],
    )
    return options_to_json_dict(options)


def add_passkey(
    session: Session, asked: Asked, caller: Principal, *, name: str, given: Spoken, now: datetime
) -> Passkey:
    """Store a new passkey of the caller's, whose credential is locked.

    Raises InvalidError for what is no answer to a challenge of theirs, ConflictError for one too many.
    """
    whose = (Passkey.practice_id == caller.practice_id, Passkey.staff_id == caller.actor_id)
    if (session.scalar(select(func.count()).select_from(Passkey).where(*whose)) or 0) >= MOST_PASSKEYS:
        raise ConflictError(Fault("", f"at most {MOST_PASSKEYS} passkeys of one person", "one more"))
    challenge = find_challenge(given)
    verified = (
        _verify_new(asked, given, challenge) if is_challenge(challenge, asked.ceremony, asked.bound_to, now) else None
    )
    if verified is None or not use_challenge(session, caller.practice_id, challenge, now):
        raise InvalidError(Fault("/passkey", "an answer to the latest challenge, within five minutes", "another one"))
    row = Passkey(
        practice_id=caller.practice_id,
        id=new_id(now),
        staff_id=caller.actor_id,
        name=name,
        credential_id=verified.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        made_at=now,
    )
    session.add(row)
    session.flush()  # whoever has that key already is told by the database: 409
    return row


def find_passkey(session: Session, given: Spoken) -> Passkey | None:
    """Return the passkey that an answer names, whosever it is, and have the session see its practice alone."""
    credential_id = _credential_id(given)
    if credential_id is None:
        return None
    _BY_CREDENTIAL.enter(session, credential_id)
    return session.scalars(select(Passkey).where(Passkey.credential_id == credential_id)).one_or_none()


def find_passkey_of(session: Session, staff: Staff, given: Spoken) -> Passkey | None:
    """Return the passkey that an answer names, if it is this person's."""
    known = list_passkeys(session, staff.practice_id, staff.id)
    return next((each for each in known if each.credential_id == _credential_id(given)), None)


def judge(session: Session, passkey: Passkey, asked: Asked, given: Spoken, now: datetime) -> Verdict:
    """Return what an answer is worth, and note its use. The holder's credential is locked: answers come one by one.

    A passkey that somebody copied is stopped. Commit, whatever the verdict is.
    """
    key, challenge = (passkey.practice_id, passkey.id), find_challenge(given)
    if session.get(Passkey, key, with_for_update=True, populate_existing=True) is None:
        return Verdict.wrong  # removed a moment ago
    if passkey.stopped_at is not None or not is_challenge(challenge, asked.ceremony, asked.bound_to, now):
        return Verdict.wrong
    counted = _verify(passkey, asked, given, challenge)
    if counted is None or not use_challenge(session, passkey.practice_id, challenge, now):
        return Verdict.wrong
    if (counted or passkey.sign_count) and counted <= passkey.sign_count:
        passkey.stopped_at = now
        return Verdict.copied
    passkey.sign_count, passkey.last_used_at = counted, now
    return Verdict.right


def remove_passkey(session: Session, caller: Principal, passkey_id: str) -> None:
    """Remove one of the caller's passkeys. Raises NotFoundError."""
    passkey = session.get(Passkey, (caller.practice_id, passkey_id))
    if passkey is None or passkey.staff_id != caller.actor_id:
        raise NotFoundError
    session.delete(passkey)


def forget_passkeys(session: Session, practice_id: str, staff_id: str) -> None:
    """Remove all of somebody's passkeys."""
    whose = (Passkey.practice_id == practice_id, Passkey.staff_id == staff_id)
    session.execute(delete(Passkey).where(*whose).execution_options(synchronize_session=False))


def user_handle(practice_id: str, staff_id: str) -> bytes:
    """Return by which an authenticator tells its holder's accounts apart. It tells nothing of the person."""
    return hashlib.sha256(f"{practice_id}\0{staff_id}".encode()).digest()


def find_challenge(given: Spoken) -> bytes:
    """Return the challenge that an answer is to; none of ours for no answer, or one from a frame in another site."""
    try:
        told = parse_client_data_json(base64url_to_bytes(given["response"]["clientDataJSON"]))
    except _UNREADABLE:
        return b""
    return b"" if told.cross_origin else told.challenge


def _credential_id(given: Spoken) -> bytes | None:
    try:
        found = base64url_to_bytes(given["rawId"])
    except _UNREADABLE:
        return None
    return found if 0 < len(found) <= _LONGEST_CREDENTIAL_ID else None


def _verify_new(asked: Asked, given: Spoken, challenge: bytes) -> VerifiedRegistration | None:
    try:
        return verify_registration_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=asked.site.host,
            expected_origin=asked.site.origin,
            require_user_verification=True,
        )
    except _UNREADABLE:
        return None


def _verify(passkey: Passkey, asked: Asked, given: Spoken, challenge: bytes) -> int | None:
    """Return the counter of an answer that the passkey signed for this site; None for any other."""
    try:
        verified = verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=asked.site.host,
            expected_origin=asked.site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,  # judged here, so that a copy can be told from a wrong signature
            require_user_verification=True,
        )
        handle = given["response"].get("userHandle")
        told = None if handle is None else base64url_to_bytes(handle)
    except _UNREADABLE:
        return None
    if told is None and asked.ceremony is Ceremony.sign_in:
        return None  # who signs in by it alone is named by it
    is_theirs = told in (None, user_handle(passkey.practice_id, passkey.staff_id))
    return verified.new_sign_count if is_theirs else None
