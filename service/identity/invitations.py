"""One-time codes of the clinic: with one, a member of staff sets a password, for the first time or anew.

Sixteen characters, 80 bits. Whoever administers the clinic makes one by a command and hands it over; a new one ends the
earlier ones. It opens no session: what follows is the second step of a sign-in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models import Practice, Staff
from models.ids import new_id
from models.isolation import Door
from models.sign_in import CodePurpose, SignInCode, StaffCredential
from service.errors import SignInRefusedError
from service.identity.codes import IssuedCode
from service.identity.password_rules import Chooser
from service.identity.second_factor import lock_credential
from service.identity.sessions import end_sessions
from service.identity.sign_in import FirstStep, open_challenge
from service.identity.tokens import hash_secret
from service.identity.typed_codes import grouped, make_characters, normal

CODE_LIVES: Final = {
    CodePurpose.invitation: timedelta(hours=24),
    CodePurpose.password_reset: timedelta(hours=1),
}
_LENGTH: Final = 16
_BY_CODE: Final = Door(SignInCode.practice_id, SignInCode.code_hash)


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom a code is for, and what their password must not hold."""

    practice_id: str
    staff_id: str
    chooser: Chooser


def issue_sign_in_code(session: Session, staff: Staff, purpose: CodePurpose, now: datetime) -> IssuedCode:
    """Make a code for a member of staff; those that were made before end."""
    end_sign_in_codes(session, staff, now)
    characters = make_characters(_LENGTH)
    row = SignInCode(
        practice_id=staff.practice_id,
        id=new_id(now),
        staff_id=staff.id,
        code_hash=hash_secret(characters),
        purpose=purpose,
        made_at=now,
        expires_at=now + CODE_LIVES[purpose],
    )
    session.add(row)
    return IssuedCode(grouped(characters), row.expires_at)


def end_sign_in_codes(session: Session, staff: Staff, now: datetime) -> None:
    """End the codes of a member of staff that were not used."""
    session.execute(
        update(SignInCode)
        .where(
            SignInCode.practice_id == staff.practice_id, SignInCode.staff_id == staff.id, SignInCode.used_at.is_(None)
        )
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )


def find_invited(session: Session, typed: str, now: datetime) -> Invited:
    """Return whom a code is for, without using it up. Raises SignInRefusedError for any but an open one."""
    code = _find_code(session, typed, now)
    staff = session.get_one(Staff, (code.practice_id, code.staff_id))
    practice = session.get_one(Practice, code.practice_id)
    if staff.disabled_at is not None:
        raise SignInRefusedError
    return Invited(code.practice_id, code.staff_id, chooser_of(staff, practice))


def chooser_of(staff: Staff, practice: Practice) -> Chooser:
    """Return what a member of staff's password must not hold."""
    mailbox, _, _ = (staff.email or "").partition("@")
    return Chooser.of(staff.display_name, mailbox, practice.name, practice.slug)


def accept_invitation(session: Session, invited: Invited, typed: str, password_hash: str, now: datetime) -> FirstStep:
    """Use a code up: the password is set, every session ends, and the sign-in goes on. Raises SignInRefusedError."""
    credential = lock_credential(session, invited.practice_id, invited.staff_id)
    code = _find_code(session, typed, now, locked=True)
    code.used_at = now
    if credential is None:
        credential = StaffCredential(practice_id=invited.practice_id, id=invited.staff_id)
        session.add(credential)
    credential.password_hash, credential.password_changed_at = password_hash, now
    end_sessions(session, invited.practice_id, invited.staff_id, but=None, now=now)
    return open_challenge(session, credential, now)


def _find_code(session: Session, typed: str, now: datetime, *, locked: bool = False) -> SignInCode:
    code_hash = hash_secret(normal(typed))
    _BY_CODE.enter(session, code_hash)
    query = select(SignInCode).where(SignInCode.code_hash == code_hash)
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    code = session.scalars(query).one_or_none()
    if code is None or code.used_at is not None or code.expires_at <= now:
        raise SignInRefusedError
    return code
