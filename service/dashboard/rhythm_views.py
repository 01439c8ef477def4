"""When the clinic's patients are asked to check in, and staff call: shown, and set."""

from dataclasses import asdict
from typing import Any

from flask import Response, request

from schedules.plan.check_ins import MOST_PHASES
from service.api.check_in_rhythm import RhythmBody, read_rhythm
from service.api.parsing import load_form
from service.api.scope import caller, now, scope
from service.api.settle import settled
from service.care.check_in_rhythm import RhythmView, set_rhythm, view_rhythm
from service.dashboard.blueprint import clinic, typed
from service.dashboard.render import go_to, page
from service.db import begin, current_session
from service.errors import ConflictError, Fault, InvalidError
from service.identity.sessions import require_fresh


@clinic.get("/check-ins")
@settled
def show_rhythm() -> Response:
    """Show the rhythm, or the default to start from."""
    return _rhythm(view_rhythm(current_session(), caller()))


@clinic.post("/check-ins")
@settled
def store_rhythm() -> Response:
    """Set the rhythm, made from the one that was shown."""
    require_fresh(caller(), now())
    sent = _sent()
    try:
        rhythm = read_rhythm(load_form(RhythmBody(), sent))
        view = set_rhythm(current_session(), caller(), rhythm, now=now(), require_tag=_require_shown)
    except (InvalidError, ConflictError) as refused:
        current_session().rollback()
        begin(reads=False)
        return _rhythm(view_rhythm(current_session(), caller()), said=sent, refused=refused)
    scope().about["changed"] = ["check_in_rhythm"] * view.is_changed
    return go_to("/clinic/check-ins?done=yes")


def _require_shown(tag: str) -> None:
    if typed("tag", longest=64) != tag:
        raise ConflictError(Fault("", "the rhythm that was shown", "another: somebody changed it meanwhile"))


def _sent() -> dict[str, Any]:
    """Return the form as the API's body. A phase without a day is none, and an empty number stands for none."""
    rows = [{name: typed(f"{name}_{place}", longest=10) for name in _COLUMNS} for place in range(1, MOST_PHASES + 1)]
    return {
        "phases": [{name: _number(text) for name, text in row.items()} for row in rows if any(row.values())],
        "red_flags_through_day": _number(typed("red_flags_through_day", longest=10)),
        "call_days": [_number(each) for each in typed("call_days", longest=200).replace(",", " ").split()],
    }


_COLUMNS = ("through_day", "times_a_week")


def _number(text: str) -> int | str | None:
    return int(text) if text.isascii() and text.isdigit() else text or None


def _rhythm(
    view: RhythmView, *, said: dict[str, Any] | None = None, refused: InvalidError | ConflictError | None = None
) -> Response:
    return page(
        "rhythm.html",
        status=200 if refused is None else refused.status,
        faults=() if refused is None else refused.faults,
        view=view,
        said=asdict(view.rhythm) if said is None else said,
        most_phases=MOST_PHASES,
        done=request.args.get("done") == "yes",
    )
