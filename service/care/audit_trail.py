"""The practice's audit trail, for whoever has to look through it: entries as they are stored, in ids and codes.

Whether nothing was taken away or changed is for `flask audit verify` to say.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import AuditEntry, AuditSubject
from service.care.access_log import LOOKED_AT
from service.care.merged_ids import merged_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which entries are looked for: of one actor, about one patient and what became part of their record, or all."""

    actor_id: str | None = None
    patient_id: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry with the patients whom it names."""

    entry: AuditEntry
    patient_ids: tuple[str, ...]


def list_entries(
    session: Session, practice_id: str, sought: Sought, *, after: str | None, limit: int
) -> tuple[list[Recorded], str | None]:
    """Return up to `limit` entries, the latest first, from the one after the id `after` on.

    The second value is the id after which to go on where not all was looked at and yet no full page found.
    """
    span = _span(session, practice_id, sought.patient_id, after)
    query = select(AuditEntry).where(AuditEntry.practice_id == practice_id)
    if span:
        query = query.where(AuditEntry.id.between(span[-1], span[0]))
    if sought.patient_id is not None:
        query = query.where(AuditEntry.id.in_(span))
    if sought.actor_id is not None:
        query = query.where(AuditEntry.actor_id == sought.actor_id)
    entries = session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)).all() if span else []
    goes_on = len(entries) < limit and len(span) == LOOKED_AT
    return _recorded(session, practice_id, entries), span[-1] if goes_on else None


def _span(session: Session, practice_id: str, patient_id: str | None, after: str | None) -> Sequence[str]:
    """Return the ids that one page looks at, the latest first: its cost must not grow with the trail."""
    if patient_id is None:
        column = AuditEntry.id
        query = select(column).where(AuditEntry.practice_id == practice_id)
    else:
        column = AuditSubject.entry_id
        whom = merged_ids(session, practice_id, patient_id)
        query = select(column).where(AuditSubject.practice_id == practice_id, AuditSubject.patient_id.in_(whom))
        query = query.distinct() if len(whom) > 1 else query
    if after is not None:
        query = query.where(column < after)
    return session.scalars(query.order_by(column.desc()).limit(LOOKED_AT)).all()


def _recorded(session: Session, practice_id: str, entries: Sequence[AuditEntry]) -> list[Recorded]:
    named: defaultdict[str, list[str]] = defaultdict(list)
    query = select(AuditSubject.entry_id, AuditSubject.patient_id).where(
        AuditSubject.practice_id == practice_id, AuditSubject.entry_id.in_([entry.id for entry in entries])
    )
    for entry_id, patient_id in session.execute(query.order_by(AuditSubject.patient_id)):
        named[entry_id].append(patient_id)
    return [Recorded(entry, tuple(named[entry.id])) for entry in entries]
