"""What went otherwise than planned, entered for a course of care: a complication, a return to the hospital."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from flask import Response
from marshmallow import ValidationError

from models import Episode
from models.ids import new_id
from models.report import ClinicalEventKind
from service.api.clinical_events import LONGEST_DETAIL, ClinicalEventBody
from service.api.scope import caller, now, show
from service.api.settle import settled
from service.care.clinical_events import EventRecord, list_events, put_event, withdraw_event
from service.care.enrol import clinic_today
from service.care.reach import find_patient, find_row, practice_of
from service.dashboard.blueprint import clinic, typed
from service.dashboard.render import go_to, page
from service.db import begin, current_session
from service.errors import ConflictError, Fault, InvalidError

_MOST = 100
_FIELDS = ("kind", "occurred_on", "detail")


@clinic.get("/episodes/<id:episode_id>/clinical-events")
@settled
def show_events(episode_id: str) -> Response:
    """Show what was entered of a course, and a form for more."""
    return _events(episode_id)


@clinic.post("/episodes/<id:episode_id>/clinical-events")
@settled
def enter_event(episode_id: str) -> Response:
    """Enter an event; show the form again, as it was typed, with what stands against it."""
    episode = find_row(current_session(), caller(), Episode, episode_id)
    show(episode.patient_id)
    try:
        put_event(current_session(), caller(), new_id(now()), _record(episode.id), now=now())
    except (InvalidError, ConflictError) as refused:
        current_session().rollback()
        begin(reads=False)
        return _events(episode_id, status=refused.status, faults=refused.faults)
    return go_to(f"/clinic/episodes/{episode_id}/clinical-events")


@clinic.post("/clinical-events/<id:event_id>/withdraw")
@settled
def withdraw_entered_event(event_id: str) -> Response:
    """Take back an event that was entered wrongly."""
    row = withdraw_event(current_session(), caller(), event_id)
    show(row.patient_id)
    return go_to(f"/clinic/episodes/{row.episode_id}/clinical-events")


def _record(episode_id: str) -> EventRecord:
    """Return what was typed. Raises InvalidError."""
    sent = {"episode_id": episode_id} | {name: typed(name, longest=LONGEST_DETAIL) for name in _FIELDS if typed(name)}
    try:
        return EventRecord(**ClinicalEventBody().load(sent))
    except ValidationError as refused:
        wrong = next(name for name in _FIELDS if name in refused.messages_dict)
        expected = {"kind": "what happened", "occurred_on": "a date such as 2026-03-12", "detail": "a text"}[wrong]
        got = f"text of {len(sent[wrong])} characters" if wrong in sent else "nothing"
        raise InvalidError(Fault(f"/{wrong}", expected, got)) from None


def _events(episode_id: str, *, status: int = 200, faults: Sequence[Fault] = ()) -> Response:
    session, practice = current_session(), practice_of(current_session(), caller())
    episode = find_row(session, caller(), Episode, episode_id)
    show(episode.patient_id)
    return page(
        "events.html",
        status=status,
        faults=tuple(faults),
        patient=find_patient(session, caller(), episode.patient_id),
        episode=episode,
        events=list_events(session, practice.id, episode.id, after=None, limit=_MOST),
        kinds=list(ClinicalEventKind),
        said={name: typed(name, longest=LONGEST_DETAIL) for name in _FIELDS},
        today=clinic_today(practice, now()),
        zone=ZoneInfo(practice.time_zone),
    )
