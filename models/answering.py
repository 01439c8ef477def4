"""How soon a clinic wants alerts of one urgency in hand, where it has set that anew. Else the default holds."""

from datetime import datetime

from sqlalchemy import CheckConstraint, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference
from models.private import Sealed


class AlertAnswering(Tenant, Base):
    """One urgency, by whose word the row goes: its `id`. What may be set stands in `schedules.plan.escalation`.

    The reason is there where a wait is longer than the default: free text, so it is sealed.
    """

    __tablename__ = "alert_answering"
    __table_args__ = (
        reference("staff", "set_by"),
        CheckConstraint("acknowledge_minutes BETWEEN 1 AND 1440", name="acknowledge_minutes_range"),
        CheckConstraint("escalate_minutes BETWEEN 1 AND 1440", name="escalate_minutes_range"),
    )

    acknowledge_minutes: Mapped[int]
    escalate_minutes: Mapped[int]
    reason_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    set_at: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(String(ID_LENGTH))

    reason = Sealed("reason_sealed")
