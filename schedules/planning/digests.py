"""Which reminders no digest says again, and which must be judged anew because the digest that held them came too late.

A digest is a reminder that carries others: they name it in `digest_in`. Knows no text.
"""

from collections.abc import Collection, Iterable, Mapping

from models.reminder import Reminder
from schedules.plan.drafts import Identity
from schedules.plan.rearm import StoredReminder, WantedReminder
from schedules.plan.vocabulary import ReminderOutcome, ReminderState


def said_already(
    rows: Mapping[str, Reminder], stored: Mapping[str, StoredReminder], complete: Collection[str]
) -> frozenset[Identity]:
    """Return the reminders that went out, alone or in a digest, and those of milestones that are `complete`, by id.

    When the reminder that carries a digest is complete before it went out, another one of them carries the rest.
    """
    sent = {row.id for row in rows.values() if row.state is ReminderState.sent}
    over = {
        row.id
        for row in rows.values()
        if row.id in sent or row.milestone_id in complete or (_is_in_digest(row) and row.digest_in in sent)
    }
    return frozenset(each.planned.identity for each in stored.values() if each.id in over)


def to_judge_now(wanted: Mapping[str, WantedReminder], late: Iterable[str]) -> set[str]:
    """Return the ids of what came too late, with what the digests among them would have said."""
    late_ids = set(late)
    carriers = {wanted[reminder_id].planned.identity for reminder_id in late_ids}
    return late_ids | {each.id for each in wanted.values() if each.planned.digest_in in carriers}


def not_to_be_gathered(stored: Mapping[str, StoredReminder], judged: Collection[str]) -> frozenset[Identity]:
    """Return the stored reminders that a digest of what is judged now must leave out: they have their own fate."""
    return frozenset(each.planned.identity for each in stored.values() if each.id not in judged)


def _is_in_digest(row: Reminder) -> bool:
    return row.state is ReminderState.suppressed and row.reason == ReminderOutcome.past_digest
