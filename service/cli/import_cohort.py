"""`flask import`: loads a caseload file, shows how far it is, and says what became of each row."""

import contextlib
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session, sessionmaker
from tqdm import tqdm

from models.audit import ActorKind, AuditAction
from models.isolation import in_practice
from models.journal import Act, append
from service.care.cohort import Progress, import_cohort
from service.care.cohort_report import ImportReport, RowOutcome, report_body
from service.cli.context import choose_practice, clock, fail, sessions, settings
from service.errors import Fault, ServiceError

SHOWN_FAULTS = 50


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--practice", "slug", help="Slug of the practice; may be left out while there is only one.")
@click.option("--dry-run", is_flag=True, help="Read, check and compare; store nothing.")
@click.option("--report", "report_file", type=click.Path(dir_okay=False, path_type=Path), help="Write a JSON report.")
@with_appcontext
def import_file(file: Path, slug: str | None, dry_run: bool, report_file: Path | None) -> None:  # noqa: FBT001 - click's
    """Load the caseload FILE (CSV). Exit code 1 when a row was refused."""
    content, now = _read(file), clock().now()
    with sessions() as make_session:
        with make_session() as session:
            practice_id = choose_practice(session, slug).id
        try:
            with _progress_bar() as progress:
                report = import_cohort(
                    make_session, practice_id, content, now, dry_run=dry_run, progress=progress, clock=clock()
                )
        except ServiceError as error:
            fail("\n".join([error.title, *map(fault_line, error.faults)]))
        _record_comparison(make_session, practice_id, report, now)
    if report_file is not None:
        report_file.write_text(json.dumps(report_body(report), indent=2) + "\n", encoding="utf-8")
    _print_report(report)
    if report.count(RowOutcome.refused):
        sys.exit(1)


def fault_line(fault: Fault) -> str:
    """Return a fault as one line for a person."""
    place = f"line {fault.line}" + (f", {fault.column}" if fault.column else "")
    return f"{place}: expected {fault.expected}; got {fault.got}"


def _read(file: Path) -> bytes:
    longest = settings().max_import_bytes
    if file.stat().st_size > longest:
        fail(f"Expected a file of at most {longest} bytes (MAX_IMPORT_BYTES), got {file.stat().st_size}.")
    return file.read_bytes()


@contextlib.contextmanager
def _progress_bar() -> Iterator[Progress]:
    """Yield what shows progress on standard error, if a person is watching."""
    with tqdm(total=0, unit="row", file=sys.stderr, disable=None, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def _record_comparison(
    make_session: sessionmaker[Session], practice_id: str, report: ImportReport, now: datetime
) -> None:
    """Leave one audit entry that names the stored patients of whom the report tells something."""
    if not report.compared_with:
        return
    act = Act(ActorKind.command, None, AuditAction.read, "flask import", patient_ids=report.compared_with)
    with in_practice(make_session, practice_id) as session:
        append(session, practice_id, act, now)


def _print_report(report: ImportReport) -> None:
    for fault in report.faults[:SHOWN_FAULTS]:
        print(fault_line(fault))
    if len(report.faults) > SHOWN_FAULTS:
        print(f"... and {len(report.faults) - SHOWN_FAULTS} more; --report FILE has all of them")
    for row in report.rows:
        if row.outcome is RowOutcome.differs:
            print(f"line {row.line}: differs from what is stored in {', '.join(row.differing)}; nothing was changed")
    for code, count in report_body(report)["warnings"].items():
        print(f"warning: {count} x {code}")
    counts = ", ".join(f"{report.count(outcome)} {_words(outcome, report)}" for outcome in RowOutcome)
    print(f"{len(report.rows)} {'row' if len(report.rows) == 1 else 'rows'}: {counts}.")


def _words(outcome: RowOutcome, report: ImportReport) -> str:
    return "would be loaded" if outcome is RowOutcome.loaded and report.dry_run else outcome.value


COMMANDS = (import_file,)
