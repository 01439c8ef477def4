"""Replies that are kept for a day, so that a request which is sent again under its key has one effect. Not synced.

What such a request changes is stored in the same transaction as its reply, or neither is.
"""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Index, LargeBinary, and_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Tenant
from models.private import Sealed, keys_of

KEPT_FOR = timedelta(hours=24)


class KeptReply(Tenant, Base):
    """The reply to one request. `id` stands for its caller and key, and tells neither.

    It is added empty before anything is changed and filled before the commit: nobody else sees it empty.
    """

    __tablename__ = "kept_reply"
    __table_args__ = (Index(None, "practice_id", "made_at"),)

    made_at: Mapped[datetime]
    reply_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)

    reply = Sealed("reply_sealed")


def claim_reply(session: Session, practice_id: str, reply_id: str, now: datetime) -> bool:
    """Take the place of a reply, unless one is kept there. Return whether it is taken for this transaction.

    Who claims the same place at once waits for the other's commit, up to the database's limit. Call it before any other
    row is locked, so that who waits here holds up nobody.
    """
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    new = make(KeptReply).values(practice_id=practice_id, id=reply_id, made_at=now)
    # What is too old and not removed yet counts as gone.
    statement = new.on_conflict_do_update(
        index_elements=["practice_id", "id"],
        set_={"made_at": now, "reply_sealed": None},
        where=KeptReply.made_at <= now - KEPT_FOR,
    ).execution_options(preserve_rowcount=True)
    return cast("CursorResult[Any]", session.execute(statement)).rowcount == 1


def fill_reply(session: Session, practice_id: str, reply_id: str, reply: str) -> None:
    """Put a reply, sealed, into the place that was claimed."""
    sealed = KeptReply.reply.closed(session, reply, practice_id=practice_id, patient_id=None, row_id=reply_id)
    session.execute(update(KeptReply).where(_place(practice_id, reply_id)).values(reply_sealed=sealed))


def find_reply(session: Session, practice_id: str, reply_id: str, now: datetime) -> str | None:
    """Return the reply that is kept in a place; None if there is none, or it is too old."""
    query = select(KeptReply.reply_sealed).where(_place(practice_id, reply_id), KeptReply.made_at > now - KEPT_FOR)
    sealed = session.scalar(query)
    keys = keys_of(session, practice_id, (sealed,))
    return KeptReply.reply.opened(sealed, keys, practice_id=practice_id, row_id=reply_id)


def _place(practice_id: str, reply_id: str) -> ColumnElement[bool]:
    return and_(KeptReply.practice_id == practice_id, KeptReply.id == reply_id)
