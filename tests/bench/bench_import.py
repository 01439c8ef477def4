"""What importing a caseload costs, as a ratio to bare INSERTs of the very same rows in the same process.

Run with `.venv/bin/python -m tests.bench.bench_import`; prints one line, and under it where the time goes.
"""

import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

from models import Base
from models.engine import make_engine, make_session_factory
from models.migrate import upgrade
from schedules.plan.build import PatientFacts, Stage, build_plan
from schedules.plan.library import load_library
from schedules.plan.reminders import ReminderPrefs, StageMessages, plan_reminders
from schedules.plan.vocabulary import SurgeryStatus
from service.care.cohort import import_cohort
from service.care.cohort_file import read_rows
from service.care.cohort_rows import CohortRow, judge_rows
from service.care.enrol import protocol_for
from service.cli.demo import FILE
from tests import builders

ROUNDS = 5
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
CLINIC_ZONE = ZoneInfo("America/New_York")


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds of one round. `bare` is one transaction; `commits` is what as many as patients add to it."""

    imported: float
    bare: float
    commits: float
    read: float
    planned: float
    rows: int
    patients: int


def main() -> None:
    """Print the median ratio of rounds that take turns, and the parts of the import."""
    load_library()
    with tempfile.TemporaryDirectory() as folder:
        rounds = [_round(Path(folder) / str(number)) for number in range(ROUNDS)]
    ratio = median(each.imported / each.bare for each in rounds)
    first = rounds[0]
    print(
        f"import_cohort: ratio {ratio:.1f} ({_median(rounds, 'imported'):.1f} s for {first.patients} patients, "
        f"{_median(rounds, 'imported') / first.rows * 1e6:.0f} us a row of {first.rows}, {ROUNDS} rounds)"
    )
    parts = {name: _median(rounds, name) for name in ("read", "planned", "bare", "commits")}
    rest = _median(rounds, "imported") - sum(parts.values())
    print(
        f"  of which reading and judging the file {parts['read']:.2f} s, the plans themselves "
        f"{parts['planned']:.2f} s, bare INSERTs {parts['bare']:.2f} s, "
        f"a transaction a patient {parts['commits']:.2f} s more, "
        f"the rest (rows as objects, look-ups, stamps, audit) {rest:.2f} s"
    )


def _median(rounds: list[Round], name: str) -> float:
    return float(median(getattr(each, name) for each in rounds))


def _round(folder: Path) -> Round:
    folder.mkdir()
    content = FILE.read_bytes()
    source = f"sqlite:///{folder}/imported.sqlite3"
    upgrade(source)
    engine = make_engine(source)
    make_session = make_session_factory(engine)
    with make_session() as session:
        practice_id = builders.practice(session).id
        session.commit()
    start = perf_counter()
    import_cohort(make_session, practice_id, content, NOW, dry_run=False)
    imported = perf_counter() - start
    engine.dispose()
    tables = _stored_rows(folder / "imported.sqlite3")
    bare = _insert(folder / "bare.sqlite3", tables, commits=1)
    patients = len(tables["patient"][1])
    by_patient = _insert(folder / "by_patient.sqlite3", tables, commits=patients)
    library = load_library()
    judged = _timed(lambda: judge_rows(read_rows(content), today=NOW.date(), country="US", library=library)[0])
    read, good = judged
    planned, _ = _timed(lambda: [_plan(row) for row in good])
    rows = sum(len(stored) for _, stored in tables.values())
    return Round(imported, bare, max(by_patient - bare, 0.0), read, planned, rows, patients)


def _timed(work: Any) -> tuple[float, Any]:
    start = perf_counter()
    result = work()
    return perf_counter() - start, result


def _plan(row: CohortRow) -> object:
    """Return the plan and reminders of a row by the pure functions alone."""
    if row.surgery.status is SurgeryStatus.cancelled:
        return None
    protocol = protocol_for(row.surgery, load_library())
    stage = Stage(1, protocol, row.surgery.surgery_on, row.surgery.status, row.surgery.setting)
    plan = build_plan([stage], PatientFacts(work_class=row.patient.work_class), enrolled_on=NOW.date())
    prefs = ReminderPrefs(ZoneInfo(row.patient.time_zone), CLINIC_ZONE)
    return plan_reminders(plan, {1: StageMessages(protocol.reminders, NOW)}, prefs)


Tables = dict[str, tuple[str, list[tuple[Any, ...]]]]


def _stored_rows(file: Path) -> Tables:
    """Return the INSERT and the rows of each table, as the driver gives them, parents first."""
    with closing(sqlite3.connect(file)) as connection:
        return {
            table.name: (
                f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})",
                connection.execute(f"SELECT * FROM {table.name}").fetchall(),
            )
            for table in Base.metadata.sorted_tables
        }


def _insert(file: Path, tables: Tables, *, commits: int) -> float:
    """Return the seconds that bare INSERTs take on a database of the same settings, in that many equal transactions."""
    upgrade(f"sqlite:///{file}")
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        # Equal parts do not end where a patient does, so only one transaction for all can have its keys checked.
        for pragma in ("synchronous=FULL", f"foreign_keys={'ON' if commits == 1 else 'OFF'}"):
            connection.execute(f"PRAGMA {pragma}")
        start = perf_counter()
        for number in range(commits):
            connection.execute("BEGIN IMMEDIATE")
            for statement, rows in tables.values():
                part = slice(len(rows) * number // commits, len(rows) * (number + 1) // commits)
                connection.executemany(statement, rows[part])
            connection.execute("COMMIT")
        return perf_counter() - start


if __name__ == "__main__":
    main()
