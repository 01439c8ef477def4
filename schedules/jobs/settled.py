"""Removes what staff have settled long ago: conflicts that are closed, and refused rows that are done.

Neither is part of a patient's record: the record holds what stands, and former versions hold what stood before; both
stay. These are words that never stood, on which a member of staff has decided. What nobody has settled stays for ever.
"""

from datetime import datetime, timedelta

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import InstrumentedAttribute, Session, sessionmaker

from models.isolation import in_practice, reading_practice
from models.merging import RefusedRow, SyncConflict
from schedules.jobs.practices import for_each, practice_ids

REMOVED_AT_ONCE = 500
MOST_BATCHES = 10  # of a practice and a kind at one turn: what is left has the next turn
Settled = type[SyncConflict] | type[RefusedRow]
_SETTLED_AT: dict[Settled, InstrumentedAttribute[datetime | None]] = {
    SyncConflict: SyncConflict.resolved_at,
    RefusedRow: RefusedRow.done_at,
}


def remove_settled(make_session: sessionmaker[Session], now: datetime, kept_for: timedelta) -> None:
    """Remove what was settled `kept_for` ago or earlier, a bounded number of each practice.

    Nothing is written where nothing is old.
    """

    def remove(practice_id: str) -> None:
        for model in _SETTLED_AT:
            old = _old(model, practice_id, now - kept_for)
            is_any_left = _is_any(make_session, practice_id, old)
            for _ in range(MOST_BATCHES):
                if not is_any_left:
                    break
                with in_practice(make_session, practice_id) as session:
                    is_any_left = _remove_batch(session, model, practice_id, old) == REMOVED_AT_ONCE

    for_each(practice_ids(make_session), remove)


def _old(model: Settled, practice_id: str, until: datetime) -> Select[str]:
    return select(model.id).where(model.practice_id == practice_id, _SETTLED_AT[model] <= until)


def _is_any(make_session: sessionmaker[Session], practice_id: str, old: Select[str]) -> bool:
    with reading_practice(make_session, practice_id) as session:
        return session.scalars(old.limit(1)).one_or_none() is not None


def _remove_batch(session: Session, model: Settled, practice_id: str, old: Select[str]) -> int:
    """Remove some and return how many. What another worker removes is passed by."""
    batch = old.order_by(_SETTLED_AT[model]).limit(REMOVED_AT_ONCE)
    ids = session.scalars(batch.with_for_update(skip_locked=True)).all()
    session.execute(delete(model).where(model.practice_id == practice_id, model.id.in_(ids)))
    return len(ids)
