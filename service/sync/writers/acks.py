"""A message was seen: the first word of it stands, whoever says it again."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from marshmallow import Schema
from sqlalchemy import select

from models import Reminder, ReminderAck
from service.api.fields import Id, Instant
from service.care.acknowledging import acknowledge_reminders
from service.sync.edits import Edit
from service.sync.merge import Merged, Unit, Values
from service.sync.push import Push
from service.sync.writers.base import RefusedError, Writer

SUFFIX = ".ack"


class AckBody(Schema):
    """Which message was seen, and when by the phone's clock."""

    reminder_id = Id(required=True)
    acknowledged_at = Instant(required=True)


def first_word(_stored: Values, _new: Values) -> bool:
    """Return False: what was acknowledged first stands."""
    return False


class AckWriter(Writer[ReminderAck]):
    """An acknowledgement has the id of its reminder with `.ack`, so that two phones make the same row."""

    name = "reminder_acks"
    body: ClassVar[type[Schema]] = AckBody
    units = (Unit(("reminder_id", "acknowledged_at"), first_word),)

    def __init__(self, push: Push) -> None:
        super().__init__(push)
        self._seen: list[Reminder] = []

    def load_parents(self, edits: Sequence[Edit]) -> Iterable[str]:
        """Read the reminders."""
        ids = sorted({edit.id.removesuffix(SUFFIX) for edit in edits if edit.id.endswith(SUFFIX)})
        query = select(Reminder).where(Reminder.practice_id == self.push.practice_id, Reminder.id.in_(ids))
        self._reminders = {f"{row.id}{SUFFIX}": row for row in self.push.session.scalars(query) if not row.deleted}
        return {row.patient_id for row in self._reminders.values()}

    def patient_of(self, edit: Edit) -> str | None:
        """Return whose reminder it is."""
        reminder = self._reminders.get(edit.id)
        return None if reminder is None else reminder.patient_id

    def refuse(self, edit: Edit, row: ReminderAck | None) -> None:
        """Refuse to change what was acknowledged, and an id that is another reminder's."""
        if row is not None:
            raise RefusedError("acknowledged_once")
        if edit.values.get("reminder_id") != self._reminders[edit.id].id:
            raise RefusedError("another_reminder")

    def store(self, edit: Edit, row: ReminderAck | None, facts: dict[str, Any], merged: Merged) -> None:
        """Store the acknowledgement. Nothing of a reminder that is not due can have been seen: its row stays."""
        reminder = self._reminders[edit.id]
        row = ReminderAck(practice_id=self.push.practice_id, id=edit.id, patient_id=reminder.patient_id, **facts)
        row.received_at, row.reported_by = self.push.now, self.push.caller.reporter
        self.push.session.add(row)
        self.rows[row.id] = row
        if reminder.due_at <= self.push.now:
            self._seen.append(reminder)

    def finish(self) -> None:
        """Note what was seen, so that it is not said again on another channel."""
        for patient_id in sorted({reminder.patient_id for reminder in self._seen}):
            theirs = [reminder for reminder in self._seen if reminder.patient_id == patient_id]
            acknowledge_reminders(self.push.session, theirs, self.push.now)
