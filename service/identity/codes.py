"""One-time enrolment codes: short enough to type, too many to guess.

Twelve characters of an alphabet without look-alikes are 60 bits. At 2,000 guesses a second for the whole life of 1,000
open codes, the chance that any is hit is below one in a million. A code works once and ends after a day.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.identity import EnrolmentCode
from models.ids import new_id
from models.isolation import Door
from service.errors import UnauthenticatedError
from service.identity.principal import Principal, Proxy
from service.identity.proxies import find_scopes
from service.identity.tokens import DeviceTokens, enrol_device, hash_secret
from service.identity.typed_codes import grouped, make_characters, normal

CODE_LIFE = timedelta(hours=24)
_LENGTH = 12
_BY_CODE = Door(EnrolmentCode.practice_id, EnrolmentCode.code_hash)


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A new code as the patient types it, such as 7K3M-9QAT-X2VD, and when it ends."""

    code: str
    expires_at: datetime


def issue_code(
    session: Session, caller: Principal, patient_id: str, now: datetime, *, proxy_consent_id: str | None = None
) -> IssuedCode:
    """Make a code with which one device of a patient enrols, or of the proxy whose consent it names."""
    characters = make_characters(_LENGTH)
    row = EnrolmentCode(
        practice_id=caller.practice_id,
        id=new_id(now),
        code_hash=hash_secret(characters),
        patient_id=patient_id,
        proxy_consent_id=proxy_consent_id,
        made_by=caller.actor_id,
        made_at=now,
        expires_at=now + CODE_LIFE,
    )
    session.add(row)
    return IssuedCode(grouped(characters), row.expires_at)


def redeem_code(session: Session, typed: str, now: datetime) -> DeviceTokens:
    """Exchange a code, as it was typed, for a new device's tokens.

    Raises UnauthenticatedError if it is unknown, expired or was used, or the consent of its proxy holds no more.
    """
    code_hash = hash_secret(normal(typed))
    _BY_CODE.enter(session, code_hash)
    query = select(EnrolmentCode).where(EnrolmentCode.code_hash == code_hash).with_for_update()
    code = session.scalars(query).one_or_none()
    if code is None or code.used_at is not None or code.expires_at <= now:
        raise UnauthenticatedError
    proxy = _proxy_of(session, code, now)
    code.used_at = now
    return enrol_device(session, code.practice_id, code.patient_id, now, proxy=proxy)


def _proxy_of(session: Session, code: EnrolmentCode, now: datetime) -> Proxy | None:
    if code.proxy_consent_id is None:
        return None
    scopes = find_scopes(session, code.practice_id, code.proxy_consent_id, now)
    if scopes is None:
        raise UnauthenticatedError
    return Proxy(code.proxy_consent_id, scopes)
