"""A clinic's own protocol versions, and who signed which version of a protocol."""

from datetime import datetime

from sqlalchemy import CheckConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference, words
from schedules.plan.vocabulary import VersionStatus


class ProtocolVersion(Tenant, Base):
    """One version of a clinic's own protocol, as the TOML that was parsed. Only a draft's text ever changes."""

    __tablename__ = "protocol_version"
    __table_args__ = (
        reference("staff", "created_by"),
        UniqueConstraint("practice_id", "protocol_id", "version"),
        CheckConstraint("version >= 1", name="version_from_1"),
    )

    protocol_id: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    toml: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[VersionStatus] = mapped_column(words(VersionStatus), default=VersionStatus.draft)
    based_on_id: Mapped[str | None] = mapped_column(String(40))
    based_on_version: Mapped[int | None]
    created_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    created_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]


class ProtocolSignature(Tenant, Base):
    """A named clinician's signature under exactly the content that `digest` covers, shipped or the clinic's own."""

    __tablename__ = "protocol_signature"
    __table_args__ = (
        reference("staff", "signed_by"),
        UniqueConstraint("practice_id", "protocol_id", "version", "digest"),
    )

    protocol_id: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    signed_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    signed_at: Mapped[datetime]
