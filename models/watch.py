"""How the service watches itself: heartbeats of workers, counters of decisions, results of the nightly self-audit.

No patient's data: ids and counts only. A heartbeat belongs to no practice, since a worker serves all of them.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import DEFERRED, ID_LENGTH, Base, Tenant, words


class Invariant(StrEnum):
    """What the self-audit proves of one practice."""

    nothing_sent_after_its_end = "nothing_sent_after_its_end"
    nothing_sent_at_a_wrong_time = "nothing_sent_at_a_wrong_time"
    nothing_sent_twice = "nothing_sent_twice"
    nothing_due_left_unsent = "nothing_due_left_unsent"
    every_plan_equals_its_rebuild = "every_plan_equals_its_rebuild"
    every_open_delivery_has_its_reminder = "every_open_delivery_has_its_reminder"
    audit_trail_is_unbroken = "audit_trail_is_unbroken"
    nothing_kept_past_its_term = "nothing_kept_past_its_term"


class WorkerHeartbeat(Base):
    """One run of a worker. `stopped_at` is set by a clean end alone: one that was killed just ticks no more."""

    __tablename__ = "worker_heartbeat"

    worker_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    started_at: Mapped[datetime]
    ticked_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]


class DecisionTally(Base):
    """How many decisions of one kind, reason and channel the practice has. `""` stands for no reason or channel.

    The words are copies of what was checked when it was decided, so no closed list guards them here.
    """

    __tablename__ = "decision_tally"

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("practice.id", **DEFERRED), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    reason: Mapped[str] = mapped_column(String(40), primary_key=True)
    channel: Mapped[str] = mapped_column(String(40), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)


class TallyMark(Base):
    """How far a practice's decisions are counted: up to this id. Its row is the lock of whoever counts on."""

    __tablename__ = "tally_mark"

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("practice.id", **DEFERRED), primary_key=True)
    decision_id: Mapped[str] = mapped_column(String(ID_LENGTH), default="")


class AuditMark(Base):
    """How far a practice's sends are audited, and when the last nightly audit began, so that one worker does it.

    `proved_link` and `proved_digest` are the last link of the audit trail's chain up to which it was found unbroken.
    """

    __tablename__ = "audit_mark"

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("practice.id", **DEFERRED), primary_key=True)
    began_at: Mapped[datetime | None]
    audited_until: Mapped[datetime | None]  # attempts that started before it were looked at
    proved_link: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    proved_digest: Mapped[bytes | None] = mapped_column(LargeBinary)


class SelfAudit(Tenant, Base):
    """What one run found of one invariant. `examples` are up to ten ids: of episodes for plans, of entries for the
    audit trail, names of tables for terms, else of reminders.
    """

    __tablename__ = "self_audit"
    __table_args__ = (
        Index(None, "practice_id", "ran_at"),
        CheckConstraint("violations >= 0", name="violations_from_0"),
    )

    ran_at: Mapped[datetime]
    invariant: Mapped[Invariant] = mapped_column(words(Invariant))
    checked: Mapped[int]
    violations: Mapped[int]
    examples: Mapped[list[str]] = mapped_column(default=list)
