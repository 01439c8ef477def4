"""For how long somebody was followed after a surgery, and whether they reached a milestone in that time.

Rules, which the pages state: day 0 is the first surgery of the course of care. Who has not reached it waits up to the
last day that anything was heard of them; death, a later surgery, and a patient's word that they leave it out end the
look (censoring), as a withdrawal does by its silence. What is reported for a day after the end does not count.
"""

from dataclasses import dataclass
from datetime import date

from schedules.outcomes.survival import Followed


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One course of care. `heard_on` is the last day of which anything is known, `ended_on` the last that counts."""

    day0: date
    heard_on: date | None
    ended_on: date | None
    reached_on: date | None


def followed(course: FollowUp, today: date) -> Followed:
    """Return the days from day 0 to the event, or else to the last day that is known up to `today`.

    >>> followed(FollowUp(date(2026, 3, 2), date(2026, 3, 12), None, None), date(2026, 4, 1))
    Followed(days=10, reached=False)
    """
    last = min(day for day in (course.ended_on, today) if day is not None)
    if course.reached_on is not None and course.day0 <= course.reached_on <= last:
        return Followed((course.reached_on - course.day0).days, reached=True)
    heard_on = course.heard_on or course.day0
    return Followed(max(0, (min(heard_on, last) - course.day0).days), reached=False)
