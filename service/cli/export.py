"""`flask export`: a practice's rows as CSV or Parquet, a file for each table."""

import os
from collections.abc import Iterable
from pathlib import Path

import click
from flask.cli import with_appcontext

from models import journal
from models.audit import ActorKind, AuditAction
from models.isolation import reading_practice
from service.care.parquet import write_parquet
from service.care.practice_export import ExportTable, exportable
from service.care.safe_csv import csv_chunks
from service.cli.context import choose_practice, clock, fail, sessions

CSV, PARQUET = "csv", "parquet"


@click.command("export")
@with_appcontext
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--practice", "slug", help="The clinic's slug; not needed while there is one clinic.")
@click.option("--table", "tables", multiple=True, type=click.Choice(sorted(exportable())), help="Without it all.")
@click.option("--format", "form", type=click.Choice([CSV, PARQUET]), default=CSV, show_default=True)
@click.option("--private", "with_private", is_flag=True, help="With private columns, such as contacts and notes.")
def export(folder: Path, slug: str | None, tables: tuple[str, ...], form: str, *, with_private: bool) -> None:
    """Write the practice's tables to a new FOLDER of files, which its owner alone may read."""
    wanted = [ExportTable(exportable()[name], with_private) for name in tables or exportable()]
    with sessions() as make_session:
        with make_session() as session:
            practice_id = choose_practice(session, slug).id
            _make(folder)
            # The trail has it before the first row leaves.
            told = set[str]().union(*(each.patient_ids(session, practice_id) for each in wanted))
            about = {"tables": sorted(each.table.name for each in wanted), "private": with_private, "format": form}
            route = "flask export tables"
            act = journal.Act(ActorKind.command, None, AuditAction.read, route, about=about, patient_ids=told)
            journal.append(session, practice_id, act, clock().now())
            session.commit()
        with reading_practice(make_session, practice_id, snapshot=True) as session:
            for each in wanted:
                file = folder / f"{each.table.name}.{form}"
                pages = each.pages(session, practice_id)
                if form == PARQUET:
                    write_parquet(file, each.header, each.cell_types, pages)
                else:
                    _write_csv(file, csv_chunks(each.header, pages))
    print(f"{len(wanted)} files in {folder}")


def _write_csv(file: Path, chunks: Iterable[str]) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", newline="") as out:
        out.writelines(chunks)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        fail(f"Expected a new folder, got one that exists: {folder}")


COMMANDS = (export,)
