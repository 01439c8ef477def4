"""Time to a milestone of 20,000 surgeries, beside the bare SQL that it is counted from.

Run with `.venv/bin/python -m tests.bench.bench_outcomes`. Ours reads the rows, decides who is at risk and for how long,
computes both curves with their limits and the log-rank test. The bare half sends the very statements with their
parameters to the driver and fetches every row. Both take turns; the median of the rounds stands.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from models import CheckIn, Episode, Milestone, MilestoneProgress, Patient, Practice, Surgery
from models.base import Synced
from models.engine import make_engine, make_session_factory
from schedules.plan.vocabulary import ApproachClass, Procedure
from service.care.outcomes import Measured, MilestoneOutcome, Smallest, view_milestone_outcome
from tests import builders
from tests.bench.children import leave_nothing_behind
from tests.bench.stored import copy_rows, settle
from tests.database import KINDS, Databases, owner_url_of
from tests.outcomes.courses import course, hear, reach

SURGERIES, ORIGINALS, ROUNDS = 20_000, 40, 7
TODAY = date(2026, 3, 2)
_COPIED: tuple[type[Synced], ...] = (Patient, Episode, Surgery, Milestone, MilestoneProgress, CheckIn)
_NUMBERED = ("id", "mrn", "patient_id", "episode_id", "surgery_id")
Statement = tuple[str, Any]


def store(url: str, surgeries: int = SURGERIES) -> str:
    """Store so many courses, half of each class; three in four reached the milestone. Return the practice's id."""
    engine = make_engine(owner_url_of(url), unhurried=True)
    with make_session_factory(engine)() as session:
        practice = builders.practice(session)
        for number in range(ORIGINALS):
            of_class = ApproachClass.miss if number % 2 else ApproachClass.open
            milestone = course(session, practice, approach_class=of_class)
            for day in (2, 9, 12 + number):
                hear(session, milestone, day)
            if number % 4:
                reach(session, milestone, 10 + number)
        session.commit()
        for model in _COPIED:
            numbered = {name: f"original.{name} || '-' || many.number" for name in _NUMBERED}
            copy_rows(session.connection(), model, {"practice_id": practice.id}, surgeries // ORIGINALS - 1, numbered)
        if session.connection().dialect.name == "postgresql":
            session.execute(text("ANALYZE"))  # else foreign keys are looked up as if the tables had a row each
        session.commit()
        practice_id = practice.id
    settle(engine)
    engine.dispose()
    return practice_id


def ours(session: Session, practice: Practice) -> MilestoneOutcome:
    """Return the outcome of driving after TLIF."""
    smallest = Smallest(group=20, cell=5)
    return view_milestone_outcome(
        session, practice, procedure=Procedure.tlif, kind=Measured.drive, today=TODAY, smallest=smallest
    )


def statements_of(engine: Engine, work: Callable[[], object]) -> list[Statement]:
    """Return what `work` sends to the driver."""
    seen: list[Statement] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    work()
    event.remove(engine, "before_cursor_execute", note)
    return seen


def bare(session: Session, statements: list[Statement]) -> int:
    """Run statements by the driver alone. Return how many rows came."""
    rows = 0
    for statement, parameters in statements:
        cursor = session.connection().connection.cursor()
        cursor.execute(statement, parameters)
        rows += len(cursor.fetchall())
        cursor.close()
    return rows


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    start = perf_counter()
    work()
    return perf_counter() - start


def compare(url: str, kind: str, surgeries: int = SURGERIES, rounds: int = ROUNDS) -> str:
    """Return the line of one kind of database."""
    practice_id = store(url, surgeries)
    engine = make_engine(owner_url_of(url), unhurried=True)
    with make_session_factory(engine)() as session:
        practice = session.get_one(Practice, practice_id)
        statements = statements_of(engine, lambda: ours(session, practice))
        outcome, rows = ours(session, practice), bare(session, statements)
        assert sum(group.count or 0 for group in outcome.groups) == surgeries
        both = [(seconds(lambda: ours(session, practice)), seconds(lambda: bare(session, statements)))
                for _ in range(rounds)]  # fmt: skip
    engine.dispose()
    mine, theirs = (median(each) for each in zip(*both, strict=True))
    told = f"{surgeries:,} surgeries: {mine * 1e3:.0f} ms, {theirs * 1e3:.0f} for the bare {rows:,} rows"
    return f"outcomes_{kind}: ratio {mine / theirs:.2f} ({told})"


def lines(databases: Databases) -> Iterator[str]:
    """Yield the line of each kind of database."""
    for kind in KINDS:
        with databases.migrated(kind) as url:
            yield compare(url, kind)


def main() -> None:
    """Print the lines."""
    leave_nothing_behind()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        for line in lines(Databases(Path(folder), stack, durable=True)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
