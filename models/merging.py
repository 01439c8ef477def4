"""What merging leaves behind, so that nothing a person wrote is lost: lost values, former versions, refused rows.

The words themselves are sealed. None of these is synced; coordinators read them through the API.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference, words
from models.care import Reporter
from models.private import Sealed


class Resolution(StrEnum):
    """What a coordinator made of a conflict."""

    kept = "kept"  # what was kept is right
    restored = "restored"  # what was lost is right, and was written again


class LostBy(StrEnum):
    """Whose words did not stand against others."""

    patient = "patient"
    staff = "staff"
    unknown = "unknown"  # a setting that was last changed before it was kept who did


class SyncConflict(Tenant, Base):
    """Two edits of one field that could not both stand. `kept` and `lost` are JSON objects of the columns they name.

    `collision` is the same for the same values of the same row: of these one is open at a time.
    """

    __tablename__ = "sync_conflict"
    __table_args__ = (
        reference("patient"),
        reference("staff", "resolved_by"),
        Index(
            "ix_sync_conflict_open",
            "practice_id",
            "id",
            sqlite_where=text("resolution IS NULL"),
            postgresql_where=text("resolution IS NULL"),
        ),
        Index(
            "ix_sync_conflict_collision",
            "practice_id",
            "collision",
            unique=True,
            sqlite_where=text("resolution IS NULL"),
            postgresql_where=text("resolution IS NULL"),
        ),
        Index(None, "practice_id", "patient_id"),
        CheckConstraint("(resolution IS NULL) = (resolved_at IS NULL)", name="resolved_whole"),
        CheckConstraint("(resolution IS NULL) = (resolved_by IS NULL)", name="resolved_by_somebody"),
    )

    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    collection: Mapped[str] = mapped_column(String(40))
    row_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    happened_at: Mapped[datetime]
    lost_by: Mapped[LostBy] = mapped_column(words(LostBy, "lost_by"))  # whose words were not kept
    collision: Mapped[str] = mapped_column(String(ID_LENGTH), server_default="")
    kept_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    lost_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    resolution: Mapped[Resolution | None] = mapped_column(words(Resolution))
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))

    kept = Sealed("kept_sealed")
    lost = Sealed("lost_sealed")


class FormerVersion(Tenant, Base):
    """What a report, or a patient's settings, said before a change. Append-only."""

    __tablename__ = "former_version"
    __table_args__ = (
        reference("patient"),
        Index(None, "practice_id", "patient_id"),
        Index(None, "practice_id", "collection", "row_id", "id"),
    )

    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    collection: Mapped[str] = mapped_column(String(40))
    row_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    replaced_at: Mapped[datetime]
    # In whose name it was changed; None: before that was kept.
    replaced_by: Mapped[Reporter | None] = mapped_column(words(Reporter, "replaced_by"))
    content_sealed: Mapped[bytes] = mapped_column(LargeBinary)  # JSON of the columns that changed

    content = Sealed("content_sealed")


class RefusedRow(Tenant, Base):
    """A row that a device made and that could not be stored. Kept as it came; the device is told to let it go.

    `done_at`: since when a member of staff says that nothing is left to do about it.

    `refused_rev` is the practice's revision of the push, so that the device's next pull names the row as gone.
    """

    __tablename__ = "refused_row"
    __table_args__ = (
        reference("patient"),
        Index(None, "practice_id", "patient_id"),
        Index(None, "practice_id", "actor_id", "refused_rev"),
        Index(None, "practice_id", "refused_at", "id"),
        CheckConstraint("(done_at IS NULL) = (done_by IS NULL)", name="done_by_somebody"),
    )

    patient_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    actor_id: Mapped[str] = mapped_column(String(ID_LENGTH))  # the device, or the member of staff
    collection: Mapped[str] = mapped_column(String(40))
    row_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    refused_at: Mapped[datetime]
    refused_rev: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(40))  # a code
    content_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))  # the member of staff

    content = Sealed("content_sealed")
