"""The story of a reminder, an alert's calls or a notice: a line for each decision, in their order, never changed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models.bulk import insert_at_commit
from models.ids import new_id
from models.reminder import Decision, DecisionKind, Delivery, Reminder
from schedules.plan.vocabulary import Channel


@dataclass(frozen=True, slots=True)
class Step:
    """What a line is about: a generation of a reminder, a call of an alert or a notice, and its delivery's step if any.

    One of the three ids is set.
    """

    practice_id: str
    reminder_id: str | None
    generation: int
    step: int | None = None
    alert_id: str | None = None
    access_id: str | None = None

    @property
    def subject_id(self) -> str:
        """Return the id of what the line is about."""
        return self.reminder_id or self.alert_id or self.access_id or ""


def step_of(row: Delivery | Reminder) -> Step:
    """Return what the lines about a stored delivery, or about a reminder as it is planned now, refer to."""
    if isinstance(row, Delivery):
        return Step(row.practice_id, row.reminder_id, row.generation, row.step, row.alert_id, row.access_id)
    return Step(row.practice_id, row.id, row.generation)


def tell(
    session: Session,
    about: Step,
    kind: DecisionKind,
    *,
    now: datetime,
    reason: str | None = None,
    channel: Channel | None = None,
    until: datetime | None = None,
) -> None:
    """Append a line, in the session's transaction. `until` is the end of a hold, or the time of a retry."""
    columns = {
        "practice_id": about.practice_id,
        "id": new_id(now),
        "reminder_id": about.reminder_id,
        "alert_id": about.alert_id,
        "access_id": about.access_id,
        "generation": about.generation,
        "step": about.step,
        "decided_at": now,
        "kind": kind,
        "reason": reason,
        "channel": channel,
        "until": until,
    }
    insert_at_commit(session, Decision, columns)
