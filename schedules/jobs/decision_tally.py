"""Counts decisions by kind, reason and channel, each exactly once, whoever wrote it, without touching their writers."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, sessionmaker

from models.ids import first_id_at
from models.isolation import in_practice, reading_practice
from models.reminder import Decision
from models.watch import DecisionTally, TallyMark
from schedules.jobs.practices import for_each, practice_ids

# A decision's id bears the time of its making, and is seen once its transaction commits. A minute covers both: the
# longest transaction (PostgreSQL's limits end one that waits or idles within seconds; a patient's import takes less
# than one), and a web server's clock that differs from the database's. What commits later still is never counted.
COMMITTED_WITHIN = timedelta(seconds=60)
COUNTED_AT_ONCE = 5_000  # rows that one transaction counts
_Counts = Iterable[tuple[str, str | None, str | None, int]]


def tally(make_session: sessionmaker[Session], now: datetime) -> None:
    """Count what was decided since the last count. Of several workers one counts a practice, the others pass it by."""
    before = first_id_at(now - COMMITTED_WITHIN)

    def count(practice_id: str) -> None:
        full = _is_anything_new(make_session, practice_id, before)
        while full:
            with in_practice(make_session, practice_id) as session:
                full = count_batch(session, practice_id, before)

    for_each(practice_ids(make_session), count)


def count_batch(session: Session, practice_id: str, before: str) -> bool:
    """Count the practice's next decisions whose ids sort before `before`. Return whether there may be more."""
    mark = _lock_mark(session, practice_id)
    if mark is None:
        return False
    newest = session.scalars(_ids_after(mark.decision_id, practice_id, before).limit(COUNTED_AT_ONCE)).all()
    if not newest:
        return False
    of_batch = (
        Decision.practice_id == practice_id,
        Decision.id > mark.decision_id,
        Decision.id <= newest[-1],
    )
    _add(session, practice_id, _grouped(session, of_batch))
    mark.decision_id = newest[-1]
    return len(newest) == COUNTED_AT_ONCE


def _is_anything_new(make_session: sessionmaker[Session], practice_id: str, before: str) -> bool:
    """Look first without a lock: most of the time nothing was decided, and SQLite has one writer."""
    with reading_practice(make_session, practice_id) as session:
        mark = session.get(TallyMark, practice_id)
        last = "" if mark is None else mark.decision_id
        return session.scalars(_ids_after(last, practice_id, before).limit(1)).one_or_none() is not None


def _ids_after(last: str, practice_id: str, before: str) -> Select[str]:
    query = select(Decision.id).where(Decision.practice_id == practice_id, Decision.id > last, Decision.id < before)
    return query.order_by(Decision.id)


def _lock_mark(session: Session, practice_id: str) -> TallyMark | None:
    """Return the practice's mark, locked; None if another worker is counting."""
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    new = make(TallyMark).values(practice_id=practice_id, decision_id="").on_conflict_do_nothing()
    if session.get(TallyMark, practice_id) is None:
        session.execute(new)
    query = select(TallyMark).where(TallyMark.practice_id == practice_id).with_for_update(skip_locked=True)
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def _grouped(session: Session, which: Iterable[ColumnElement[bool]]) -> _Counts:
    words = (Decision.kind, Decision.reason, Decision.channel)
    return session.execute(select(*words, func.count()).where(*which).group_by(*words)).all()


def _add(session: Session, practice_id: str, counts: _Counts) -> None:
    for kind, reason, channel, count in counts:
        key = (practice_id, str(kind), reason or "", "" if channel is None else str(channel))
        row = session.get(DecisionTally, key)
        if row is None:
            names = ("practice_id", "kind", "reason", "channel")
            session.add(DecisionTally(**dict(zip(names, key, strict=True)), count=count))
        else:
            row.count += count
