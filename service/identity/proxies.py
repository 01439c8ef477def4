"""Whether a consent holds on which a proxy's device hangs, and what it opens."""

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.identity import Device
from models.proxy import ProxyConsent, ProxyScope, stands
from service.errors import RevokedDeviceError
from service.identity.principal import Principal, Proxy

_WORDS: Final = frozenset(ProxyScope)


def find_scopes(session: Session, practice_id: str, consent_id: str, now: datetime) -> frozenset[ProxyScope] | None:
    """Return what a consent opens; None if it holds no more."""
    is_it = ProxyConsent.practice_id == practice_id, ProxyConsent.id == consent_id
    scopes = session.scalars(select(ProxyConsent.scopes).where(*is_it, stands(now))).one_or_none()
    # A word that this version no longer knows opens nothing.
    return None if scopes is None else frozenset(ProxyScope(word) for word in scopes if word in _WORDS)


def as_proxy(session: Session, device: Principal, now: datetime, *, is_told: bool) -> Principal:
    """Return a proxy's device as a caller with what the consent opens. Raises RevokedDeviceError when it has ended."""
    assert device.proxy is not None  # noqa: S101 - who asks has looked
    scopes = find_scopes(session, device.practice_id, device.proxy.consent_id, now)
    if scopes is None:
        raise RevokedDeviceError(device, is_told=is_told)
    return device.as_proxy(Proxy(device.proxy.consent_id, scopes))


def holder_of(device: Device) -> Principal:
    """Return a device as a caller: of a patient, or of a proxy, whose consent is not looked at yet."""
    proxy = None if device.proxy_consent_id is None else Proxy(device.proxy_consent_id, frozenset())
    return Principal(device.practice_id, device.id, patient_id=device.patient_id, proxy=proxy)
