"""A practice's own rows as CSV or Parquet, one table at a time, for its admin."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Response, send_file, stream_with_context
from marshmallow import Schema, fields, validate

from models.engine import make_session_factory
from models.isolation import reading_practice
from service.api.resource import Resource
from service.api.scope import caller, now, scope, show
from service.care.parquet import MEDIA_TYPE as PARQUET
from service.care.parquet import write_parquet
from service.care.practice_export import ExportTable, exportable
from service.care.safe_csv import MEDIA_TYPE, csv_chunks
from service.db import current_session, db
from service.errors import NotFoundError
from service.identity.sessions import require_fresh

practice_export = Resource("practice export", "All rows of a practice's patients, table by table.")


class TableQuery(Schema):
    """In what form, and whether with private columns."""

    format = fields.String(
        load_default="csv",
        validate=validate.OneOf(("csv", "parquet")),
        metadata={
            "description": "`csv`, or `parquet`, which keeps the type of each column.",
            "expected": "csv or parquet",
        },
    )

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
@practice_export.response(200, content_type="text/csv", description="The table; as CSV its header first (RFC 4180).")
@practice_export.doc(responses={200: {"content": {PARQUET: {"schema": {"type": "string", "format": "binary"}}}}})
def export_table(query: dict[str, Any], table: str) -> Any:
    """Return one table of the practice, streamed. For its admin, in a session with a fresh second factor.

    `table` is one that an export has by docs/privacy.md. In CSV, text that a spreadsheet could take for a formula has
    an apostrophe in front. 403 `step_up_required`.
    """
    require_fresh(caller(), now())
    if table not in exportable():
        raise NotFoundError
    wanted = ExportTable(exportable()[table], with_private=query["private"] == "true")
    show(*wanted.patient_ids(current_session(), caller().practice_id))
    scope().about.update(table=table, private=query["private"], format=query["format"])
    if query["format"] == "parquet":
        return _parquet(wanted, caller().practice_id)
    answer = Response(stream_with_context(_chunks(wanted, caller().practice_id)), content_type=MEDIA_TYPE)
    answer.headers["Content-Disposition"] = f'attachment; filename="{table}.csv"'
    return answer


def _parquet(wanted: ExportTable, practice_id: str) -> Response:
    """Return the file, of which nothing is left in its folder when it is sent."""
    name = f"{wanted.table.name}.parquet"
    with (
        tempfile.TemporaryDirectory() as folder,
        reading_practice(make_session_factory(db.engine), practice_id, snapshot=True) as session,
    ):
        file = Path(folder) / name
        write_parquet(file, wanted.header, wanted.cell_types, wanted.pages(session, practice_id))
        return send_file(file.open("rb"), mimetype=PARQUET, as_attachment=True, download_name=name)


def _chunks(wanted: ExportTable, practice_id: str) -> Iterator[str]:
    """Yield the file in a transaction of its own, which sees the database at one moment."""
    with reading_practice(make_session_factory(db.engine), practice_id, snapshot=True) as session:
        yield from csv_chunks(wanted.header, wanted.pages(session, practice_id))
