"""Who read or wrote whose data. Append-only: triggers refuse changes on both databases.

An entry carries its own MAC from the start; sealing it into the practice's chain is a later step of a job.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import DEFERRED, ID_LENGTH, Base, Tenant, reference, words


class ActorKind(StrEnum):
    """What kind of caller did it."""

    staff = "staff"
    device = "device"
    link = "link"  # who opened a one-time link with the date of birth, or tried to
    worker = "worker"
    command = "command"
    provider = "provider"  # tells what a patient did there
    service = "service"  # a program of the clinic, by a key of its own
    proxy = "proxy"  # the device of somebody whom a patient lets look after them


class AuditAction(StrEnum):
    """What was done."""

    read = "read"
    write = "write"
    send = "send"
    denied = "denied"
    import_ = "import"
    token = "token"  # noqa: S105 - a word, not a secret


class AuditEntry(Tenant, Base):
    """One request, command or send. `about` holds ids and codes, never a name, contact or free text."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index(None, "practice_id", "happened_at"),)

    happened_at: Mapped[datetime]
    actor_kind: Mapped[ActorKind] = mapped_column(words(ActorKind))
    actor_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    action: Mapped[AuditAction] = mapped_column(words(AuditAction))
    route: Mapped[str] = mapped_column(String(120))  # template, never the path
    status: Mapped[int | None]
    about: Mapped[dict[str, Any]] = mapped_column(default=dict)
    mac: Mapped[bytes] = mapped_column(LargeBinary)


class AuditSubject(Base):
    """One patient whom an audit entry concerns: one row per patient shown or changed."""

    __tablename__ = "audit_subject"
    __table_args__ = (
        ForeignKeyConstraint(["practice_id", "entry_id"], ["audit_entry.practice_id", "audit_entry.id"], **DEFERRED),
        Index(None, "practice_id", "patient_id", "entry_id"),
    )

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    entry_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)


class AuditSeal(Base):
    """The practice's chain: each link binds an entry to all before it."""

    __tablename__ = "audit_seal"
    __table_args__ = (reference("audit_entry", "entry_id"), UniqueConstraint("practice_id", "entry_id"))

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("practice.id", **DEFERRED), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    entry_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime]
