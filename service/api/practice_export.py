"""A practice's own rows as CSV, one table at a time, for its admin."""

from collections.abc import Iterator
from typing import Any

from flask import Response, stream_with_context
from marshmallow import Schema, fields, validate

from models.engine import make_session_factory
from models.isolation import reading_practice
from service.api.resource import Resource
from service.api.scope import caller, now, scope, show
from service.care.practice_export import ExportTable, exportable
from service.care.safe_csv import MEDIA_TYPE, csv_chunks
from service.db import current_session, db
from service.errors import NotFoundError
from service.identity.sessions import require_fresh

practice_export = Resource("practice export", "All rows of a practice's patients, table by table, as CSV.")


class TableQuery(Schema):
    """Whether with private columns."""

    private = fields.String(
        load_default="false",
        validate=validate.OneOf(("true", "false")),
        metadata={
            "description": "`true`: with private columns, such as contacts and notes, as plain text.",
            "expected": "true or false",
        },
    )


@practice_export.get("/practice/tables/<id:table>")
@practice_export.arguments(TableQuery, location="query")
@practice_export.response(200, content_type="text/csv", description="The table, its header first (RFC 4180).")
def export_table(query: dict[str, Any], table: str) -> Any:
    """Return one table of the practice as CSV, streamed. For its admin, in a session with a fresh second factor.

    `table` is one that an export has by docs/privacy.md. Text that a spreadsheet could take for a formula has an
    apostrophe in front. 403 `step_up_required`.
    """
    return table_answer(table, with_private=query["private"] == "true")


def table_answer(table: str, *, with_private: bool) -> Response:
    """Return a table as the answer to the present request, streamed, with its patients in the audit entry.

    Raises StepUpError without a fresh second factor, NotFoundError for a table that no export has.
    """
    require_fresh(caller(), now())
    if table not in exportable():
        raise NotFoundError
    wanted = ExportTable(exportable()[table], with_private=with_private)
    show(*wanted.patient_ids(current_session(), caller().practice_id))
    scope().about.update(table=table, private=str(with_private).lower())
    answer = Response(stream_with_context(_chunks(wanted, caller().practice_id)), content_type=MEDIA_TYPE)
    answer.headers["Content-Disposition"] = f'attachment; filename="{table}.csv"'
    return answer


def _chunks(wanted: ExportTable, practice_id: str) -> Iterator[str]:
    """Yield the file in a transaction of its own, which sees the database at one moment."""
    with reading_practice(make_session_factory(db.engine), practice_id, snapshot=True) as session:
        yield from csv_chunks(wanted.header, wanted.pages(session, practice_id))
