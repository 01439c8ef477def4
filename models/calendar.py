"""Calendar feeds: an address that a calendar program asks for a plan. Only the hash of its secret is stored."""

from datetime import datetime

from sqlalchemy import LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference, words
from models.care import Reporter


class CalendarFeed(Tenant, Base):
    """A patient's one feed. A new address takes the place of the one before; a revoked feed shows nothing."""

    __tablename__ = "calendar_feed"
    __table_args__ = (reference("patient"), UniqueConstraint("practice_id", "patient_id"))

    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    made_at: Mapped[datetime]
    made_by: Mapped[Reporter] = mapped_column(words(Reporter))
    revoked_at: Mapped[datetime | None]
