"""Views of the worklist that the caller keeps: filters and an order under a name. Nobody else sees them."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, fields

from models import SavedView
from schedules.plan.vocabulary import ApproachClass, Procedure
from service.api import examples_saved_views as examples
from service.api.etags import refuse_match_of_nothing, require_tag
from service.api.fields import Flag, Id, Text, Word
from service.api.resource import Resource
from service.api.scope import caller, now
from service.care.saved_views import (
    LONGEST_NAME,
    WHOSE,
    ViewRecord,
    list_views,
    put_view,
    remove_view,
    tag_of,
)
from service.dashboard.worklist import Sort
from service.dashboard.worklist_reasons import Why
from service.db import current_session

saved_views = Resource("worklist views", "Filters of the worklist that the caller keeps under names of their own.")
# What the worklist's address calls each of them.
IN_ADDRESS = {
    "why": "why",
    "procedure": "procedure",
    "approach_class": "class",
    "coordinator_id": "of",
    "sort": "sort",
}
_WORDS: Final = {"why": Why, "procedure": Procedure, "class": ApproachClass, "sort": Sort}


class SavedViewBody(Schema):
    """A view: null asks for nothing. `is_default`: the caller's worklist opens with it, and with no other one."""

    name = Text(LONGEST_NAME, "a name of the caller's own", required=True)
    why = Word(Why, load_default=None, allow_none=True)
    procedure = Word(Procedure, load_default=None, allow_none=True)
    approach_class = Word(ApproachClass, load_default=None, allow_none=True)
    coordinator_id = Id(load_default=None, allow_none=True)
    sort = Word(Sort, load_default=None, allow_none=True)
    is_default = Flag(load_default=False)


class SavedViewView(Schema):
    """A stored view."""

    id = Id(required=True)
    name = Text(LONGEST_NAME, "a name of the caller's own", required=True)
    why = Word(Why, required=True, allow_none=True)
    procedure = Word(Procedure, required=True, allow_none=True)
    approach_class = Word(ApproachClass, required=True, allow_none=True)
    coordinator_id = Id(required=True, allow_none=True)
    sort = Word(Sort, required=True, allow_none=True)
    is_default = fields.Boolean(required=True)


class SavedViewsView(Schema):
    """The caller's views, the earliest first."""

    items = fields.List(fields.Nested(SavedViewView), required=True)


@saved_views.get("/me/worklist-views")
@saved_views.response(200, SavedViewsView, example=examples.VIEWS)
def list_saved_views() -> Any:
    """Return the caller's views of the worklist."""
    return {"items": [_told(row) for row in list_views(current_session(), caller())]}


@saved_views.put("/me/worklist-views/<id:view_id>")
@saved_views.tagged(200, 201, needs_match=True)
@saved_views.arguments(SavedViewBody, example=examples.BODY)
@saved_views.response(200, SavedViewView, example=examples.VIEW)
@saved_views.alt_response(201, schema=SavedViewView, success=True)
def store_saved_view(body: dict[str, Any], view_id: str) -> Any:
    """Store a view under your own id. 409: another view has that name, or there are twenty."""
    filters = {IN_ADDRESS[name]: str(body[name]) for name in IN_ADDRESS if body[name] is not None}
    record = ViewRecord(name=body["name"], filters=filters, is_default=body["is_default"])
    row, is_new = put_view(current_session(), caller(), view_id, record, require_tag=require_tag, now=now())
    if is_new:
        refuse_match_of_nothing()
    return _told(row), 201 if is_new else 200, {"ETag": f'"{tag_of(row)}"'}


@saved_views.delete("/me/worklist-views/<id:view_id>")
@saved_views.response(204)
def delete_saved_view(view_id: str) -> Any:
    """Remove a view."""
    remove_view(current_session(), caller(), view_id)
    return ""


def known_filters(filters: Mapping[str, str]) -> dict[str, str]:
    """Return those of the filters that the worklist knows. What it cannot ask for counts as nothing."""
    return {
        name: filters[name]
        for name in IN_ADDRESS.values()
        if filters.get(name) and (name == WHOSE or filters[name] in list(_WORDS[name]))
    }


def _told(row: SavedView) -> dict[str, Any]:
    known = known_filters(row.filters)
    filters = {name: known.get(key) for name, key in IN_ADDRESS.items()}
    return filters | {"id": row.id, "name": row.name, "is_default": row.is_default}
