"""Photos of wounds, as patients and staff send them."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, OfPatient, of_patient, reference, words
from models.care import Reporter
from models.private import Sealed


class WoundPhoto(OfPatient, Base):
    """One photo, written anew as JPEG without what the camera noted. It never changes.

    `picture` is its bytes in base64: sealed, opened, exported and erased as every private text is.
    """

    __tablename__ = "wound_photo"
    __table_args__ = of_patient(reference("episode"), Index(None, "practice_id", "episode_id"))

    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    taken_at: Mapped[datetime]  # UTC, by the phone's clock: data, not order
    received_at: Mapped[datetime]  # UTC, ours
    reported_by: Mapped[Reporter] = mapped_column(words(Reporter))
    sent_digest: Mapped[str] = mapped_column(String(64))  # SHA-256 of what was sent: sending twice stores once
    width: Mapped[int]  # pixels
    height: Mapped[int]
    size_bytes: Mapped[int]
    picture_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)

    picture = Sealed("picture_sealed")
