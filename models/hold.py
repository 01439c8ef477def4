"""What keeps a record from being erased: somebody of the clinic says that it is still needed. Codes only, no text."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference, words


class HoldReason(StrEnum):
    """Why a record is still needed."""

    legal_claim = "legal_claim"
    authority_request = "authority_request"
    complaint = "complaint"
    minor = "minor"  # the law counts from a later day than that of the last care
    research = "research"
    other = "other"


class RecordHold(Tenant, Base):
    """One hold on a patient's record; one for each reason is open at a time. Without `placed_by`: a command's."""

    __tablename__ = "record_hold"
    __table_args__ = (
        reference("patient"),
        reference("staff", "placed_by"),
        reference("staff", "ended_by"),
        Index(None, "practice_id", "patient_id"),
        Index(
            "ix_record_hold_open",
            "practice_id",
            "patient_id",
            "reason",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        CheckConstraint("ended_at IS NOT NULL OR ended_by IS NULL", name="ended_whole"),
    )

    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    reason: Mapped[HoldReason] = mapped_column(words(HoldReason))
    placed_at: Mapped[datetime]
    placed_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
