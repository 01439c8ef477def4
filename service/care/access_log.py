"""Who looked at a patient's data or changed it, as the audit trail tells, for the patient and the clinic.

It names a member of staff by name and role, a proxy by name. Their name is not the patient's health data, and the log
exists so that a patient can ask the very person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, and_, func, select
from sqlalchemy.orm import Session

from models import AuditEntry, AuditSubject, Device, EmergencyAccess, ProxyConsent, Staff
from models.audit import ActorKind
from models.caseload import EMERGENCY_MARK
from schedules.plan.protocol import Text
from service.care.access_words import ACTORS, ROLES, AccessKind, Area, area_of, kind_of
from service.care.merged_ids import merged_ids

LOOKED_AT = 2_000  # entries a page: a phone that synchronises leaves many, and a page must cost little


class Whose(StrEnum):
    """Whose accesses are listed: also those of the patient's own phones, or of everybody else alone."""

    everybody = "everybody"
    others = "others"


@dataclass(frozen=True, slots=True)
class Access:
    """One access. `name` and `role` are of a member of staff; a proxy has a name alone.

    `is_emergency`: they had opened the patient outside of their caseload (break-glass).
    """

    id: str
    happened_at: datetime
    kind: AccessKind
    area: Area
    actor: ActorKind
    name: str | None
    role: str | None
    actor_text: Text
    is_emergency: bool


def list_accesses(
    session: Session, practice_id: str, patient_id: str, whose: Whose, *, after: str | None, limit: int
) -> tuple[Sequence[Access], str | None]:
    """Return up to `limit` accesses, the latest first, from the one after the id `after` on.

    Those of records that became part of the patient's are among them. The second value is the id after which to go on
    where not all was looked at and yet no full page found.
    """
    span = _span(session, practice_id, patient_id, after).subquery()
    is_entry = and_(AuditEntry.practice_id == practice_id, AuditEntry.id == span.c.entry_id)
    is_staff = and_(
        AuditEntry.actor_kind == ActorKind.staff,
        Staff.practice_id == AuditEntry.practice_id,
        Staff.id == AuditEntry.actor_id,
    )
    is_device = and_(
        AuditEntry.actor_kind == ActorKind.proxy,
        Device.practice_id == AuditEntry.practice_id,
        Device.id == AuditEntry.actor_id,
    )
    is_consent = and_(ProxyConsent.practice_id == practice_id, ProxyConsent.id == Device.proxy_consent_id)
    query = (
        select(AuditEntry, Staff.display_name, Staff.role, ProxyConsent)
        .join(span, is_entry)
        .outerjoin(Staff, is_staff)
        .outerjoin(Device, is_device)
        .outerjoin(ProxyConsent, is_consent)
    )
    if whose is Whose.others:
        query = query.where(AuditEntry.actor_kind != ActorKind.device)
    rows = session.execute(query.order_by(AuditEntry.id.desc()).limit(limit)).all()
    count, last = session.execute(select(func.count(), func.min(span.c.entry_id))).one()
    goes_on = len(rows) < limit and count == LOOKED_AT
    of_patient = (EmergencyAccess.practice_id == practice_id, EmergencyAccess.patient_id == patient_id)
    opened = frozenset(session.scalars(select(EmergencyAccess.id).where(*of_patient)))
    return [_access(row, opened) for row in rows], last if goes_on else None


def _span(session: Session, practice_id: str, patient_id: str, after: str | None) -> Select[str]:
    """Return what reads the ids that one page looks at, the latest first."""
    whom = merged_ids(session, practice_id, patient_id)
    ids = select(AuditSubject.entry_id).where(
        AuditSubject.practice_id == practice_id, AuditSubject.patient_id.in_(whom)
    )
    if len(whom) > 1:
        ids = ids.distinct()
    if after is not None:
        ids = ids.where(AuditSubject.entry_id < after)
    return ids.order_by(AuditSubject.entry_id.desc()).limit(LOOKED_AT)


def _access(row: Row[*tuple[Any, ...]], opened: frozenset[str]) -> Access:
    entry, name, role, consent = row
    return Access(
        id=entry.id,
        happened_at=entry.happened_at,
        kind=kind_of(entry.action, entry.status),
        area=area_of(entry.route) or Area.record,
        actor=entry.actor_kind,
        name=name if consent is None else consent.name,
        role=role,
        actor_text=ACTORS[entry.actor_kind] if role is None else ROLES[role],
        is_emergency=not opened.isdisjoint(entry.about.get(EMERGENCY_MARK, ())),
    )
