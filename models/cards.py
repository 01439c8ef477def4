"""What a clinic makes of the cards about daily life: a version an edit, and who signed which."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference, words
from schedules.plan.vocabulary import Language


class CardVersion(Tenant, Base):
    """One version of a card in one language. Its text never changes: an edit is the next version. Only signed ones are
    for patients.
    """

    __tablename__ = "card_version"
    __table_args__ = (
        reference("staff", "created_by"),
        reference("staff", "signed_by"),
        UniqueConstraint("practice_id", "card_id", "language", "version"),
        CheckConstraint("version >= 1", name="version_from_1"),
        CheckConstraint("(signed_at IS NULL) = (signed_by IS NULL)", name="signed_whole"),
    )

    card_id: Mapped[str] = mapped_column(String(40))
    language: Mapped[Language] = mapped_column(words(Language))
    version: Mapped[int]
    text: Mapped[dict[str, Any]]  # as `schedules.plan.cards.CardText` writes it
    digest: Mapped[str] = mapped_column(String(64))
    created_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    created_at: Mapped[datetime]
    signed_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    signed_at: Mapped[datetime | None]
