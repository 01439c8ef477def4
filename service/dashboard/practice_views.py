"""What the clinic sets for all its plans, for its admin. What is no single line is set through the API."""

from typing import Any

from flask import Response, request

from service.api.parsing import load_form
from service.api.practice import PracticePatch
from service.api.practice_export import table_answer
from service.api.scope import caller, now, scope
from service.api.settle import settled
from service.care.practice import PracticeView, change_practice, view_practice
from service.care.practice_export import exportable
from service.dashboard.blueprint import clinic, typed
from service.dashboard.queries.team import count_without_coordinator
from service.dashboard.render import go_to, page
from service.db import begin, current_session
from service.errors import ConflictError, Fault, InvalidError
from service.identity.sessions import require_fresh

_TEXTS = ("name", "phone")
_NUMBERS = ("opioid_free_hours", "records_kept_years", "workers_comp_percent")


@clinic.get("/practice")
@settled
def show_practice() -> Response:
    """Show the clinic's settings."""
    return _practice(view_practice(current_session(), caller()))


@clinic.post("/practice")
@settled
def set_practice() -> Response:
    """Change the clinic's settings, made from those that were shown."""
    require_fresh(caller(), now())
    try:
        changes = load_form(PracticePatch(), _sent())
        view = change_practice(current_session(), caller(), changes, require_tag=_require_shown)
    except (InvalidError, ConflictError) as refused:
        current_session().rollback()
        begin(reads=False)
        shown = view_practice(current_session(), caller())
        return _practice(shown, status=refused.status, faults=refused.faults)
    scope().about["changed"] = list(view.changed)
    return go_to(f"/clinic/practice?done=yes&plans={view.episodes_to_rebuild}")


@clinic.get("/practice/tables")
@settled
def list_tables() -> Response:
    """Show which tables of the clinic can be taken along."""
    return page("tables.html", tables=list(exportable()))


@clinic.get("/practice/tables/<id:table>")
@settled
def take_table(table: str) -> Response:
    """Return one table of the clinic as CSV or Parquet. Asks for a fresh second factor."""
    asked = {
        "with_private": request.args.get("private") == "true",
        "as_parquet": request.args.get("format") == "parquet",
    }
    return table_answer(table, **asked)


def _require_shown(tag: str) -> None:
    if typed("tag", longest=64) != tag:
        raise ConflictError(Fault("", "the settings that were shown", "others: somebody changed them meanwhile"))


def _sent() -> dict[str, Any]:
    """Return the form as the API's body. An empty number stands for none."""
    sent: dict[str, Any] = {name: typed(name) for name in _TEXTS}
    sent |= {name: _number(typed(name, longest=10)) for name in _NUMBERS}
    sent["own_caseload_only"] = typed("own_caseload_only") == "yes"
    sent["holiday_calendar"] = typed("holiday_calendar", longest=20) or None
    sent["closed_on"] = typed("closed_on", longest=10_000).split()
    return sent


def _number(text: str) -> int | str | None:
    return int(text) if text.isascii() and text.isdigit() else text or None


def _practice(view: PracticeView, *, status: int = 200, faults: tuple[Fault, ...] = ()) -> Response:
    plans = request.args.get("plans", "")
    said = _sent() if request.method == "POST" else {}
    return page(
        "practice.html",
        status=status,
        faults=faults,
        view=view,
        said=said,
        without_coordinator=count_without_coordinator(current_session(), caller().practice_id),
        done=request.args.get("done") == "yes",
        plans=int(plans) if plans.isascii() and plans.isdigit() and len(plans) < 6 else 0,
    )
