"""Where a patient's phone or browser takes push messages: one address for each enrolled device."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference, words
from models.private import Lookup, Sealed


class PushProvider(StrEnum):
    """Who takes push messages for a device. The words are those of `Provider`."""

    fcm = "fcm"
    apns = "apns"
    expo = "expo"
    web_push = "web_push"


class PushAddress(Tenant, Base):
    """The address of one device. A provider gives an address to one device: no two have the same in a practice.

    Disabled, it stays to say since when and by which code; registering it again enables it.
    """

    __tablename__ = "push_address"
    __table_args__ = (
        reference("patient"),
        reference("device"),
        UniqueConstraint("practice_id", "device_id"),
        UniqueConstraint("practice_id", "address_lookup"),
        Index(None, "practice_id", "patient_id"),
    )

    device_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    provider: Mapped[PushProvider] = mapped_column(words(PushProvider, "provider"))
    address_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    address_lookup: Mapped[bytes] = mapped_column(LargeBinary)
    registered_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    disabled_code: Mapped[str | None] = mapped_column(String(64))  # the provider's status, never its free text

    address = Sealed("address_sealed", lookup=Lookup("address_lookup"))
