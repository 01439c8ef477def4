"""What a prescriber allows of an opioid, step by step."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, OfPatient, of_patient, reference


class OpioidTaper(OfPatient, Base):
    """A taper as a clinician entered it. It never changes: of an episode the one that was entered last counts.

    `steps` are objects of `from_on` (a day as text) and `most_mme_tenths`, in the order of their days.
    """

    __tablename__ = "opioid_taper"
    __table_args__ = of_patient(
        reference("episode"),
        reference("staff", "entered_by"),
        Index(None, "practice_id", "episode_id", "entered_at"),
        CheckConstraint("mme_tenths_per_dose BETWEEN 0 AND 10000", name="mme_tenths_per_dose_range"),
    )

    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    mme_tenths_per_dose: Mapped[int]
    steps: Mapped[list[dict[str, Any]]]
    entered_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    entered_at: Mapped[datetime]
