"""The revision clock of a practice, and the stamping of every synced change with it.

Revision order is commit order, because the clock's row stays locked until the commit; a rollback leaves no gap. Which
device made a change is kept beside its revision, until it is known which other devices are to hear of it.
"""

from datetime import datetime
from typing import cast

from sqlalchemy import BigInteger, ForeignKey, String, event, insert, update
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column

from models.base import DEFERRED, ID_LENGTH, Base, Synced, reference

_REVISIONS = "revisions"
_DEVICE = "device"


class SyncClock(Base):
    """One row a practice: the number of its last committed change. Starts at 1: WatermelonDB refuses 0."""

    __tablename__ = "sync_clock"

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("practice.id", **DEFERRED), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger, default=1)
    epoch: Mapped[int] = mapped_column(default=0)


class SyncHeal(Base):
    """When a device last got rows of a collection again because it had drifted, how often so far, and how many rows.

    `actor_id` is the device, or the member of staff. No patient's data.
    """

    __tablename__ = "sync_heal"

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("practice.id", **DEFERRED), primary_key=True)
    actor_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    collection: Mapped[str] = mapped_column(String(40), primary_key=True)
    healed_at: Mapped[datetime]
    heals: Mapped[int]
    rows: Mapped[int] = mapped_column(BigInteger)


class DeviceChange(Base):
    """Whose device took a revision. The row goes once wake-ups were looked for up to there."""

    __tablename__ = "device_change"
    __table_args__ = (reference("device"),)

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    device_id: Mapped[str] = mapped_column(String(ID_LENGTH))


def attribute_to(session: Session, device_id: str) -> None:
    """Have it kept that the revisions which the session takes from here on are a device's own changes."""
    session.info[_DEVICE] = device_id


def stamp(session: Session, practice_id: str) -> int:
    """Return this transaction's revision in the practice, taking it from the clock on the first call.

    Call it last before the commit: the clock's row is the hottest lock of a practice.
    Raises LookupError if the practice has no clock.
    """
    revisions = cast(dict[str, int], session.info.setdefault(_REVISIONS, {}))
    if practice_id not in revisions:
        revision = session.connection().scalar(
            update(SyncClock)
            .where(SyncClock.practice_id == practice_id)
            .values(revision=SyncClock.revision + 1)
            .returning(SyncClock.revision)
        )
        if revision is None:
            raise LookupError("expected a practice with a revision clock, got one without")
        revisions[practice_id] = revision
        _keep_device(session, practice_id, revision)
    return revisions[practice_id]


def stamp_again(session: Session, practice_id: str) -> int:
    """Return one more revision for this transaction: for one that changes rows which it has changed already.

    What it has changed so far must be stored.
    """
    cast(dict[str, int], session.info.setdefault(_REVISIONS, {})).pop(practice_id, None)
    return stamp(session, practice_id)


def let_change_again(session: Session, row: Synced) -> None:
    """Have a row that this transaction has stored already take one more revision when it is changed again."""
    revisions = cast(dict[str, int], session.info.get(_REVISIONS, {}))
    if row not in session.new and row.practice_id in revisions and row.rev == revisions[row.practice_id]:
        session.flush()
        stamp_again(session, row.practice_id)


def _keep_device(session: Session, practice_id: str, revision: int) -> None:
    device_id = session.info.get(_DEVICE)
    if device_id is not None:
        row = {"practice_id": practice_id, "revision": revision, "device_id": device_id}
        session.connection().execute(insert(DeviceChange).values(row))


@event.listens_for(Session, "before_flush")
def _stamp_changed_rows(session: Session, _context: object, _instances: object) -> None:
    for row in session.deleted:
        if isinstance(row, Synced):
            raise TypeError(f"expected a tombstone, got a delete of a {type(row).__name__}")
    changed = [row for row in session.new if isinstance(row, Synced)]
    changed += [row for row in session.dirty if isinstance(row, Synced) and session.is_modified(row)]
    # Clocks of several practices are taken in one order, so that two such transactions cannot deadlock.
    for row in sorted(changed, key=lambda each: each.practice_id):
        row.rev = stamp(session, row.practice_id)


@event.listens_for(Session, "do_orm_execute")
def _refuse_unstamped_bulk_writes(state: ORMExecuteState) -> None:
    if not (state.is_update or state.is_delete) or state.bind_mapper is None:
        return
    if issubclass(state.bind_mapper.class_, Synced):
        raise TypeError(
            f"expected changes to {state.bind_mapper.class_.__name__} row by row or through Core with a stamp"
        )


@event.listens_for(Session, "after_commit")
def _forget_after_commit(session: Session) -> None:
    session.info.pop(_REVISIONS, None)


@event.listens_for(Session, "after_soft_rollback")
def _forget_after_rollback(session: Session, _previous: object) -> None:
    session.info.pop(_REVISIONS, None)
