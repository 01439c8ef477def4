"""A plan as a calendar (RFC 5545): one event for the whole of each day on which something is planned.

An event keeps its UID for good; its SEQUENCE grows with every change of it. What was called off is cancelled, not left
out, so that programs take it away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from icalendar import Event

MEDIA_TYPE: Final = "text/calendar; charset=utf-8"
_PRODUCT: Final = "-//Spine recovery//Plan//EN"
_REFRESH: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """One event: `on` is the medical day, the same day wherever the patient is. `sequence` never falls."""

    uid: str
    sequence: int
    on: date
    title: str
    is_cancelled: bool


def write_calendar(days: Sequence[PlannedDay], *, name: str, zone: str, now: datetime) -> bytes:
    """Return a calendar of whole days. `zone` (IANA) is the patient's; `now` says when it was written."""
    from icalendar import Calendar, vText  # noqa: PLC0415 - a tenth of a second, which every start would wait for

    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", vText(name))  # the library escapes only the properties that it knows
    calendar.add("x-wr-timezone", vText(zone))
    calendar.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    for day in days:
        calendar.add_component(_event(day, now))
    return bytes(calendar.to_ical())


def _event(day: PlannedDay, now: datetime) -> "Event":
    from icalendar import Event  # noqa: PLC0415 - see above

    event = Event()
    event.add("uid", day.uid)
    event.add("sequence", day.sequence)
    event.add("dtstamp", now)
    event.add("dtstart", day.on)
    event.add("dtend", day.on + timedelta(days=1))
    event.add("summary", day.title)
    event.add("status", "CANCELLED" if day.is_cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT")  # it takes no time of the day
    event.add("class", "PRIVATE")
    return event
