"""Who calls: a member of a practice's staff, a patient's device, or who opened the one-time link of a message."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from models.audit import ActorKind
from models.care import Reporter
from models.people import StaffRole

PATIENT_WORD: Final = "patient"


@dataclass(frozen=True, slots=True)
class StaffSession:
    """The session in which a member of staff calls. `reauthenticated_at`: when they last gave a second factor."""

    id: str
    last_seen_at: datetime
    reauthenticated_at: datetime


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. Exactly one of `role` (staff) and `patient_id` (a patient's device or link) is set.

    `session`: staff who signed in themselves; None with a token that a command made.
    """

    practice_id: str
    actor_id: str  # of the member of staff, of the device, or of the link
    role: StaffRole | None = None
    patient_id: str | None = None
    by_link: bool = False  # opened with a date of birth: good for one page, for half an hour
    session: StaffSession | None = None

    @property
    def is_staff(self) -> bool:
        """Return whether the caller is a member of staff."""
        return self.role is not None

    @property
    def word(self) -> str:
        """Return what the role table calls the caller: the role of a member of staff, or `patient`."""
        return self.role or PATIENT_WORD

    @property
    def actor_kind(self) -> ActorKind:
        """Return what the audit trail calls the caller."""
        if self.is_staff:
            return ActorKind.staff
        return ActorKind.link if self.by_link else ActorKind.device

    @property
    def reporter(self) -> Reporter:
        """Return in whose name the caller reports a fact."""
        return Reporter.staff if self.is_staff else Reporter.patient
