"""Wake-ups of apps in the background: which device is to hear of a change, and what it has or made by itself.

No patient's data: ids, revisions and counts only.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import DEFERRED, ID_LENGTH, Base, reference, words

EVERY_TABLE: Final = ""


class WakeState(StrEnum):
    """What becomes of a wake-up that is due or will be."""

    waiting = "waiting"
    paced = "paced"  # its provider takes only so many a second: this time was kept free for it
    in_hand = "in_hand"  # a worker hands it over; if that dies, it is due again at `due_at`


class DeviceWake(Base):
    """Up to which revision a device is to hear of changes, and when. Without `due_at` it heard of all, or has all.

    `fence` counts the workers that took it in hand: only the last one's word counts. `tries` are those since a provider
    last took one.
    """

    __tablename__ = "device_wake"
    __table_args__ = (
        reference("device"),
        Index(
            "ix_device_wake_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        CheckConstraint("tries >= 0", name="tries_from_0"),
    )

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    device_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    wanted_rev: Mapped[int] = mapped_column(BigInteger)
    due_at: Mapped[datetime | None]
    quiet_until: Mapped[datetime | None]  # the end of the pause after the last one
    state: Mapped[WakeState] = mapped_column(words(WakeState), default=WakeState.waiting)
    tries: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(BigInteger, default=0)


class DevicePull(Base):
    """Up to which revision a device was given the changes of a table, or of every table at once."""

    __tablename__ = "device_pull"
    __table_args__ = (reference("device"),)

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    device_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    table_name: Mapped[str] = mapped_column(String(40), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)


class WakeMark(Base):
    """Up to which revision a practice's changes were looked through. Its row is the lock of whoever looks on."""

    __tablename__ = "wake_mark"

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("practice.id", **DEFERRED), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger, default=0)


class WakeTally(Base):
    """How many wake-ups of a practice had which outcome with which provider.

    The words are those of `Provider` and `AttemptOutcome`.
    """

    __tablename__ = "wake_tally"

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("practice.id", **DEFERRED), primary_key=True)
    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(40), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
