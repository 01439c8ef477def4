"""The day for which a worklist is made, and from when on somebody counts as silent. Pure; knows no patient."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from schedules.plan.check_ins import NO_RHYTHM, RhythmHistory

# Days without a check-in after which a patient counts as silent, by the postoperative day until which that holds: two
# rounds of the default rhythm (daily to day 14, twice a week to day 42, weekly to day 90). Grade E, and shown so.
SILENT_AFTER: Final = ((14, 2), (42, 7), (90, 14))


class Day(NamedTuple):
    """A day of the clinic's calendar, on which nobody counts as silent by any rhythm who was heard from at `lately` or
    later, or who has no surgery on `operated_since` or later.
    """

    today: date
    zone: ZoneInfo
    lately: datetime
    operated_since: date
    rhythms: RhythmHistory


def make_day(today: date, zone: ZoneInfo, rhythms: RhythmHistory = NO_RHYTHM) -> Day:
    """Return a day of the calendar of a clinic in `zone`, whose patients are asked to check in by `rhythms`."""
    lately = datetime.combine(today - timedelta(days=min(after for _, after in SILENT_AFTER)), time(), zone)
    rhythm = rhythms.on(today)
    longest = max(*(until for until, _ in SILENT_AFTER), -1 if rhythm is None else rhythm.last_day)
    return Day(today, zone, lately.astimezone(UTC), today - timedelta(days=longest), rhythms)


def silent_after(pod: int) -> int | None:
    """Return after how many days without a check-in somebody counts as silent; None when none is expected.

    >>> [silent_after(pod) for pod in (-1, 0, 14, 15, 42, 90, 91)]
    [None, 2, 2, 7, 7, 14, None]
    """
    if pod < 0:
        return None
    return next((days for until, days in SILENT_AFTER if pod <= until), None)
