"""How soon the clinic's alerts must be in hand, for its admin: the defaults, and what is set in their place."""

from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Response, request
from sqlalchemy import select

from models import Staff
from service.api.answering import AlertAnsweringBody, note_answering
from service.api.parsing import load_form
from service.api.scope import caller, now
from service.api.settle import settled
from service.care.answering import (
    LONGEST_REASON,
    AnsweringRecord,
    list_answering,
    reset_answering,
    set_answering,
)
from service.care.reach import practice_of
from service.dashboard.blueprint import clinic, typed
from service.dashboard.render import go_to, page
from service.db import begin, current_session
from service.errors import ConflictError, Fault, InvalidError
from service.identity.sessions import require_fresh

_PAGE: Final = "/clinic/answering"
_NUMBERS: Final = ("acknowledge_minutes", "escalate_minutes")


@clinic.get("/answering")
@settled
def show_answering() -> Response:
    """Show how soon alerts must be in hand."""
    return _answering()


@clinic.post("/answering/<id:urgency>")
@settled
def change_answering(urgency: str) -> Response:
    """Set how soon alerts of one urgency must be in hand, made from what was shown; or take the default back."""
    require_fresh(caller(), now())
    session = current_session()
    try:
        if typed("reset") == "yes":
            reset_answering(session, caller(), urgency)
        else:
            record = AnsweringRecord(**load_form(AlertAnsweringBody(), _sent()))
            set_answering(session, caller(), urgency, record, require_tag=_require_shown, now=now())
    except (InvalidError, ConflictError) as refused:
        session.rollback()
        begin(reads=False)
        return _answering(status=refused.status, faults=refused.faults, urgency=urgency)
    session.flush()
    note_answering(next(each for each in list_answering(session, caller().practice_id) if each.urgency == urgency))
    return go_to(f"{_PAGE}?done=yes")


def _require_shown(tag: str) -> None:
    if typed("tag", longest=64) != tag:
        raise ConflictError(Fault("", "what was shown", "other minutes: somebody changed them meanwhile"))


def _sent() -> dict[str, Any]:
    texts = {name: typed(name, longest=10) for name in _NUMBERS}
    numbers = {name: int(text) if text.isascii() and text.isdigit() else text or None for name, text in texts.items()}
    return numbers | {"reason": typed("reason") or None}


def _answering(*, status: int = 200, faults: tuple[Fault, ...] = (), urgency: str | None = None) -> Response:
    session, practice_id = current_session(), caller().practice_id
    standings = list_answering(session, practice_id)
    ids = [each.own.set_by for each in standings if each.own is not None]
    query = select(Staff.id, Staff.display_name).where(Staff.practice_id == practice_id, Staff.id.in_(ids))
    return page(
        "answering.html",
        status=status,
        faults=faults,
        refused=urgency,
        said=_sent() if faults else {},
        standings=standings,
        names={row[0]: row[1] for row in session.execute(query)},
        zone=ZoneInfo(practice_of(session, caller()).time_zone),
        longest_reason=LONGEST_REASON,
        done=request.args.get("done") == "yes",
    )
