"""The clinic at one glance, for staff: alerts, volumes, adherence, delivery, and what the night has proved."""

from functools import partial
from zoneinfo import ZoneInfo

from flask import Response

from service.api.outcomes import smallest
from service.api.scope import caller, monitoring, now
from service.api.settle import settled
from service.care.overview import view_overview
from service.care.reach import practice_of
from service.dashboard.blueprint import clinic
from service.dashboard.render import language, page
from service.dashboard.words import month_words, unsent_reasons
from service.db import current_session


@clinic.get("/overview")
@settled
def show_overview() -> Response:
    """Show how the clinic is, as counts."""
    session = current_session()
    overview = view_overview(session, caller(), now(), monitoring=monitoring(), smallest=smallest())
    return page(
        "overview.html",
        overview=overview,
        zone=ZoneInfo(practice_of(session, caller()).time_zone),
        month=partial(month_words, language=language()),
        reasons=unsent_reasons(),
    )
