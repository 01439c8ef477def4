"""Use cases: who works in the clinic. Added, given another role, shut out, let in again, and given a new start.

Nobody does it to themselves, so that no admin shuts themselves out by mistake; a clinic that has an admin keeps one.
Codes that begin a sign-in are shown once, to whoever asked, to be handed over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models import Episode, Practice, SignInCode, Staff, StaffCredential, Token
from models.base import said
from models.identity import TokenKind
from models.ids import new_id
from models.people import StaffRole
from models.private import lookup_hash
from models.sign_in import CodePurpose, StaffIdentity
from schedules.plan.vocabulary import EpisodeStatus
from service.care.checks import is_email_address
from service.care.reach import TREATING
from service.errors import ConflictError, Fault, InvalidError, NotFoundError, describe_private
from service.identity.codes import IssuedCode
from service.identity.invitations import end_sign_in_codes, issue_sign_in_code
from service.identity.passkeys import forget_passkeys
from service.identity.second_factor import forget_authenticator, lock_credential
from service.identity.sessions import end_every_token, end_sessions

LONGEST_NAME: Final = 100
LONGEST_ADDRESS: Final = 254
_OPEN: Final = (EpisodeStatus.active, EpisodeStatus.paused)


class Lost(StrEnum):
    """What somebody cannot sign in with any more."""

    password = "password"  # noqa: S105 - a word, not a secret
    second_factor = "second_factor"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember:
    """Who is added: the name that patients and colleagues see, the address that signs in, and the role."""

    name: str
    email: str
    role: StaffRole


@dataclass(frozen=True, slots=True)
class Member:
    """A member of staff as the clinic's admin sees them.

    `code_until`: how long a code that was handed out still sets a password. `sessions`: how many have not ended.
    `episodes`: of how many open episodes they are the coordinator. `linked_at`: since when a provider of sign-ins knows
    them.
    """

    staff: Staff
    has_password: bool
    has_authenticator: bool
    code_until: datetime | None
    sessions: int
    episodes: int
    linked_at: datetime | None


def list_members(session: Session, practice_id: str, *, idle: timedelta, now: datetime) -> list[Member]:
    """Return the clinic's staff by name, whoever is shut out at the end. `idle`: after it a session has ended."""
    query = select(Staff).where(Staff.practice_id == practice_id)
    rows = session.scalars(query.order_by(Staff.disabled_at.isnot(None), Staff.display_name, Staff.id)).all()
    return _members(session, practice_id, rows, idle=idle, now=now)


def view_member(session: Session, practice_id: str, staff_id: str, *, idle: timedelta, now: datetime) -> Member:
    """Return one member of staff. Raises NotFoundError."""
    return _members(session, practice_id, [_find(session, practice_id, staff_id)], idle=idle, now=now)[0]


def find_by_email(session: Session, practice_id: str, email: str) -> Staff | None:
    """Return the member of a clinic's staff who has that e-mail address."""
    wanted = lookup_hash(email, practice_id)
    return session.scalar(select(Staff).where(Staff.practice_id == practice_id, Staff.email_lookup == wanted))


def add_member(session: Session, practice_id: str, wanted: NewMember, now: datetime) -> Staff:
    """Add a member of staff, who cannot sign in yet.

    Raises InvalidError for a name that is not one line or no e-mail address, ConflictError for one that somebody has.
    """
    faults = []
    if not wanted.name.isprintable() or not wanted.name.strip():
        faults.append(Fault("/name", "a name in one line", describe_private(wanted.name)))
    if not is_email_address(wanted.email):
        faults.append(Fault("/email", "an e-mail address", describe_private(wanted.email)))
    if faults:
        raise InvalidError(*faults)
    _lock(session, practice_id)
    if find_by_email(session, practice_id, wanted.email) is not None:
        raise ConflictError(Fault("/email", "an address that no member of the staff has", "one in use"))
    staff = Staff(practice_id=practice_id, id=new_id(now), display_name=wanted.name, role=wanted.role)
    session.add(staff)
    staff.email = wanted.email
    return staff


def invite_member(session: Session, practice_id: str, wanted: NewMember, now: datetime) -> tuple[Staff, IssuedCode]:
    """Add a member of staff with a code for their first password. Raises as `add_member` does."""
    staff = add_member(session, practice_id, wanted, now)
    return staff, issue_sign_in_code(session, staff, CodePurpose.invitation, now)


def change_role(
    session: Session, practice_id: str, staff_id: str, role: StaffRole, *, by: str | None, now: datetime
) -> StaffRole:
    """Give somebody another role, which ends their sessions. Return the former one. `by` None: a command.

    Raises NotFoundError, and ConflictError for oneself, for the last admin, and for who still coordinates open
    episodes and would treat nobody.
    """
    staff = _lock_member(session, practice_id, staff_id, by)
    before = staff.role
    if before is role:
        return before
    if before is StaffRole.practice_admin:
        _refuse_last_admin(session, staff)
    if role not in TREATING:
        _refuse_coordinator(session, staff)
    staff.role = role
    end_sessions(session, practice_id, staff_id, but=None, now=now)
    return before


def deactivate(session: Session, practice_id: str, staff_id: str, *, by: str | None, now: datetime) -> Staff:
    """End somebody's access at once: sign-in, sessions, tokens and codes. What they entered stays under their name.

    Raises NotFoundError, and ConflictError for oneself and for the last admin.
    """
    staff = _lock_member(session, practice_id, staff_id, by)
    if staff.disabled_at is None:
        if staff.role is StaffRole.practice_admin:
            _refuse_last_admin(session, staff)
        staff.disabled_at = now
    end_every_token(session, practice_id, staff_id, now)
    end_sign_in_codes(session, staff, now)
    return staff


def reactivate(session: Session, practice_id: str, staff_id: str, *, now: datetime) -> IssuedCode:
    """Let somebody in again, who begins anew with a code: what they signed in with before counts no more.

    Raises NotFoundError, and ConflictError for who is not shut out.
    """
    staff = _lock_member(session, practice_id, staff_id, None)
    if staff.disabled_at is None:
        raise ConflictError(Fault("", "somebody who is deactivated", "somebody who is active"))
    staff.disabled_at = None
    return _begin_anew(session, staff, now)


def end_sessions_of(session: Session, practice_id: str, staff_id: str, now: datetime) -> int:
    """End somebody's sessions, sign-ins that have begun, and tokens. Return how many sessions. Raises NotFoundError."""
    _find(session, practice_id, staff_id)
    return end_sessions(session, practice_id, staff_id, but=None, now=now)


def issue_reset(
    session: Session, practice_id: str, staff_id: str, lost: Lost, *, by: str | None, now: datetime
) -> IssuedCode:
    """Return a code for a new password; who lost the second factor begins anew, with the sessions ended.

    Until the code is used a lost password holds. With the second factor the password goes too: whoever else knows it
    could set up an authenticator of their own. Raises NotFoundError, and ConflictError for oneself and for who is
    deactivated.
    """
    staff = _lock_member(session, practice_id, staff_id, by)
    if staff.disabled_at is not None:
        raise ConflictError(Fault("", "somebody who is active", "somebody who is deactivated"))
    if lost is Lost.second_factor:
        return _begin_anew(session, staff, now)
    has_password = session.scalar(
        select(StaffCredential.password_hash).where(
            StaffCredential.practice_id == practice_id, StaffCredential.id == staff_id
        )
    )
    purpose = CodePurpose.invitation if has_password is None else CodePurpose.password_reset
    return issue_sign_in_code(session, staff, purpose, now)


def _begin_anew(session: Session, staff: Staff, now: datetime) -> IssuedCode:
    credential = lock_credential(session, staff.practice_id, staff.id)
    if credential is not None:
        forget_authenticator(session, credential)
        forget_passkeys(session, staff.practice_id, staff.id)
        credential.password_hash = credential.password_changed_at = None
    end_sessions(session, staff.practice_id, staff.id, but=None, now=now)
    return issue_sign_in_code(session, staff, CodePurpose.invitation, now)


def _find(session: Session, practice_id: str, staff_id: str) -> Staff:
    staff = session.get(Staff, (practice_id, staff_id))
    if staff is None:
        raise NotFoundError
    return staff


def _lock(session: Session, practice_id: str) -> None:
    """Have changes of a clinic's staff go one after another: two admins may not demote each other at once."""
    session.get_one(Practice, practice_id, with_for_update={"key_share": True}, populate_existing=True)


def _lock_member(session: Session, practice_id: str, staff_id: str, by: str | None) -> Staff:
    _lock(session, practice_id)
    staff = _find(session, practice_id, staff_id)
    session.refresh(staff, with_for_update={"key_share": True})
    if staff.id == by:
        raise ConflictError(Fault("/staff_id", "another member of staff", "yourself"))
    return staff


def _refuse_last_admin(session: Session, staff: Staff) -> None:
    others = select(func.count()).where(
        Staff.practice_id == staff.practice_id,
        Staff.id != staff.id,
        Staff.role == StaffRole.practice_admin,
        Staff.disabled_at.is_(None),
    )
    if session.execute(others).scalar_one() == 0:
        raise ConflictError(Fault("", "another admin of the practice first", "the last one"))


def _refuse_coordinator(session: Session, staff: Staff) -> None:
    count = _counts(session, _episodes_of(staff.practice_id).where(Episode.coordinator_id == staff.id)).get(staff.id, 0)
    if count:
        raise ConflictError(Fault("/role", "a role that treats patients, or no open episodes of theirs", str(count)))


def _members(
    session: Session, practice_id: str, rows: Sequence[Staff], *, idle: timedelta, now: datetime
) -> list[Member]:
    ids = [row.id for row in rows]
    credentials = select(StaffCredential).where(StaffCredential.practice_id == practice_id, StaffCredential.id.in_(ids))
    known = {each.id: each for each in session.scalars(credentials)}
    codes = select(SignInCode.staff_id, func.max(SignInCode.expires_at)).where(
        SignInCode.practice_id == practice_id, SignInCode.used_at.is_(None), SignInCode.expires_at > now
    )
    code_until = {row[0]: row[1] for row in session.execute(codes.group_by(SignInCode.staff_id))}
    sessions = select(Token.staff_id, func.count()).where(
        Token.practice_id == practice_id,
        Token.kind == TokenKind.staff_session,
        Token.revoked_at.is_(None),
        Token.expires_at > now,
        Token.last_seen_at > now - idle,
    )
    open_ones = _counts(session, sessions.group_by(Token.staff_id))
    episodes = _counts(session, _episodes_of(practice_id))
    links = select(StaffIdentity.staff_id, func.max(StaffIdentity.linked_at)).where(
        StaffIdentity.practice_id == practice_id
    )
    linked_at = {row[0]: row[1] for row in session.execute(links.group_by(StaffIdentity.staff_id))}
    return [
        Member(
            staff=row,
            has_password=row.id in known and known[row.id].password_hash is not None,
            has_authenticator=row.id in known and known[row.id].totp_secret_sealed is not None,
            code_until=code_until.get(row.id),
            sessions=open_ones.get(row.id, 0),
            episodes=episodes.get(row.id, 0),
            linked_at=linked_at.get(row.id),
        )
        for row in rows
    ]


def _episodes_of(practice_id: str) -> Select[*tuple[Any, ...]]:
    return (
        select(Episode.coordinator_id, func.count())
        .where(
            Episode.practice_id == practice_id,
            Episode.deleted.is_(False),
            Episode.status.in_([said(each) for each in _OPEN]),
        )
        .group_by(Episode.coordinator_id)
    )


def _counts(session: Session, query: Select[*tuple[Any, ...]]) -> dict[str | None, int]:
    return {row[0]: row[1] for row in session.execute(query)}
