"""Use case: the clinic at one glance: what was done, how it is kept to, what waits, whether the machine is well.

Where staff see their own caseload alone, what counts patients counts theirs, and the answer says so.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from models.caseload import is_limited
from service.care.enrol import clinic_today
from service.care.monitoring import Monitoring
from service.care.outcomes import Smallest
from service.care.overview_alerts import AlertOverview, view_alerts
from service.care.overview_care import Adherence, Volumes, view_adherence, view_volumes
from service.care.overview_machine import (
    DeliveryOverview,
    Night,
    OnCallNow,
    view_delivery,
    view_night,
    view_on_call,
)
from service.care.reach import practice_of
from service.identity.principal import Principal


@dataclass(frozen=True, slots=True)
class Overview:
    """The clinic on the day `as_of` of its calendar. `own_caseload`: patients are those of the caller's caseload."""

    as_of: date
    own_caseload: bool
    smallest: Smallest
    volumes: Volumes
    adherence: Adherence
    alerts: AlertOverview
    on_call: OnCallNow
    delivery: DeliveryOverview
    night: Night


def view_overview(
    session: Session, caller: Principal, now: datetime, *, monitoring: Monitoring, smallest: Smallest
) -> Overview:
    """Return the clinic at one glance, by a fixed number of SELECTs."""
    practice = practice_of(session, caller)
    today = clinic_today(practice, now)
    return Overview(
        as_of=today,
        own_caseload=is_limited(session),
        smallest=smallest,
        volumes=view_volumes(session, practice, today, smallest),
        adherence=view_adherence(session, practice, today, smallest),
        alerts=view_alerts(session, practice.id, now),
        on_call=view_on_call(session, practice, now, monitoring),
        delivery=view_delivery(session, practice.id, monitoring),
        night=view_night(session, practice.id, now),
    )
