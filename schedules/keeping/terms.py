"""What is kept until when: one term for each kind of row that no record needs. docs/privacy.md shows them.

The terms are the clinic's choice: no source states them. Nothing here is about a patient's care.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from models import (
    Device,
    EnrolmentCode,
    KeptReply,
    MessageLink,
    RefusedRow,
    SignInCode,
    SignInThrottle,
    SyncConflict,
    UsedChallenge,
)
from models.identity import Token, TokenKind
from models.replies import KEPT_FOR


@dataclass(frozen=True, slots=True)
class Terms:
    """How long rows are kept after their end: codes and tokens, links in messages, what staff settled."""

    expired: timedelta
    links: timedelta
    settled: timedelta

    @classmethod
    def of_days(cls, *, expired: int, links: int, settled: int) -> "Terms":
        """Return the terms of so many days."""
        return cls(timedelta(days=expired), timedelta(days=links), timedelta(days=settled))


# As the settings have them where nothing is set.
DEFAULT_TERMS: Final = Terms.of_days(expired=30, links=365, settled=3650)


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of one table that have a term. `ended`: what holds of those whose term was over at an instant.

    `often`: a job of their own removes them each hour, the others go at night.
    """

    model: Any
    ended: Callable[[Terms, datetime], ColumnElement[bool]]
    often: bool = False

    @property
    def name(self) -> str:
        """Return the name of the table."""
        return str(self.model.__tablename__)

    def past(self, practice_id: str, terms: Terms, at: datetime) -> Select[Any]:
        """Return the query for the ids of a practice's rows whose term was over at an instant."""
        return select(self.model.id).where(self.model.practice_id == practice_id, self.ended(terms, at))


def _is_dead(terms: Terms, at: datetime) -> ColumnElement[bool]:
    """Return what holds of tokens that nobody needs.

    The last ones that a device was given stay, as do those of a device that was revoked: by them its app learns
    that it is to delete what it stores. So does a refresh token that was not used.
    """
    is_revoked = exists().where(
        Device.practice_id == Token.practice_id, Device.id == Token.device_id, Device.revoked_at.is_not(None)
    )
    of_device = or_(
        and_(Token.kind == TokenKind.device_access, Token.revoked_at.is_not(None)),
        and_(Token.kind == TokenKind.device_refresh, Token.used_at.is_not(None)),
    )
    return and_(Token.expires_at <= at - terms.expired, or_(Token.staff_id.is_not(None), and_(of_device, ~is_revoked)))


KINDS: Final = (
    Kind(Token, _is_dead),
    Kind(SignInCode, lambda terms, at: SignInCode.expires_at <= at - terms.expired),
    Kind(EnrolmentCode, lambda terms, at: EnrolmentCode.expires_at <= at - terms.expired),
    Kind(SignInThrottle, lambda _terms, at: SignInThrottle.forgotten_at <= at),
    Kind(UsedChallenge, lambda _terms, at: UsedChallenge.expires_at <= at),
    Kind(MessageLink, lambda terms, at: MessageLink.expires_at <= at - terms.links),
    Kind(KeptReply, lambda _terms, at: KeptReply.made_at <= at - KEPT_FOR, often=True),
    Kind(SyncConflict, lambda terms, at: SyncConflict.resolved_at <= at - terms.settled, often=True),
    Kind(RefusedRow, lambda terms, at: RefusedRow.done_at <= at - terms.settled, often=True),
)


def count_past(session: Session, practice_id: str, terms: Terms, at: datetime) -> dict[str, int]:
    """Return how many rows of each kind a practice has whose term was over at an instant."""
    return {
        kind.name: session.scalar(select(func.count()).select_from(kind.past(practice_id, terms, at).subquery())) or 0
        for kind in KINDS
    }


def count_kept(session: Session, practice_id: str) -> int:
    """Return how many rows a practice has that have a term, over or not."""
    counts = (
        select(func.count()).select_from(kind.model).where(kind.model.practice_id == practice_id) for kind in KINDS
    )
    return sum(session.scalar(each) or 0 for each in counts)
