"""Binds new audit entries into their practice's chain."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, exists, select, true
from sqlalchemy.orm import Session, sessionmaker

from models import journal
from models.audit import AuditEntry, AuditSeal
from models.base import table_of
from models.isolation import in_practice, reading_practice
from models.practice import Practice
from models.sets import insert_rows
from models.statistics import look_up_by_key
from schedules.jobs.practices import for_each, practice_ids

SEALED_AT_ONCE = 500
LATEST_COMMIT = timedelta(hours=1)  # an entry that is committed later after the time that it bears is missed at first
_Which = Callable[[AuditSeal | None], ColumnElement[bool]]  # of the unsealed entries, by the chain's last link


def seal_audit(make_session: sessionmaker[Session], now: datetime) -> None:
    """Bind new audit entries into their practice's chain, so that none can be changed or taken away unnoticed."""
    for_each(practice_ids(make_session), lambda practice_id: _seal_all(make_session, practice_id, now, _recent))


def seal_missed(make_session: sessionmaker[Session], now: datetime) -> None:
    """Seal what `seal_audit` does not look for: entries that bear an older time, as after a clock was set back."""

    def seal(practice_id: str) -> None:
        with reading_practice(make_session, practice_id) as session:
            is_any_left = session.execute(_unsealed(practice_id).limit(1)).one_or_none() is not None
        if is_any_left:
            _seal_all(make_session, practice_id, now, _whenever)

    for_each(practice_ids(make_session), seal)


def _seal_all(make_session: sessionmaker[Session], practice_id: str, now: datetime, which: _Which) -> None:
    full = True
    while full:
        with in_practice(make_session, practice_id) as session:
            practice = _lock_practice(session, practice_id)
            full = practice is not None and _seal_batch(session, practice_id, now, which) == SEALED_AT_ONCE


def _lock_practice(session: Session, practice_id: str) -> Practice | None:
    """Return the practice, locked for one worker's job; None if another worker is at the same job."""
    query = select(Practice).where(Practice.id == practice_id).with_for_update(key_share=True, skip_locked=True)
    return session.scalars(query).one_or_none()


def _seal_batch(session: Session, practice_id: str, now: datetime, which: _Which) -> int:
    """Add the practice's next links to its chain and return how many."""
    look_up_by_key(session)
    newest = select(AuditSeal).where(AuditSeal.practice_id == practice_id).order_by(AuditSeal.sequence.desc()).limit(1)
    last = session.scalars(newest).one_or_none()
    sequence, digest = (last.sequence, last.digest) if last is not None else (0, b"")
    links = []
    for entry_id, mac in session.execute(_unsealed(practice_id).where(which(last)).limit(SEALED_AT_ONCE)).all():
        sequence += 1
        digest = journal.link(digest, sequence, mac, now)
        entry = {"practice_id": practice_id, "sequence": sequence, "entry_id": entry_id}
        links.append({**entry, "digest": digest, "sealed_at": now})
    insert_rows(session.connection(), table_of(AuditSeal), links)
    return len(links)


def _unsealed(practice_id: str) -> Select[str, bytes]:
    sealed = exists().where(AuditSeal.practice_id == AuditEntry.practice_id, AuditSeal.entry_id == AuditEntry.id)
    query = select(AuditEntry.id, AuditEntry.mac).where(AuditEntry.practice_id == practice_id, ~sealed)
    return query.order_by(AuditEntry.happened_at, AuditEntry.id)


def _recent(last: AuditSeal | None) -> ColumnElement[bool]:
    """Return the condition that an entry can be new since the last link: the chain's whole past is not looked at."""
    return true() if last is None else AuditEntry.happened_at >= last.sealed_at - LATEST_COMMIT


def _whenever(_last: AuditSeal | None) -> ColumnElement[bool]:
    return true()
