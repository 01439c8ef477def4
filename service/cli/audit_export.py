"""`flask audit export`: hands out the audit trail as FHIR resources, a line each. The export is in the trail itself."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson
from flask.cli import with_appcontext
from sqlalchemy.orm import Session, sessionmaker

from models import Practice, journal
from models.audit import ActorKind, AuditAction
from models.ids import first_id_at
from models.isolation import in_practice
from schedules.watch.trail_rows import read_entries
from service.care.audit_events import audit_event
from service.cli.audit import INSTANT, audit, practices_of
from service.cli.context import clock, fail, sessions

FHIR_NDJSON = "fhir-ndjson"


@audit.command("export")
@click.argument("file", type=click.Path(path_type=Path, exists=False))
@click.option("--format", "form", type=click.Choice([FHIR_NDJSON]), default=FHIR_NDJSON, help="AuditEvent of FHIR R4.")
@click.option("--practice", "slug", help="The clinic's slug; without it every clinic's trail is exported.")
@click.option("--since", type=INSTANT, help="Entries from here on (UTC).")
@click.option("--until", type=INSTANT, help="Entries to before here (UTC); without it to now.")
@with_appcontext
def export(file: Path, form: str, slug: str | None, since: datetime | None, until: datetime | None) -> None:
    """Write the entries of the audit trail to a new FILE, which its owner alone may read. Holds ids, no name."""
    first = "" if since is None else first_id_at(since.replace(tzinfo=UTC))
    last = first_id_at(clock().now() if until is None else until.replace(tzinfo=UTC))
    if first >= last:
        fail("Expected --since to lie before --until, or before now.")
    with sessions() as make_session:
        practices = practices_of(make_session, slug)
        try:
            written = _write(file, _lines(make_session, practices, first, last))
        except FileExistsError:
            fail(f"Expected a new file, got one that exists: {file}")
    print(f"{written} entries in {file}, as {form}")


def _record(make_session: sessionmaker[Session], practice: Practice, first: str, last: str) -> None:
    """Enter the export, with everybody whom it names, before anything is handed out."""
    named: set[str] = set()
    entries = 0
    for entry in read_entries(make_session, practice.id, since=first, until=last):
        named.update(entry.patient_ids)
        entries += 1
    act = journal.Act(
        ActorKind.command, None, AuditAction.read, "flask audit export", None, {"entries": entries}, named
    )
    with in_practice(make_session, practice.id) as session:
        journal.append(session, practice.id, act, clock().now())


def _lines(make_session: sessionmaker[Session], practices: list[Practice], first: str, last: str) -> Iterator[Any]:
    for practice in practices:
        _record(make_session, practice, first, last)
        for entry in read_entries(make_session, practice.id, since=first, until=last):
            try:
                yield audit_event(entry.columns or {"action": None}, entry.patient_ids)
            except ValueError:
                fail(f"Entry {entry.id} was changed and cannot be read: flask audit verify --practice {practice.slug}")


def _write(file: Path, resources: Iterator[Any]) -> int:
    """Write a line each and return how many. What is not whole does not stay. Raises FileExistsError."""
    written = 0
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        try:
            for resource in resources:
                out.write(orjson.dumps(resource) + b"\n")
                written += 1
        except BaseException:
            file.unlink()
            raise
    return written


COMMANDS = ()  # it stands in the group of `audit`
