"""Who calls: a member of a practice's staff, or a patient's device."""

from dataclasses import dataclass

from models.audit import ActorKind
from models.care import Reporter
from models.people import StaffRole


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. Exactly one of `role` (staff) and `patient_id` (a patient's device) is set."""

    practice_id: str
    actor_id: str  # of the member of staff, or of the device
    role: StaffRole | None = None
    patient_id: str | None = None

    @property
    def is_staff(self) -> bool:
        """Return whether the caller is a member of staff."""
        return self.role is not None

    @property
    def actor_kind(self) -> ActorKind:
        """Return what the audit trail calls the caller."""
        return ActorKind.staff if self.is_staff else ActorKind.device

    @property
    def reporter(self) -> Reporter:
        """Return in whose name the caller reports a fact."""
        return Reporter.staff if self.is_staff else Reporter.patient
