"""Removes what is past its term, a batch at a time: whoever is stopped has left nothing half done."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session, sessionmaker

from models import journal
from models.audit import ActorKind, AuditAction
from models.isolation import in_practice, reading_practice
from schedules.keeping.terms import KINDS, Kind, Terms

REMOVED_AT_ONCE = 500
ROUTE = "retention"


def remove_batch(
    make_session: sessionmaker[Session], practice_id: str, terms: Terms, now: datetime, *, actor: ActorKind
) -> dict[str, int]:
    """Remove some rows of each kind that a practice has past its term, and return how many. Empty: none is left.

    Each kind is a transaction of its own, with its entry in the audit trail. Nothing is written where nothing is old.
    """
    removed = {}
    for kind in KINDS:
        if not kind.often and _is_any(make_session, practice_id, kind, terms, now):
            with in_practice(make_session, practice_id) as session:
                count = _remove(session, practice_id, kind, terms, now)
                if count:
                    about = {"removed": {kind.name: count}}
                    act = journal.Act(actor, None, AuditAction.write, ROUTE, about=about)
                    journal.append(session, practice_id, act, now)
                    removed[kind.name] = count
    return removed


def _is_any(make_session: sessionmaker[Session], practice_id: str, kind: Kind, terms: Terms, now: datetime) -> bool:
    with reading_practice(make_session, practice_id) as session:
        return session.scalars(kind.past(practice_id, terms, now).limit(1)).one_or_none() is not None


def _remove(session: Session, practice_id: str, kind: Kind, terms: Terms, now: datetime) -> int:
    """Remove some and return how many. What another worker removes is passed by."""
    batch = kind.past(practice_id, terms, now).order_by(kind.model.id).limit(REMOVED_AT_ONCE)
    ids = session.scalars(batch.with_for_update(skip_locked=True, of=kind.model)).all()
    table = kind.model.__table__
    session.execute(delete(table).where(table.c.practice_id == practice_id, table.c.id.in_(ids)))
    return len(ids)
