"""What asks for a person: alerts with their log, who is on call, and where staff can be told. Nothing here is synced.

An alert's `id` follows from the fact that raised it, so that one fact raises one alert, however often it is reported.
"""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference, words
from models.private import Lookup, Sealed
from schedules.plan.vocabulary import (
    AlertKind,
    AlertLine,
    AlertOutcome,
    AlertState,
    AlertUrgency,
    Channel,
    ContactMethod,
    OnCallPlace,
)


class Alert(Tenant, Base):
    """One fact that a person must know of. `version` counts its changes and is its ETag.

    `level` is how far up the chain it has come, `calls` how many people were called so far, `first_call` the number of
    the present round's first call. `next_escalation_at` None: nobody is called (any more).
    """

    __tablename__ = "alert"
    __table_args__ = (
        reference("patient"),
        reference("episode"),
        reference("staff", "owner_id"),
        reference("staff", "acknowledged_by"),
        reference("staff", "closed_by"),
        Index(None, "practice_id", "state", "raised_at"),
        Index(None, "practice_id", "patient_id", "raised_at"),
        Index(
            "ix_alert_open",
            "practice_id",
            "episode_id",
            sqlite_where=text("state != 'closed'"),
            postgresql_where=text("state != 'closed'"),
        ),
        Index(
            "ix_alert_escalation",
            "practice_id",
            "next_escalation_at",
            sqlite_where=text("next_escalation_at IS NOT NULL"),
            postgresql_where=text("next_escalation_at IS NOT NULL"),
        ),
        CheckConstraint("level >= 0", name="level_from_0"),
        CheckConstraint("calls >= 0", name="calls_from_0"),
        CheckConstraint("version >= 1", name="version_from_1"),
        CheckConstraint("(state = 'closed') = (outcome IS NOT NULL)", name="closed_with_outcome"),
        CheckConstraint("state = 'open' OR acknowledged_by IS NOT NULL", name="acknowledged_by_somebody"),
        CheckConstraint("state = 'open' OR next_escalation_at IS NULL", name="only_open_ones_call"),
    )

    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    kind: Mapped[AlertKind] = mapped_column(words(AlertKind))
    urgency: Mapped[AlertUrgency] = mapped_column(words(AlertUrgency))
    about: Mapped[dict[str, Any]] = mapped_column(default=dict)  # keys, ids and numbers; never a name or free text
    raised_at: Mapped[datetime]
    told_at: Mapped[datetime | None]  # when it was reported, by the phone's clock: data, not order
    acknowledge_by: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]  # since when the patient no longer says what raised it
    state: Mapped[AlertState] = mapped_column(words(AlertState), default=AlertState.open)
    owner_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    outcome: Mapped[AlertOutcome | None] = mapped_column(words(AlertOutcome))
    level: Mapped[int] = mapped_column(default=0)
    calls: Mapped[int] = mapped_column(default=0)
    first_call: Mapped[int] = mapped_column(default=1)
    next_escalation_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class AlertEntry(Tenant, Base):
    """One line in an alert's log. Append-only; `id` sorts in the order of their making.

    Of a contact with the patient: by which way, whether the patient was reached, and a note.
    """

    __tablename__ = "alert_entry"
    __table_args__ = (
        reference("alert"),
        reference("patient"),
        reference("staff", "made_by"),
        Index(None, "practice_id", "alert_id", "id"),
        Index(None, "practice_id", "patient_id"),
        CheckConstraint("(line = 'contact') = (method IS NOT NULL AND is_reached IS NOT NULL)", name="contact_whole"),
    )

    alert_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    line: Mapped[AlertLine] = mapped_column(words(AlertLine))
    made_at: Mapped[datetime]
    made_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))  # None: the service itself, or the patient
    about: Mapped[dict[str, Any]] = mapped_column(default=dict)  # ids, codes and numbers
    method: Mapped[ContactMethod | None] = mapped_column(words(ContactMethod))
    is_reached: Mapped[bool | None]
    note_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)

    note = Sealed("note_sealed")


class OnCallShift(Tenant, Base):
    """One person's time on call, in the wall time of the clinic's zone, and the place in the chain."""

    __tablename__ = "on_call_shift"
    __table_args__ = (
        reference("staff"),
        Index(None, "practice_id", "until_on"),
        CheckConstraint("until_on >= from_on", name="ends_after_it_begins"),
    )

    staff_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    place: Mapped[OnCallPlace] = mapped_column(words(OnCallPlace))
    from_on: Mapped[date]
    from_at: Mapped[time]
    until_on: Mapped[date]
    until_at: Mapped[time]


class StaffAddress(Tenant, Base):
    """Where a member of staff is told of alerts: one address a channel. Sealed, as patients' are.

    `wanted_rank` is the person's own order of channels, from 0. Disabled, it stays to say since when and by which code.
    """

    __tablename__ = "staff_address"
    __table_args__ = (
        reference("staff"),
        UniqueConstraint("practice_id", "staff_id", "channel"),
        CheckConstraint("channel IN ('email', 'sms', 'push')", name="reaches_a_person"),
        CheckConstraint("wanted_rank >= 0", name="wanted_rank_from_0"),
    )

    staff_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    channel: Mapped[Channel] = mapped_column(words(Channel))
    wanted_rank: Mapped[int]
    address_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    address_lookup: Mapped[bytes] = mapped_column(LargeBinary)
    set_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    disabled_code: Mapped[str | None] = mapped_column(String(64))  # the provider's status, never its free text

    address = Sealed("address_sealed", lookup=Lookup("address_lookup"))
