"""One-time links: what leads from a message to a page that shows it. Only the hash of a link's secret is stored."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference
from models.private import Sealed


class MessageLink(Tenant, Base):
    """The link in one message: `id` is the delivery's. Not synced: no device needs it.

    `said` is what the message said, as it was sent: what stands in the protocol may be worded otherwise since.
    """

    __tablename__ = "message_link"
    __table_args__ = (
        reference("patient"),
        reference("reminder"),
        Index(None, "practice_id", "patient_id"),
        CheckConstraint("failed_tries >= 0", name="failed_tries_from_0"),
    )

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    reminder_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    # Every reminder that the message says, with its generation: once one was planned again, what was said may be wrong.
    says: Mapped[dict[str, Any]]
    said_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    failed_tries: Mapped[int] = mapped_column(default=0)  # wrong dates of birth

    said = Sealed("said_sealed")
