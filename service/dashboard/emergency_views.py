"""Break-glass: the form that opens a patient outside of one's caseload, and the list on which it is reviewed."""

from zoneinfo import ZoneInfo

from flask import Response

from models.caseload import EmergencyReason
from service.api.break_glass import EmergencyBody, open_patient, review_access
from service.api.parsing import load_form
from service.api.scope import caller, now, settings, show
from service.api.settle import settled
from service.care.break_glass import AccessState, Wanted, list_opened
from service.care.reach import practice_of
from service.dashboard.blueprint import clinic, typed
from service.dashboard.render import go_to, page
from service.dashboard.words import unsent_reasons
from service.db import current_session
from service.errors import ConflictError, Fault, InvalidError
from service.identity.sessions import require_fresh

_MOST = 100
_NAMES = ("mrn", "date_of_birth", "reason", "note")


@clinic.get("/emergency")
@settled
def ask_emergency() -> Response:
    """Ask whom somebody wants to open outside of their caseload, and why."""
    return _form()


@clinic.post("/emergency")
@settled
def open_in_emergency() -> Response:
    """Open the patient for a while."""
    require_fresh(caller(), now())
    try:
        row = open_patient(Wanted(**load_form(EmergencyBody(), {name: typed(name) for name in _NAMES})))
    except (InvalidError, ConflictError) as refused:
        current_session().rollback()
        return _form(status=refused.status, faults=refused.faults)
    return go_to(f"/clinic/patients/{row.patient_id}")


@clinic.get("/emergency-accesses")
@settled
def list_accesses_to_review() -> Response:
    """Show the accesses that wait for a review, and those that were reviewed last."""
    session, practice = current_session(), practice_of(current_session(), caller())
    states = (AccessState.open, AccessState.reviewed)
    waiting, reviewed = (list_opened(session, practice.id, each, after=None, limit=_MOST) for each in states)
    show(*(each.access.patient_id for each in (*waiting, *reviewed)))
    zone, reasons = ZoneInfo(practice.time_zone), unsent_reasons()
    return page("emergency_accesses.html", waiting=waiting, reviewed=reviewed, zone=zone, reasons=reasons)


@clinic.post("/emergency-accesses/<id:access_id>/review")
@settled
def review_one(access_id: str) -> Response:
    """Say that an access was looked into."""
    review_access(access_id)
    return go_to("/clinic/emergency-accesses")


def _form(*, status: int = 200, faults: tuple[Fault, ...] = ()) -> Response:
    said = {name: typed(name) for name in _NAMES}
    told = {"reasons": list(EmergencyReason), "minutes": settings().emergency_access_minutes}
    return page("emergency.html", status=status, faults=faults, said=said, **told)
