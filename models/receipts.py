"""What comes back: receipts of providers, addresses that no message reaches, and patients' answers by SMS.

None of it is synced. Receipts hold codes only, dead addresses a keyed hash, answers a sealed text.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import DEFERRED, ID_LENGTH, Base, Tenant, reference, words
from models.private import Sealed
from schedules.plan.vocabulary import Provider


class ReceiptKind(StrEnum):
    """What a provider tells of a message that it had accepted."""

    delivered = "delivered"
    undelivered = "undelivered"  # not this time; the address may be good
    bounced = "bounced"  # no message reaches the address
    complained = "complained"  # it arrived, and the patient marked it as unwanted
    opted_out = "opted_out"  # the patient told the provider to stop


class InboundKind(StrEnum):
    """What a patient's SMS asks for."""

    stop = "stop"
    start = "start"
    help = "help"
    message = "message"  # anything else: a person is to read it


class Receipt(Tenant, Base):
    """One event about one attempt. `id` is a hash of the provider's own name for the event: told twice, stored once."""

    __tablename__ = "receipt"
    __table_args__ = (
        ForeignKeyConstraint(
            ["practice_id", "delivery_id", "fence"],
            ["delivery_attempt.practice_id", "delivery_attempt.delivery_id", "delivery_attempt.fence"],
            **DEFERRED,
        ),
        Index(None, "practice_id", "delivery_id"),
        Index(
            "ix_receipt_unread",
            "practice_id",
            "id",
            sqlite_where=text("is_read = 0"),
            postgresql_where=text("NOT is_read"),
        ),
    )

    delivery_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    fence: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[ReceiptKind] = mapped_column(words(ReceiptKind))
    code: Mapped[str | None] = mapped_column(String(64))  # the provider's, never its free text
    happened_at: Mapped[datetime]  # by the provider's clock: data, not order
    received_at: Mapped[datetime]  # ours
    is_read: Mapped[bool] = mapped_column(default=False)  # the worker drew its conclusions


class DeadAddress(Base):
    """An address that a provider refused for good. `target` is the keyed hash that deliveries hold, not the address.

    `delivery_id` is what it was found out by. `task_id` is the question to the coordinator, asked by a job.
    """

    __tablename__ = "dead_address"
    __table_args__ = (
        reference("delivery"),
        reference("task"),
        Index(None, "practice_id", "task_id"),
        Index(
            "ix_dead_address_unasked",
            "practice_id",
            "target",
            sqlite_where=text("task_id IS NULL"),
            postgresql_where=text("task_id IS NULL"),
        ),
    )

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("practice.id", **DEFERRED), primary_key=True)
    target: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    delivery_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    provider: Mapped[Provider] = mapped_column(words(Provider))
    code: Mapped[str | None] = mapped_column(String(64))  # the provider's, never its free text
    died_at: Mapped[datetime]
    revived_at: Mapped[datetime | None]  # somebody checked it: it is good, until a later message fails
    task_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))


class InboundMessage(Tenant, Base):
    """An SMS that a patient sent. `id` is a hash of the provider's name for it and the patient: told twice, kept once.

    The text is kept only where a person is to read it.
    """

    __tablename__ = "inbound_message"
    __table_args__ = (reference("patient"), Index(None, "practice_id", "patient_id", "received_at", "id"))

    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    received_at: Mapped[datetime]
    kind: Mapped[InboundKind] = mapped_column(words(InboundKind))
    text_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)

    text = Sealed("text_sealed")
