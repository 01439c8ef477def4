"""Cursors on the wire: one whole number of the practice's epoch and revision.

After a restore that lost commits the epoch is raised: numbers of an older epoch may name changes that no longer are.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models import SyncClock
from models.prepared import Prepared
from service.errors import BadRequestError, Fault, UnavailableError

_EPOCH_STEP: Final = 1 << 40  # below 2**53, up to which a client's numbers are exact, there is room for 8,191 epochs
_MOST: Final = 1 << 53
_TOP: Final = Prepared(
    select(SyncClock.epoch, SyncClock.revision).where(SyncClock.practice_id == bindparam("practice_id"))
)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a practice's changes."""

    epoch: int
    revision: int

    def to_wire(self) -> int:
        """Return the number that stands for it."""
        return self.epoch * _EPOCH_STEP + self.revision


@dataclass(frozen=True, slots=True)
class Span:
    """From where a client goes on, and to where: the revisions over `since` up to `top`.

    `is_replaced`: the client's place was of an older epoch, so it gets everything and drops what is not in it.
    """

    since: int
    top: Position
    is_replaced: bool = False


def read_top(session: Session, practice_id: str) -> Position:
    """Return the place of the last committed change. Read it before any row."""
    ((epoch, revision),) = _TOP.rows(session.connection(), {"practice_id": practice_id})
    return Position(epoch, revision)


def span_from(cursor: int, top: Position) -> Span:
    """Return what a client at `cursor` (0: nowhere yet) still lacks.

    Raises BadRequestError for a number that no cursor has, UnavailableError for one ahead of the clock: this database
    lags behind the one that gave it.
    """
    if not 0 <= cursor < _MOST:
        raise BadRequestError(Fault("", "a cursor of this service, or none", str(cursor)))
    epoch, revision = divmod(cursor, _EPOCH_STEP)
    if cursor and epoch < top.epoch:
        return Span(0, top, is_replaced=True)
    if epoch > top.epoch or revision > top.revision:
        raise UnavailableError
    return Span(revision, top)
