"""Who calls: a member of a practice's staff, a program of it, a patient's device, or who opened a message's link."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from models.audit import ActorKind
from models.care import Reporter
from models.people import StaffRole
from models.proxy import ProxyScope
from models.service_account import Scope

PATIENT_WORD: Final = "patient"


@dataclass(frozen=True, slots=True)
class StaffSession:
    """The session in which a member of staff calls. `reauthenticated_at`: when they last gave a second factor."""

    id: str
    last_seen_at: datetime
    reauthenticated_at: datetime


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """The key with which a program of the clinic calls: what it opens, and when it was last used."""

    scopes: frozenset[Scope]
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Proxy:
    """Somebody whom the patient lets look after them: by which consent, and what it opens."""

    consent_id: str
    scopes: frozenset[ProxyScope]


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. Exactly one of `role` (staff), `patient_id` (a patient's device or link) and `service`
    (a program of the clinic) is set. `proxy`: the device is of somebody who calls for the patient.

    `session`: staff who signed in themselves; None with a token that a command made. `own_caseload_only`: of the
    practice's patients they see those of their own caseload alone. `unused_token_id`: the access token of a device that
    calls with it for the first time.
    """

    practice_id: str
    actor_id: str  # of the member of staff, of the device, of the link, or of the service account
    role: StaffRole | None = None
    patient_id: str | None = None
    by_link: bool = False  # opened with a date of birth: good for one page, for half an hour
    session: StaffSession | None = None
    service: ServiceKey | None = None
    own_caseload_only: bool = False
    unused_token_id: str | None = None
    proxy: Proxy | None = None

    @property
    def is_device(self) -> bool:
        """Return whether the caller is a phone that was enrolled."""
        return self.patient_id is not None and not self.by_link

    @property
    def consent_id(self) -> str | None:
        """Return the consent by which a proxy calls, or None."""
        return None if self.proxy is None else self.proxy.consent_id

    def as_proxy(self, proxy: Proxy) -> "Principal":
        """Return the caller with what a consent opens."""
        return replace(self, proxy=proxy)

    @property
    def is_staff(self) -> bool:
        """Return whether the caller is a member of staff."""
        return self.role is not None

    @property
    def words(self) -> frozenset[str]:
        """Return what the role table calls the caller: a member of staff's role, `patient`, or what a key or a consent
        opens.
        """
        if self.service is not None:
            return self.service.scopes
        if self.proxy is not None:
            return self.proxy.scopes
        return frozenset({self.role or PATIENT_WORD})

    @property
    def staff_id(self) -> str | None:
        """Return the id of the member of staff who calls, or None."""
        return self.actor_id if self.is_staff else None

    @property
    def actor_kind(self) -> ActorKind:
        """Return what the audit trail calls the caller."""
        if self.is_staff:
            return ActorKind.staff
        if self.service is not None:
            return ActorKind.service
        if self.proxy is not None:
            return ActorKind.proxy
        return ActorKind.link if self.by_link else ActorKind.device

    @property
    def reporter(self) -> Reporter:
        """Return in whose name the caller reports a fact: the patient's, or the clinic's."""
        return Reporter.staff if self.patient_id is None else Reporter.patient
