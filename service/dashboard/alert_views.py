"""An alert: who is in danger and why, who has it in hand, and what was done. Where a message about it leads."""

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from flask import Response

from models import Alert
from schedules.plan.red_flags import FLAG_OF_KEY
from schedules.plan.vocabulary import AlertOutcome, AlertState, ContactMethod
from service.api.scope import caller, now, scope, show
from service.api.settle import settled
from service.care.alerts import ContactRecord, acknowledge_alert, close_alert, log_contact, read_alert
from service.care.answering import list_answering
from service.care.reach import find_patient, practice_of
from service.dashboard.blueprint import clinic, typed
from service.dashboard.queries.alerts import find_staff_names
from service.dashboard.render import go_to, language, page
from service.db import begin, current_session
from service.errors import ConflictError

_LONGEST_NOTE = 2000
Word = TypeVar("Word", bound=StrEnum)


@clinic.get("/alerts/<id:alert_id>")
@settled
def show_alert(alert_id: str) -> Response:
    """Show an alert with its log, and what may be done about it."""
    return _alert(alert_id)


@clinic.post("/alerts/<id:alert_id>/acknowledge")
@settled
def take_in_hand(alert_id: str) -> Response:
    """Take the alert in hand: nobody else is called."""
    return _do(alert_id, lambda: acknowledge_alert(current_session(), caller(), alert_id, now=now()))


@clinic.post("/alerts/<id:alert_id>/contacts")
@settled
def note_contact(alert_id: str) -> Response:
    """Note a try to reach the patient."""
    method, reached = _word(ContactMethod, "method"), typed("reached")
    if method is None or reached not in ("yes", "no"):
        return _alert(alert_id, status=422, problem="alert_say_how")
    record = ContactRecord(method=method, is_reached=reached == "yes", note=_note())
    return _do(alert_id, lambda: log_contact(current_session(), caller(), alert_id, record, now=now()))


@clinic.post("/alerts/<id:alert_id>/close")
@settled
def end_alert(alert_id: str) -> Response:
    """Close the alert with what came of it."""
    outcome = _word(AlertOutcome, "outcome")
    if outcome is None:
        return _alert(alert_id, status=422, problem="alert_say_outcome")
    return _do(alert_id, lambda: close_alert(current_session(), caller(), alert_id, outcome, note=_note(), now=now()))


def _do(alert_id: str, deed: Callable[[], Alert]) -> Response:
    """Do something about an alert and show it again, or what stands against it."""
    scope().about["alert_id"] = alert_id
    try:
        show(deed().patient_id)
    except ConflictError:
        current_session().rollback()
        begin(reads=False)
        return _alert(alert_id, status=409, problem="alert_moved_on")
    return go_to(f"/clinic/alerts/{alert_id}")


def _alert(alert_id: str, *, status: int = 200, problem: str | None = None) -> Response:
    session, practice = current_session(), practice_of(current_session(), caller())
    story = read_alert(session, caller(), alert_id)
    alert = story.alert
    show(alert.patient_id)
    scope().about["alert_id"] = alert.id
    symptom = FLAG_OF_KEY.get(alert.about.get("red_flag", ""))
    return page(
        "alert.html",
        status=status,
        problem=problem,
        alert=alert,
        log=story.log,
        patient=find_patient(session, caller(), alert.patient_id),
        symptom=None if symptom is None else symptom.text.in_language(language()),
        minutes=max(timedelta(0), now() - alert.raised_at) // timedelta(minutes=1),
        names=find_staff_names(session, practice.id, story),
        zone=ZoneInfo(practice.time_zone),
        is_open=alert.state is AlertState.open,
        is_closed=alert.state is AlertState.closed,
        methods=list(ContactMethod),
        outcomes=list(AlertOutcome),
        longer=next(
            (each for each in list_answering(session, practice.id) if each.urgency is alert.urgency and each.is_longer),
            None,
        ),
    )


def _word(words: type[Word], name: str) -> Word | None:
    told = typed(name, longest=40)
    return words(told) if told in list(words) else None


def _note() -> str | None:
    return typed("note", longest=_LONGEST_NOTE) or None
