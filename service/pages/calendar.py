"""The address that a calendar program asks for a patient's plan. Its secret is all that is asked for."""

from typing import Final

from flask import Blueprint, Flask, Response, request
from limits import RateLimitItemPerMinute

from service.api.scope import now, scope, show
from service.api.settle import settled
from service.care.calendar_feeds import open_feed, view_calendar
from service.db import current_session
from service.documents.calendar import MEDIA_TYPE
from service.rate_limits import client_address, rate_limits

LIMIT: Final = RateLimitItemPerMinute(60, namespace="calendar")  # of an address
calendar = Blueprint("calendar", __name__)


def install_calendar(app: Flask) -> None:
    """Give the application its calendars. Called before the gate: who asks too often opens no transaction."""

    def refuse_too_often() -> None:
        if request.blueprint == calendar.name:
            rate_limits(app).spend(LIMIT, client_address(request))

    app.before_request(refuse_too_often)
    app.register_blueprint(calendar)


@calendar.get("/calendar/<token>.ics")
@settled
def show_calendar(token: str) -> Response:
    """Return a patient's plan as a calendar, or 304 while it is as it was."""
    feed, who = open_feed(current_session(), token)
    scope().principal = who
    show(feed.patient_id)
    view = view_calendar(current_session(), feed, now())
    response = Response(view.text, content_type=MEDIA_TYPE)
    response.headers["Content-Disposition"] = 'inline; filename="recovery.ics"'
    response.set_etag(view.mark)
    return response
