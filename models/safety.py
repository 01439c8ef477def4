"""What a phone must know without a network: red flags, emergency numbers, the clinic's phone, and who is on call."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Synced


class SafetyCard(Synced, Base):
    """One row a practice, whose id is the practice's: a copy for devices of what stands elsewhere.

    `monitored_until` None or past: nobody watches, and the app says so with the number to call.
    """

    __tablename__ = "safety_card"
    __table_args__ = (Index(None, "practice_id", "rev", "id"),)

    name: Mapped[str]
    phone: Mapped[str]
    country: Mapped[str] = mapped_column(String(2))
    time_zone: Mapped[str] = mapped_column(String(64))
    emergency_numbers: Mapped[dict[str, str]]  # by ISO 3166-1 alpha-2 country
    not_monitored: Mapped[dict[str, str]]  # what to show, by language; {number} and {phone} are filled in by the app
    red_flags: Mapped[list[dict[str, Any]]]
    # What an app says around these, by key and language.
    words: Mapped[dict[str, dict[str, str]]] = mapped_column(default=dict, server_default=text("'{}'"))
    monitored_until: Mapped[datetime | None]
