"""Reads the audit trail in pages: link by link of a practice's chain, and entry by entry.

Each page is a transaction of its own: what was appended never changes, so that no long one is needed. Columns come as
the driver gives them: one that somebody put something else into is that row's fault, and hides no other row.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, and_, exists, select, type_coerce
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.types import NullType

from models.audit import AuditEntry, AuditSeal, AuditSubject
from models.isolation import reading_practice
from models.sets import among
from models.statistics import look_up_by_key

ROWS_AT_ONCE = 500
_NAMES = ("practice_id", "id", "happened_at", "actor_kind", "actor_id", "action", "route", "status", "about")
_ENTRY = [type_coerce(getattr(AuditEntry, name), NullType()).label(name) for name in (*_NAMES, "mac")]
_JOINED = and_(AuditEntry.practice_id == AuditSeal.practice_id, AuditEntry.id == AuditSeal.entry_id)
_LINK = [
    AuditSeal.sequence,
    AuditSeal.entry_id.label("sealed_id"),
    *(type_coerce(getattr(AuditSeal, name), NullType()).label(name) for name in ("digest", "sealed_at")),
]


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it is stored: its columns without the MAC, or None if they cannot be read, and whom it names."""

    id: str
    columns: dict[str, Any] | None
    mac: bytes
    patient_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the chain, with the entry that it seals; None if that is gone. `sealed_at` None: it cannot be read."""

    sequence: int
    entry_id: str
    digest: bytes
    sealed_at: datetime | None
    entry: StoredEntry | None


@dataclass(frozen=True, slots=True)
class Loose:
    """What no link holds: entries that are not sealed, and ids of entries that are gone while a patient is named."""

    unsealed: tuple[StoredEntry, ...]
    gone: tuple[str, ...]


def read_links(make_session: sessionmaker[Session], practice_id: str, *, after: int) -> Iterator[Link]:
    """Yield a practice's links from the one after the sequence `after` on."""
    rows: Sequence[Row[*tuple[Any, ...]]] = ()
    while True:
        with reading_practice(make_session, practice_id) as session:
            look_up_by_key(session)
            query = select(*_LINK, *_ENTRY).select_from(AuditSeal).outerjoin(AuditEntry, _JOINED)
            query = query.where(AuditSeal.practice_id == practice_id, AuditSeal.sequence > after)
            rows = session.execute(query.order_by(AuditSeal.sequence).limit(ROWS_AT_ONCE)).all()
            named = _patients(session, practice_id, [row.sealed_id for row in rows])
        for row in rows:
            entry = None if row.id is None else _stored(row, named)
            yield Link(row.sequence, row.sealed_id, _bytes(row.digest), _instant(row.sealed_at), entry)
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1].sequence


def read_entries(
    make_session: sessionmaker[Session], practice_id: str, *, since: str, until: str | None = None
) -> Iterator[StoredEntry]:
    """Yield a practice's entries by id: from `since` on, to before `until`."""
    span = AuditEntry.id >= since
    while True:
        with reading_practice(make_session, practice_id) as session:
            query = select(*_ENTRY).where(AuditEntry.practice_id == practice_id, span)
            if until is not None:
                query = query.where(AuditEntry.id < until)
            rows = session.execute(query.order_by(AuditEntry.id).limit(ROWS_AT_ONCE)).all()
            named = _patients(session, practice_id, [row.id for row in rows])
        yield from (_stored(row, named) for row in rows)
        if len(rows) < ROWS_AT_ONCE:
            return
        span = AuditEntry.id > rows[-1].id


def read_loose(make_session: sessionmaker[Session], practice_id: str, *, since: str) -> Iterator[Loose]:
    """Yield page by page what no link holds, of entries whose ids do not sort before `since`."""
    sealed = and_(AuditSeal.practice_id == AuditEntry.practice_id, AuditSeal.entry_id == AuditEntry.id)
    span, named_since = AuditEntry.id >= since, AuditSubject.entry_id >= since
    while True:
        with reading_practice(make_session, practice_id) as session:
            look_up_by_key(session)
            query = select(AuditEntry.id, AuditSeal.sequence).outerjoin(AuditSeal, sealed)
            query = query.where(AuditEntry.practice_id == practice_id, span).order_by(AuditEntry.id)
            rows = session.execute(query.limit(ROWS_AT_ONCE)).all()
            is_last = len(rows) < ROWS_AT_ONCE
            named = named_since if is_last else and_(named_since, AuditSubject.entry_id <= rows[-1].id)
            unsealed = _entries(session, practice_id, [row.id for row in rows if row.sequence is None])
            gone = tuple(session.scalars(_without_entry(practice_id).where(named)))
        yield Loose(unsealed, gone)
        if is_last:
            return
        span, named_since = AuditEntry.id > rows[-1].id, AuditSubject.entry_id > rows[-1].id


def find_digests(session: Session, practice_id: str, sequences: Sequence[int]) -> dict[int, bytes]:
    """Return the digests of those of a practice's links that there are, by their sequence."""
    query = select(*_LINK).where(AuditSeal.practice_id == practice_id, AuditSeal.sequence.in_(sequences))
    return {row.sequence: _bytes(row.digest) for row in session.execute(query)}


def find_head(session: Session, practice_id: str, before: datetime | None = None) -> tuple[int, bytes] | None:
    """Return sequence and digest of a practice's last link, or of the last one that was made before an instant."""
    query = select(*_LINK).where(AuditSeal.practice_id == practice_id)
    if before is not None:
        query = query.where(AuditSeal.sealed_at < before)
    row = session.execute(query.order_by(AuditSeal.sequence.desc()).limit(1)).one_or_none()
    return None if row is None else (row.sequence, _bytes(row.digest))


def _entries(session: Session, practice_id: str, ids: list[str]) -> tuple[StoredEntry, ...]:
    if not ids:
        return ()
    query = select(*_ENTRY).where(AuditEntry.practice_id == practice_id)
    rows = session.execute(query.where(among(session.connection(), AuditEntry.id, ids)).order_by(AuditEntry.id)).all()
    named = _patients(session, practice_id, ids)
    return tuple(_stored(row, named) for row in rows)


def _without_entry(practice_id: str) -> Select[str]:
    is_there = exists().where(
        AuditEntry.practice_id == AuditSubject.practice_id, AuditEntry.id == AuditSubject.entry_id
    )
    query = select(AuditSubject.entry_id).where(AuditSubject.practice_id == practice_id, ~is_there)
    return query.distinct().order_by(AuditSubject.entry_id).limit(ROWS_AT_ONCE)


def _patients(session: Session, practice_id: str, entry_ids: list[str]) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    if entry_ids:
        query = select(AuditSubject.entry_id, AuditSubject.patient_id).where(AuditSubject.practice_id == practice_id)
        query = query.where(among(session.connection(), AuditSubject.entry_id, entry_ids))
        for entry_id, patient_id in session.execute(query):
            named.setdefault(entry_id, []).append(patient_id)
    return named


def _stored(row: Row[*tuple[Any, ...]], named: dict[str, list[str]]) -> StoredEntry:
    columns = {name: getattr(row, name) for name in _NAMES}
    columns |= {"happened_at": _instant(row.happened_at), "about": _value(row.about)}
    is_whole = columns["happened_at"] is not None and isinstance(columns["about"], dict)
    return StoredEntry(row.id, columns if is_whole else None, _bytes(row.mac), tuple(named.get(row.id, ())))


def _instant(stored: object) -> datetime | None:
    """Return the instant that a driver gave: SQLite's gives the text, without a zone."""
    if isinstance(stored, datetime):
        return stored
    try:
        return datetime.fromisoformat(str(stored)).replace(tzinfo=UTC)
    except ValueError:
        return None


def _value(stored: object) -> object:
    """Return the value of a JSON column as a driver gave it: as text, or as the value."""
    try:
        return json.loads(stored) if isinstance(stored, str | bytes) else stored
    except ValueError:
        return None


def _bytes(stored: object) -> bytes:
    return stored if isinstance(stored, bytes) else b""
