"""Which record was merged into which: two records of one person, of which one survives."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference
from models.private import Sealed


class RecordMerge(Tenant, Base):
    """One merge: `patient_id` survives, of `absorbed_id` an empty row is left. `id` is made from the dry run's token.

    `choices` say of each fact whose value stands, `moved` how many rows of each table went over, `answers` what became
    of each message that was changed. `former` is what both records said of the person before: a JSON object of each.
    Of an absorbed patient alone the append-only tables let rows change hands, to the survivor. Without `merged_by`: a
    command's.
    """

    __tablename__ = "record_merge"
    __table_args__ = (
        reference("patient"),
        reference("patient", "absorbed_id"),
        reference("staff", "merged_by"),
        UniqueConstraint("practice_id", "absorbed_id"),
        Index(None, "practice_id", "patient_id"),
    )

    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    absorbed_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    merged_at: Mapped[datetime]
    merged_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    choices: Mapped[dict[str, str]]
    moved: Mapped[dict[str, Any]]
    answers: Mapped[dict[str, str]]
    former_sealed: Mapped[bytes] = mapped_column(LargeBinary)

    former = Sealed("former_sealed")
