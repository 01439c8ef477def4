"""Views of the worklist that somebody keeps: what stands beside the list, and the page on which they are managed."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response, request

from models import SavedView, Staff
from models.ids import new_id
from service.api.parsing import load_form
from service.api.saved_views import IN_ADDRESS, SavedViewBody, known_filters
from service.api.scope import caller, now
from service.api.settle import settled
from service.care.alerts import count_alerts
from service.care.saved_views import (
    LONGEST_NAME,
    WHOSE,
    ViewRecord,
    list_views,
    put_view,
    remove_view,
)
from service.dashboard.blueprint import clinic, typed
from service.dashboard.render import go_to, page
from service.db import begin, current_session
from service.errors import ConflictError, Fault, InvalidError, NotFoundError
from service.pages.render import path_to


def open_default(views: Iterable[SavedView]) -> Response | None:
    """Return the way to the default of somebody's views, for who opens the worklist without asking for anything."""
    asked = next((known_filters(each.filters) for each in views if each.is_default), {})
    return go_to(path_to("clinic.show_worklist", **asked)) if asked and not request.args else None


def beside_worklist(views: Iterable[SavedView]) -> dict[str, Any]:
    """Return what stands beside the list: the caller's views, and how many alerts nobody has in hand."""
    return {
        "views": [(each, known_filters(each.filters)) for each in views],
        "unclaimed": sum(count_alerts(current_session(), caller().practice_id).values()),
        "longest_name": LONGEST_NAME,
    }


@clinic.get("/views")
@settled
def show_views() -> Response:
    """Show the caller's views, to be opened, renamed and removed."""
    return _views()


@clinic.post("/views")
@settled
def keep_view() -> Response:
    """Keep filters under a name."""
    return _put(new_id(now()), known_filters(request.form))


@clinic.post("/views/<id:view_id>")
@settled
def rename_view(view_id: str) -> Response:
    """Give a view another name, or let the worklist open with it."""
    row = current_session().get(SavedView, (caller().practice_id, view_id))
    if row is None:
        raise NotFoundError
    return _put(view_id, known_filters(row.filters))


@clinic.post("/views/<id:view_id>/remove")
@settled
def drop_view(view_id: str) -> Response:
    """Remove a view."""
    remove_view(current_session(), caller(), view_id)
    return go_to("/clinic/views")


def _put(view_id: str, filters: Mapping[str, str]) -> Response:
    named = {name: filters.get(key) for name, key in IN_ADDRESS.items()}
    try:
        sent = {"name": typed("name"), "is_default": typed("is_default") == "yes"} | named
        body = load_form(SavedViewBody(), sent)
        record = ViewRecord(name=body["name"], filters=dict(filters), is_default=body["is_default"])
        put_view(current_session(), caller(), view_id, record, require_tag=lambda _tag: None, now=now())
    except (InvalidError, ConflictError) as refused:
        current_session().rollback()
        begin(reads=False)
        return _views(status=refused.status, faults=refused.faults)
    return go_to("/clinic/views")


def _views(*, status: int = 200, faults: tuple[Fault, ...] = ()) -> Response:
    session = current_session()
    views = [(each, known_filters(each.filters)) for each in list_views(session, caller())]
    ids = {filters[WHOSE] for _, filters in views if WHOSE in filters}
    people = {each: session.get(Staff, (caller().practice_id, each)) for each in ids}
    return page(
        "views.html",
        status=status,
        faults=faults,
        views=views,
        own_id=caller().actor_id,
        names={each: person.display_name for each, person in people.items() if person is not None},
        longest_name=LONGEST_NAME,
    )
