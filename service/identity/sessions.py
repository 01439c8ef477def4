"""Sessions of staff: begun by a whole sign-in, ended by idleness, by age, by their holder, or with the account.

A session is a row of the table of tokens, so that its end holds for the next request.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, CursorResult, and_, delete, select, update
from sqlalchemy.orm import Session

from models.identity import Token, TokenKind
from service.errors import NotFoundError, SessionRequiredError, StepUpError
from service.identity.principal import Principal, StaffSession
from service.identity.tokens import Issued, issue_token

FRESH_FOR: Final = timedelta(minutes=10)
SEEN_EVERY: Final = timedelta(minutes=1)
_KEPT_FOR: Final = timedelta(days=30)  # after a session's end
_OF_PEOPLE: Final = (TokenKind.staff_session, TokenKind.sign_in_challenge)
_FAMILIES: Final = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"))
_SAFARI: Final = ("Safari/", "Safari")


def start_session(
    session: Session, practice_id: str, staff_id: str, *, life: timedelta, label: str, now: datetime
) -> Issued:
    """Begin a session of somebody who has just given both factors."""
    columns = {"staff_id": staff_id, "label": label, "last_seen_at": now, "reauthenticated_at": now}
    return issue_token(session, practice_id, TokenKind.staff_session, now, life, **columns)


def label_of(user_agent: str) -> str:
    """Return by what somebody tells their sessions apart: the family of the browser, and no more."""
    for mark, family in (*_FAMILIES, _SAFARI):
        if mark in user_agent:
            return family
    return "another program"


def list_sessions(session: Session, caller: Principal, *, idle: timedelta, now: datetime) -> Sequence[Token]:
    """Return the caller's sessions that have not ended, the latest used first."""
    query = select(Token).where(
        _open_of(caller.practice_id, caller.actor_id, TokenKind.staff_session),
        Token.expires_at > now,
        Token.last_seen_at > now - idle,
    )
    return session.scalars(query.order_by(Token.last_seen_at.desc(), Token.id)).all()


def end_session(session: Session, caller: Principal, session_id: str, now: datetime) -> None:
    """End one of the caller's sessions. Raises NotFoundError if it is none, or has been ended."""
    which = and_(_open_of(caller.practice_id, caller.actor_id, TokenKind.staff_session), Token.id == session_id)
    if _revoke(session, which, now) == 0:
        raise NotFoundError


def end_sessions(session: Session, practice_id: str, staff_id: str, *, but: StaffSession | None, now: datetime) -> int:
    """End all sessions, begun sign-ins and tokens of a person, but one session. Return how many sessions."""
    kept = Token.id != (but.id if but is not None else "")
    _revoke(session, _open_of(practice_id, staff_id, TokenKind.sign_in_challenge, TokenKind.staff), now)
    return _revoke(session, and_(_open_of(practice_id, staff_id, TokenKind.staff_session), kept), now)


def end_every_token(session: Session, practice_id: str, staff_id: str, now: datetime) -> None:
    """End whatever a person could call with, the tokens that commands made among it."""
    _revoke(session, _open_of(practice_id, staff_id, *TokenKind), now)


def forget_ended(session: Session, practice_id: str, staff_id: str, now: datetime) -> None:
    """Remove a person's sign-ins and sessions that ended long ago."""
    session.execute(
        delete(Token)
        .where(
            Token.practice_id == practice_id,
            Token.staff_id == staff_id,
            Token.kind.in_(_OF_PEOPLE),
            Token.expires_at <= now - _KEPT_FOR,
        )
        .execution_options(synchronize_session=False)
    )


def note_seen(session: Session, caller: Principal, now: datetime) -> None:
    """Note that a session is used, at most once a minute: else each look would write to the session's row."""
    used = caller.session
    if used is None or now - used.last_seen_at < SEEN_EVERY:
        return
    _change(session, and_(_is(caller.practice_id, used.id), Token.last_seen_at < now), last_seen_at=now)


def note_fresh(session: Session, caller: Principal, now: datetime) -> None:
    """Note that the caller has just given a second factor again."""
    _change(session, _is(caller.practice_id, session_of(caller).id), reauthenticated_at=now)


def session_of(caller: Principal) -> StaffSession:
    """Return the caller's session. Raises SessionRequiredError for a token that a command made."""
    if caller.session is None:
        raise SessionRequiredError
    return caller.session


def require_fresh(caller: Principal, now: datetime) -> None:
    """Raise StepUpError unless the caller gave a second factor within the last ten minutes.

    Raises SessionRequiredError for who has no session: nobody is there who could give one.
    """
    if now - session_of(caller).reauthenticated_at >= FRESH_FOR:
        raise StepUpError


def _open_of(practice_id: str, staff_id: str, *kinds: TokenKind) -> ColumnElement[bool]:
    return and_(
        Token.practice_id == practice_id,
        Token.staff_id == staff_id,
        Token.kind.in_(kinds),
        Token.revoked_at.is_(None),
    )


def _is(practice_id: str, token_id: str) -> ColumnElement[bool]:
    return and_(Token.practice_id == practice_id, Token.id == token_id)


def _revoke(session: Session, which: ColumnElement[bool], now: datetime) -> int:
    return _change(session, which, revoked_at=now)


def _change(session: Session, which: ColumnElement[bool], **values: Any) -> int:
    statement = update(Token).where(which).values(**values)
    done = session.execute(statement.execution_options(synchronize_session=False, preserve_rowcount=True))
    return cast("CursorResult[Any]", done).rowcount
