"""Import of a caseload: the same file as `flask import` takes, as the body of a request."""

from typing import Any

from flask import request
from marshmallow import Schema, ValidationError, fields

from models.engine import make_session_factory
from service.api import examples
from service.api.parsing import require_type
from service.api.resource import Resource
from service.api.scope import caller, now, route_of, scope, show
from service.care.cohort import import_cohort
from service.care.cohort_report import RowOutcome, report_body
from service.care.cohort_store import Importer
from service.db import current_session, db

imports = Resource("import", "A clinic's caseload as a file.")


class QueryFlag(fields.Boolean):
    """True or false in a query."""

    def __init__(self, expected: str, **options: Any) -> None:
        super().__init__(metadata={"description": f"{expected}.", "expected": "true or false"}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if value not in ("true", "false"):
            raise ValidationError("boolean")
        return bool(value == "true")


class ImportQuery(Schema):
    """Whether anything is stored."""

    dry_run = QueryFlag("Check and compare only; store nothing", load_default=False)


class CellFault(Schema):
    """What is wrong with a row. `got` repeats codes, numbers and dates only."""

    line = fields.Integer(allow_none=True)
    column = fields.String(allow_none=True)
    expected = fields.String(required=True)
    got = fields.String(required=True)


class RowWarning(Schema):
    """What was understood otherwise than it stands."""

    code = fields.String(required=True)
    column = fields.String(allow_none=True)
    text = fields.String()


class RowResult(Schema):
    """What became of one row, by the line on which it begins. `differs` names columns that are stored otherwise."""

    line = fields.Integer(required=True)
    outcome = fields.String(required=True, metadata={"enum": [outcome.value for outcome in RowOutcome]})
    errors = fields.List(fields.Nested(CellFault))
    warnings = fields.List(fields.Nested(RowWarning))
    differs = fields.List(fields.String())


class ImportResult(Schema):
    """What became of a file: counts by outcome, then each row."""

    dry_run = fields.Boolean(required=True)
    rows = fields.Integer(required=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    warnings = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    results = fields.List(fields.Nested(RowResult), required=True)


@imports.post("/import")
@imports.arguments(ImportQuery, location="query")
@imports.response(200, ImportResult)
@imports.doc(
    requestBody={
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string"}, "example": examples.CASELOAD}},
    }
)
def import_caseload(query: dict[str, Any]) -> Any:
    """Load a caseload: one row a surgery, columns as `docs/import.md` lists them.

    A bad row is refused alone, each patient's good rows load together. Sending a file twice loads it once.
    """
    require_type(request, "text/csv")
    who, content = caller(), request.get_data(cache=True)
    # Every patient has a transaction of its own, which on SQLite would wait for this one.
    current_session().rollback()
    importer = Importer(who.actor_kind, who.actor_id, route_of())
    factory = make_session_factory(db.engine)
    report = import_cohort(factory, who.practice_id, content, now(), importer=importer, clock=scope().clock, **query)
    show(*report.compared_with)
    scope().is_whole = not report.was_interrupted
    return report_body(report)
