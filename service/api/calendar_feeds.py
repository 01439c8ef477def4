"""The address of a patient's calendar, for the calendar program of a phone: made, made anew, revoked."""

from typing import Any

from marshmallow import Schema, fields

from models import CalendarFeed
from models.care import Reporter
from service.api import examples_calendar as examples
from service.api.fields import Instant, Word
from service.api.resource import Resource
from service.api.scope import caller, now, settings, show
from service.care.calendar_feeds import find_feed, renew_feed, revoke_feed
from service.db import current_session

calendar_feeds = Resource("calendar feeds", "A patient's plan as a calendar (RFC 5545), at a secret address.")


class FeedBody(Schema):
    """Nothing: an empty object."""


class FeedView(Schema):
    """A feed: when its address was made and by whom; all null without one."""

    made_at = Instant(required=True, allow_none=True)
    made_by = Word(Reporter, required=True, allow_none=True)


class NewFeedView(FeedView):
    """A feed with its new address, which is not shown again."""

    url = fields.String(required=True)


@calendar_feeds.get("/patients/<id:patient_id>/calendar-feed")
@calendar_feeds.response(200, FeedView, example=examples.FEED)
def get_calendar_feed(patient_id: str) -> Any:
    """Return whether a patient's calendar has an address, without the address."""
    row = find_feed(current_session(), caller(), patient_id)
    show(patient_id)
    return _told(row)


@calendar_feeds.post("/patients/<id:patient_id>/calendar-feed")
@calendar_feeds.arguments(FeedBody)
@calendar_feeds.response(201, NewFeedView, example=examples.NEW_FEED)
def renew_calendar_feed(_body: dict[str, Any], patient_id: str) -> Any:
    """Give a patient's calendar a new address, the only one from now on. Subscribe to it; nobody signs in there.

    Titles are generic unless the patient agreed to details (`details_consent_at`).
    """
    row, secret = renew_feed(current_session(), caller(), patient_id, now())
    show(patient_id)
    return _told(row) | {"url": address_of(secret)}


@calendar_feeds.delete("/patients/<id:patient_id>/calendar-feed")
@calendar_feeds.response(204)
def revoke_calendar_feed(patient_id: str) -> Any:
    """End the address of a patient's calendar: it shows nothing any more, at once."""
    revoke_feed(current_session(), caller(), patient_id, now())
    show(patient_id)
    return ""


def address_of(secret: str) -> str:
    """Return the address of a calendar, which is shown once."""
    return f"{settings().public_url.rstrip('/')}/calendar/{secret}.ics"


def _told(row: CalendarFeed | None) -> dict[str, Any]:
    return {name: getattr(row, name, None) for name in FeedView().fields}
