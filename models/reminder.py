"""Planned messages, their deliveries, and why each did or did not go out.

`Reminder` is what patients and coordinators see, and is synced. Deliveries, attempts and decisions are the worker's
book-keeping: not synced, no contact data, so that workers never queue on a practice's revision clock. Delivery rows are
the only lock shared by the worker and by those who withdraw a message.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import DEFERRED, ID_LENGTH, Base, OfPatient, Tenant, of_patient, reference, words
from models.subjects import ONE_SUBJECT
from schedules.plan.vocabulary import Channel, Phase, Provider, ReminderCategory, ReminderCorrection, ReminderState


class DeliveryState(StrEnum):
    """Where a delivery stands. From `sent` on nothing moves it but a receipt that says it did not arrive."""

    pending = "pending"
    leased = "leased"
    sending = "sending"
    held = "held"  # it may have gone out after the backup that was restored: no worker takes it until somebody says so
    sent = "sent"
    failed = "failed"
    cancelled = "cancelled"
    expired = "expired"
    suppressed = "suppressed"
    quarantined = "quarantined"


CLAIMABLE_STATES = (DeliveryState.pending, DeliveryState.leased, DeliveryState.sending)
OPEN_STATES = (*CLAIMABLE_STATES, DeliveryState.held)
_QUARANTINED = text("state = 'quarantined'")


class AttemptOutcome(StrEnum):
    """What became of a request to a provider. No outcome yet: it is on its way, or its worker died."""

    accepted = "accepted"
    refused = "refused"  # safe to repeat
    unknown = "unknown"  # may have been accepted
    abandoned = "abandoned"  # the worker died or stalled; it may have been accepted


class DecisionKind(StrEnum):
    """One step in the story of a reminder."""

    planned = "planned"
    not_planned = "not_planned"
    held = "held"
    passed_over = "passed_over"
    sending = "sending"
    sent = "sent"
    retrying = "retrying"
    suppressed = "suppressed"
    expired = "expired"
    cancelled = "cancelled"
    failed = "failed"
    quarantined = "quarantined"
    delivered = "delivered"  # a receipt says that it arrived
    undelivered = "undelivered"  # a receipt says that it did not
    acknowledged = "acknowledged"  # the patient, or staff for the patient, says that it was seen
    snoozed = "snoozed"  # the patient put it off


class Reminder(OfPatient, Base):
    """One planned message about one milestone occurrence. Its identity holds neither a time nor a text.

    `state`, `reason` and `sent_at` are a copy of the delivery's result, written by a job in batches. What was
    acknowledged is the present generation.
    """

    __tablename__ = "reminder"
    __table_args__ = of_patient(
        reference("episode"),
        reference("milestone"),
        UniqueConstraint("practice_id", "milestone_id", "key", "repeat"),
        Index(None, "practice_id", "episode_id", "due_at"),
    )

    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    milestone_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    key: Mapped[str] = mapped_column(String(40))
    repeat: Mapped[int]
    generation: Mapped[int] = mapped_column(default=1)  # counts its re-plans
    category: Mapped[ReminderCategory] = mapped_column(words(ReminderCategory))
    phase: Mapped[Phase] = mapped_column(words(Phase))
    scheduled_on: Mapped[date]  # the patient's calendar day, before quiet hours
    due_at: Mapped[datetime]  # fixed by the rule; only a delivery's next_attempt_at moves
    useful_until: Mapped[datetime]
    state: Mapped[ReminderState] = mapped_column(words(ReminderState))
    reason: Mapped[str | None] = mapped_column(String(40))
    sent_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    snoozed_until: Mapped[datetime | None]  # the patient put it off; it may have ended
    digest_in: Mapped[str | None] = mapped_column(String(ID_LENGTH))  # the reminder whose message says this one too
    # The protocol's text by language, with its placeholders open. None: planned before it was kept.
    text: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    # Set: an app must show it until it is acknowledged.
    correction: Mapped[ReminderCorrection | None] = mapped_column(words(ReminderCorrection, "correction"))


class Delivery(Tenant, Base):
    """One step of the channel order for one generation of a reminder, one call of an alert, or one notice to an admin.

    Exists from planning on.

    `channel` and `target` (a keyed hash of the address) are chosen at the gate. The lease is judged by the database's
    clock on PostgreSQL (`lease_until`), by the machine's monotonic clock and boot id on SQLite (`lease_until_ms`,
    `lease_boot`).
    """

    __tablename__ = "delivery"
    __table_args__ = (
        reference("reminder"),
        reference("alert"),
        reference("emergency_access", "access_id"),
        reference("staff"),
        UniqueConstraint("practice_id", "reminder_id", "generation", "step"),
        UniqueConstraint("practice_id", "reminder_id", "generation", "channel", "target"),
        Index(None, "practice_id", "patient_id", "state"),
        Index(
            "ix_delivery_alert",
            "practice_id",
            "alert_id",
            "generation",
            sqlite_where=text("alert_id IS NOT NULL"),
            postgresql_where=text("alert_id IS NOT NULL"),
        ),
        Index(
            "ix_delivery_access",
            "practice_id",
            "access_id",
            sqlite_where=text("access_id IS NOT NULL"),
            postgresql_where=text("access_id IS NOT NULL"),
        ),
        Index(
            "ix_delivery_claim",
            "practice_id",
            "urgency",
            "next_attempt_at",
            sqlite_where=text("state IN ('pending', 'leased', 'sending')"),
            postgresql_where=text("state IN ('pending', 'leased', 'sending')"),
        ),
        Index(
            "ix_delivery_unpublished",
            "practice_id",
            "id",
            sqlite_where=text("published = 0 AND state NOT IN ('pending', 'leased', 'sending')"),
            postgresql_where=text("NOT published AND state NOT IN ('pending', 'leased', 'sending')"),
        ),
        Index("ix_delivery_quarantined", "finished_at", sqlite_where=_QUARANTINED, postgresql_where=_QUARANTINED),
        Index(
            "ix_delivery_held",
            "practice_id",
            "id",
            sqlite_where=text("state = 'held'"),
            postgresql_where=text("state = 'held'"),
        ),
        CheckConstraint("step >= 0", name="step_from_0"),
        CheckConstraint("fence >= 0", name="fence_from_0"),
        CheckConstraint("urgency BETWEEN 0 AND 2", name="urgency_range"),
        CheckConstraint(ONE_SUBJECT, name="one_subject"),
    )

    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    reminder_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    # An alert's call of a person, or of the clinic's phone (no `staff_id`). `generation` is the number of the call.
    alert_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    # A notice of break-glass to an admin. `generation` is the number of the admin.
    access_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    staff_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    generation: Mapped[int]
    step: Mapped[int]
    state: Mapped[DeliveryState] = mapped_column(words(DeliveryState), default=DeliveryState.pending)
    reason: Mapped[str | None] = mapped_column(String(40))
    channel: Mapped[Channel | None] = mapped_column(words(Channel))
    target: Mapped[bytes | None] = mapped_column(LargeBinary)
    # An earlier generation with another time went out: this one opens with the correction.
    is_correction: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    # It repeats on another channel what went out and nobody acknowledged.
    after_silence: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    urgency: Mapped[int] = mapped_column(SmallInteger, default=2, server_default="2")  # 0 is the most urgent
    due_at: Mapped[datetime]
    useful_until: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    deaths: Mapped[int] = mapped_column(default=0)  # attempts in a row whose worker died with this delivery alone
    solo: Mapped[bool] = mapped_column(default=False)  # to be retried alone after a death
    lease_owner: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    lease_until: Mapped[datetime | None]
    lease_until_ms: Mapped[int | None] = mapped_column(BigInteger)
    lease_boot: Mapped[str | None] = mapped_column(String(64))
    published: Mapped[bool] = mapped_column(default=False)  # the reminder row, if it is of one, shows this result
    finished_at: Mapped[datetime | None]

    def __init__(self, **columns: Any) -> None:
        # Not only at the flush: what follows in the same transaction, such as from the rest of a push, reads them.
        super().__init__(**{"state": DeliveryState.pending, "attempts": 0} | columns)

    @property
    def subject_id(self) -> str:
        """Return the id of what it is about."""
        return self.reminder_id or self.alert_id or self.access_id or ""


class DeliveryAttempt(Base):
    """A request to a provider, written before it starts. Append-only apart from its outcome."""

    __tablename__ = "delivery_attempt"
    __table_args__ = (
        ForeignKeyConstraint(["practice_id", "delivery_id"], ["delivery.practice_id", "delivery.id"], **DEFERRED),
        Index(
            None,
            "practice_id",
            "delivery_id",
            postgresql_where=text("outcome IS NULL"),
            sqlite_where=text("outcome IS NULL"),
        ),
        Index(
            "ix_delivery_attempt_receipt",
            "provider_message_id",
            postgresql_where=text("provider_message_id IS NOT NULL"),
            sqlite_where=text("provider_message_id IS NOT NULL"),
        ),
        Index(None, "practice_id", "started_at"),  # the self-audit reads what was sent since the last one
    )

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    delivery_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    fence: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    channel: Mapped[Channel] = mapped_column(words(Channel))
    provider: Mapped[Provider | None] = mapped_column(words(Provider))  # None: from before it was kept
    provider_message_id: Mapped[str | None] = mapped_column(String(128))  # the provider's, by which receipts name it
    # The delivery whose message said this one too; a delivery is in at most one message for each of its fences.
    carried_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[AttemptOutcome | None] = mapped_column(words(AttemptOutcome))
    provider_code: Mapped[str | None] = mapped_column(String(64))  # the provider's status, never its free text


class Decision(Tenant, Base):
    """Why a reminder, an alert's call or a notice went, waited or did not go.

    Append-only; `id` sorts in the order of deciding.
    """

    __tablename__ = "decision"
    __table_args__ = (
        reference("reminder"),
        reference("alert"),
        reference("emergency_access", "access_id"),
        Index(None, "practice_id", "reminder_id", "id"),
        Index(
            "ix_decision_alert",
            "practice_id",
            "alert_id",
            "id",
            sqlite_where=text("alert_id IS NOT NULL"),
            postgresql_where=text("alert_id IS NOT NULL"),
        ),
        Index(
            "ix_decision_access",
            "practice_id",
            "access_id",
            "id",
            sqlite_where=text("access_id IS NOT NULL"),
            postgresql_where=text("access_id IS NOT NULL"),
        ),
        CheckConstraint(ONE_SUBJECT, name="one_subject"),
    )

    reminder_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    alert_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    access_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    generation: Mapped[int]
    step: Mapped[int | None]
    decided_at: Mapped[datetime]
    kind: Mapped[DecisionKind] = mapped_column(words(DecisionKind))
    reason: Mapped[str | None] = mapped_column(String(40))
    channel: Mapped[Channel | None] = mapped_column(words(Channel))
    until: Mapped[datetime | None]  # of a hold or a retry
