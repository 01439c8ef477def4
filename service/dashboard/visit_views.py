"""Visits on the patient's page: one is booked, and how it ended is noted."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from flask import Response

from models import Episode, Visit
from models.ids import new_id
from models.report import VisitKind, VisitState
from schedules.plan.timing import wall_instant
from service.api.scope import caller, now, show
from service.api.settle import settled
from service.care.reach import find_row, practice_of
from service.care.visits import VisitRecord, put_visit, record_of
from service.dashboard.blueprint import clinic, typed
from service.dashboard.patient_views import Faults, show_course
from service.dashboard.render import go_to
from service.db import begin, current_session
from service.errors import Fault, ForbiddenError, InvalidError


@clinic.post("/episodes/<id:episode_id>/visits")
@settled
def book_visit(episode_id: str) -> Response:
    """Book a visit at a wall time of the clinic."""
    episode = find_row(current_session(), caller(), Episode, episode_id)

    def record() -> VisitRecord:
        kind = _kind()
        return VisitRecord(episode_id=episode_id, kind=kind, state=VisitState.booked, booked_for=_instant())

    return _store(episode.patient_id, episode_id, new_id(now()), record)


@clinic.post("/visits/<id:visit_id>/state")
@settled
def note_visit(visit_id: str) -> Response:
    """Note how a visit ended."""
    row = find_row(current_session(), caller(), Visit, visit_id)
    return _store(row.patient_id, row.episode_id, visit_id, lambda: replace(record_of(row), state=_state()))


def _store(patient_id: str, episode_id: str, visit_id: str, record: Callable[[], VisitRecord]) -> Response:
    show(patient_id)
    try:
        put_visit(current_session(), caller(), visit_id, record(), now=now(), require_match=lambda _row: None)
    except (InvalidError, ForbiddenError) as refused:
        current_session().rollback()
        begin(reads=False)
        faults = Faults(visit=refused.faults)
        return show_course(patient_id, episode_id=episode_id, status=refused.status, faults=faults)
    return go_to(f"/clinic/patients/{patient_id}?episode={episode_id}&done=visit")


def _kind() -> VisitKind:
    told = typed("kind", longest=40)
    if told not in list(VisitKind):
        raise InvalidError(Fault("/kind", "one of the kinds of visits", f"text of {len(told)} characters"))
    return VisitKind(told)


def _state() -> VisitState:
    told = typed("state", longest=40)
    if told not in list(VisitState):
        raise InvalidError(Fault("/state", "one of the states of visits", f"text of {len(told)} characters"))
    return VisitState(told)


def _instant() -> datetime:
    on, at = typed("booked_on", longest=10), typed("booked_at", longest=8)
    try:
        day, clock = date.fromisoformat(on), time.fromisoformat(at)
    except ValueError:
        expected = "a day and a time such as 2026-03-12 and 09:30"
        raise InvalidError(Fault("/booked_on", expected, f"text of {len(on)} and {len(at)} characters")) from None
    zone = ZoneInfo(practice_of(current_session(), caller()).time_zone)
    return wall_instant(day, clock.replace(tzinfo=None), zone)
