"""Which patients were erased. Ids and codes only; what is left of such a patient elsewhere is ids too."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import DEFERRED, ID_LENGTH, Base, reference, words


class ErasureReason(StrEnum):
    """Why a patient is erased."""

    asked_by_patient = "asked_by_patient"
    entered_by_mistake = "entered_by_mistake"
    retention_over = "retention_over"
    restored_backup = "restored_backup"  # erased before, and back with an older copy of the database


class Erasure(Base):
    """One patient who was erased. Of these alone the append-only tables let rows go."""

    __tablename__ = "erasure"
    __table_args__ = (reference("patient"),)

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("practice.id", **DEFERRED), primary_key=True)
    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    erased_at: Mapped[datetime]
    reason: Mapped[ErasureReason] = mapped_column(words(ErasureReason))
