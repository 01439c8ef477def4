"""The second factor of staff: an authenticator app, and recovery codes for when it is not at hand.

The credential is locked whenever a code is judged: tries at once come one after the other, and a code is taken once.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.orm import Session

from models.ids import new_id
from models.private import lookup_hash
from models.sign_in import RecoveryCode, StaffCredential
from service.identity.throttle import Counts, clear, counts_of_known, take_turn
from service.identity.totp import find_step, make_secret
from service.identity.typed_codes import grouped, make_characters, normal

RECOVERY_CODES: Final = 10
_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """What somebody gives beside the password: a code of the authenticator, or a recovery code."""

    code: str | None = None
    recovery_code: str | None = None


def lock_credential(session: Session, practice_id: str, staff_id: str) -> StaffCredential | None:
    """Return somebody's credential, locked to the commit; None if they never had one."""
    key = (practice_id, staff_id)
    return session.get(StaffCredential, key, with_for_update=True, populate_existing=True)


def is_second_factor(session: Session, credential: StaffCredential, given: SecondFactor, now: datetime) -> bool:
    """Return whether this is a second factor of somebody, and use it up. A wrong one counts, which a commit keeps."""
    counts = _counts(credential)
    may = take_turn(session, counts, now)
    if given.code is not None:
        is_right = may and _takes_code(credential, given.code, now)
    else:
        is_right = may and _takes_recovery_code(session, credential, given.recovery_code or "", now)
    if is_right:
        clear(session, counts)
    return is_right


def begin_authenticator(credential: StaffCredential) -> str:
    """Return the secret of a new authenticator, which counts once it has shown a right code."""
    credential.pending_secret = make_secret()
    return str(credential.pending_secret)


def confirm_authenticator(session: Session, credential: StaffCredential, code: str, now: datetime) -> bool:
    """Let the new authenticator take the place of the old one if this is its code. Return whether it is."""
    counts, secret = _counts(credential), credential.pending_secret
    step = None
    if take_turn(session, counts, now) and secret is not None:
        step = find_step(secret, code, now, after=None)
    if step is None:
        return False
    clear(session, counts)
    credential.totp_secret, credential.totp_step, credential.pending_secret = secret, step, None
    return True


def make_recovery_codes(session: Session, credential: StaffCredential, now: datetime) -> list[str]:
    """Return new recovery codes, which are not shown again; the old ones end."""
    forget_recovery_codes(session, credential)
    codes = [make_characters(_LENGTH) for _ in range(RECOVERY_CODES)]
    whose = {"practice_id": credential.practice_id, "staff_id": credential.id, "made_at": now}
    session.add_all(RecoveryCode(id=new_id(now), code_hash=_hash(credential, code), **whose) for code in codes)
    return [grouped(code) for code in codes]


def forget_recovery_codes(session: Session, credential: StaffCredential) -> None:
    """Remove somebody's recovery codes."""
    session.execute(
        delete(RecoveryCode)
        .where(RecoveryCode.practice_id == credential.practice_id, RecoveryCode.staff_id == credential.id)
        .execution_options(synchronize_session=False)
    )


def forget_authenticator(session: Session, credential: StaffCredential) -> None:
    """Remove somebody's authenticator with all that stands for it."""
    credential.totp_secret = credential.totp_step = credential.pending_secret = None
    forget_recovery_codes(session, credential)


def count_recovery_codes(session: Session, practice_id: str, staff_id: str) -> int:
    """Return how many recovery codes somebody has left."""
    query = select(func.count()).select_from(RecoveryCode)
    whose = (RecoveryCode.practice_id == practice_id, RecoveryCode.staff_id == staff_id)
    return session.scalar(query.where(*whose, RecoveryCode.used_at.is_(None))) or 0


def _counts(credential: StaffCredential) -> Counts:
    return counts_of_known(credential.practice_id, credential.id, "code")


def _takes_code(credential: StaffCredential, code: str, now: datetime) -> bool:
    if credential.totp_secret is None:
        return False
    step = find_step(credential.totp_secret, code, now, after=credential.totp_step)
    if step is not None:
        credential.totp_step = step
    return step is not None


def _takes_recovery_code(session: Session, credential: StaffCredential, typed: str, now: datetime) -> bool:
    statement = (
        update(RecoveryCode)
        .where(
            RecoveryCode.practice_id == credential.practice_id,
            RecoveryCode.staff_id == credential.id,
            RecoveryCode.code_hash == _hash(credential, normal(typed)),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .execution_options(synchronize_session=False, preserve_rowcount=True)
    )
    return cast("CursorResult[Any]", session.execute(statement)).rowcount == 1


def _hash(credential: StaffCredential, characters: str) -> bytes:
    """Return the keyed hash of a code: 80 bits would do without a key, were they not kept for years."""
    return lookup_hash(f"recovery|{credential.id}|{characters}", credential.practice_id)
