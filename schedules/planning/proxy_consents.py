"""Ends consents of proxies: the devices that hang on one are removed with it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.identity import Device
from models.proxy import ConsentEnd, ProxyConsent, has_died, has_withdrawn, stands
from schedules.planning.removed_devices import remove_devices


def end_consent(session: Session, consent: ProxyConsent, how: ConsentEnd, now: datetime) -> None:
    """End one consent, which is locked to the commit, and remove the devices that hang on it."""
    consent.ended_at, consent.ended_how = now, how
    query = select(Device.id).where(
        Device.practice_id == consent.practice_id,
        Device.patient_id == consent.patient_id,
        Device.proxy_consent_id == consent.id,
        Device.revoked_at.is_(None),
    )
    remove_devices(session, consent.practice_id, session.scalars(query.order_by(Device.id)).all(), now)


def find_lapsed(session: Session, practice_id: str, now: datetime, *, most: int) -> Sequence[str]:
    """Return ids of consents that nobody ended and that hold no more: over, or their patient died or left."""
    query = select(ProxyConsent.id).where(ProxyConsent.practice_id == practice_id, ProxyConsent.ended_at.is_(None))
    return session.scalars(query.where(~stands(now)).order_by(ProxyConsent.id).limit(most)).all()


def end_lapsed(session: Session, practice_id: str, consent_id: str, now: datetime) -> ProxyConsent | None:
    """End a consent that holds no more. Return it; None if somebody else ended it, or it holds again."""
    died, withdrew = has_died().label("died"), has_withdrawn().label("withdrew")
    query = select(ProxyConsent, died, withdrew).where(
        ProxyConsent.practice_id == practice_id,
        ProxyConsent.id == consent_id,
        ProxyConsent.ended_at.is_(None),
        ~stands(now),
    )
    found = session.execute(query.with_for_update(of=ProxyConsent, skip_locked=True)).one_or_none()
    if found is None:
        return None
    consent: ProxyConsent = found[0]
    left = ConsentEnd.patient_withdrew if found.withdrew else ConsentEnd.expired
    end_consent(session, consent, ConsentEnd.patient_died if found.died else left, now)
    return consent
