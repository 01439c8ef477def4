"""What changed a plan after it was made, and what clinicians entered into its personal items."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import DEFERRED, ID_LENGTH, Base, OfPatient, of_patient, reference, words
from models.private import Sealed
from schedules.plan.vocabulary import MoveReason


class PlanChange(OfPatient, Base):
    """A change of dates, approach, levels, procedure or stages that was applied. `id` is made from its token.

    `changes` say what became what, by codes and dates; `answers` what became of each reminder that was taken back.
    """

    __tablename__ = "plan_change"
    __table_args__ = of_patient(
        reference("episode"), reference("staff", "changed_by"), Index(None, "practice_id", "episode_id")
    )

    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    reason: Mapped[MoveReason] = mapped_column(words(MoveReason))
    reason_text_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    changes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    answers: Mapped[dict[str, str]] = mapped_column(default=dict)
    changed_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    changed_at: Mapped[datetime]

    reason_text = Sealed("reason_text_sealed")


class SlotEntry(OfPatient, Base):
    """What a clinician entered for an item that depends on the person: same id as the milestone.

    It counts for the day of surgery `for_day0`; after a move the slot is blank again until it is confirmed.
    """

    __tablename__ = "slot_entry"
    __table_args__ = of_patient(
        ForeignKeyConstraint(["practice_id", "id"], ["milestone.practice_id", "milestone.id"], **DEFERRED),
        reference("staff", "entered_by"),
        reference("staff", "signed_by"),
    )

    for_day0: Mapped[date]
    due_on: Mapped[date | None]
    instruction_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    entered_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    entered_at: Mapped[datetime]
    signed_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))  # who vouches: anaesthesia for fasting
    signed_at: Mapped[datetime | None]

    instruction = Sealed("instruction_sealed")
