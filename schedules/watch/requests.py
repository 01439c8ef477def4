"""Judges each request to a provider by what is known now: was it still called for, was it time, was it the only one?

Pure. Quiet hours and zone are the patient's as they stand now: what a patient changed since may look like a fault.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from schedules.plan.timing import QuietHours, hold_for_quiet_hours
from schedules.watch.finding import TELLABLE_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request and what it is judged by. `ended_ats`: when what it was about was settled, ended or withdrawn."""

    reminder_id: str
    started_at: datetime
    due_at: datetime
    useful_until: datetime
    ended_ats: tuple[datetime, ...]
    zone: ZoneInfo
    quiet_hours: QuietHours | None  # None for those of an urgent correction, which keeps none


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message that a provider took. `target` is a keyed hash of the address."""

    reminder_id: str
    generation: int
    due_at: datetime
    target: bytes | None


def was_called_for(request: Request) -> bool:
    """Return whether nothing had ended the message for a minute when its request began."""
    return all(ended_at + TELLABLE_AFTER >= request.started_at for ended_at in request.ended_ats)


def was_timely(request: Request) -> bool:
    """Return whether a request began when it was due, while it was of use, and not in quiet hours."""
    if not request.due_at <= request.started_at < request.useful_until:
        return False
    if request.quiet_hours is None:
        return True
    return hold_for_quiet_hours(request.started_at, request.quiet_hours, request.zone) <= request.started_at


def sent_twice(accepted: Iterable[Accepted]) -> frozenset[str]:
    """Return the reminders of which a target got one generation twice, or of which two generations had one due time."""
    rows = list(accepted)
    on_target = Counter((each.reminder_id, each.generation, each.target) for each in rows)
    generations = Counter(
        (each[0], each[1]) for each in {(row.reminder_id, row.due_at, row.generation) for row in rows}
    )
    repeated = {reminder_id for (reminder_id, _, _), times in on_target.items() if times > 1}
    return frozenset(repeated | {reminder_id for (reminder_id, _), times in generations.items() if times > 1})
