"""Records that may be of one person, for people to look at. Nothing is done by itself."""

from typing import Any

from marshmallow import Schema, fields

from service.api import examples_privacy as examples
from service.api.fields import Id, Word
from service.api.resource import Resource
from service.api.scope import caller, show
from service.care.doubles import Ground, find_doubles
from service.db import current_session

doubles = Resource("doubles", "Pairs of records that may be of one person.")


class DoubleView(Schema):
    """Two records and why they may be of one person. Families share birthdays, addresses and numbers too."""

    patient_ids = fields.List(Id(), required=True)
    grounds = fields.List(Word(Ground), required=True)


class DoubleList(Schema):
    """The likeliest pairs. `has_more`: there are others than these."""

    items = fields.List(fields.Nested(DoubleView), required=True)
    has_more = fields.Boolean(required=True)


@doubles.get("/likely-doubles")
@doubles.response(200, DoubleList, example=examples.DOUBLES)
def list_likely_doubles() -> Any:
    """List pairs of records that may be of one person: born on one day with nearly one name, or reached alike."""
    found = find_doubles(current_session(), caller().practice_id)
    show(*sorted({each for double in found.pairs for each in double.patient_ids}))
    return {"items": found.pairs, "has_more": found.has_more}
