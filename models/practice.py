"""The practice: the tenant that every other row belongs to."""

from typing import Any, Final

from sqlalchemy import JSON, CheckConstraint, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base
from models.isolation import Door
from models.private import Sealed


class Practice(Base):
    """A clinic. Its zone counts the medical day (POD); its country gives emergency numbers."""

    __tablename__ = "practice"
    __table_args__ = (
        CheckConstraint("length(country) = 2", name="country_code"),
        CheckConstraint("opioid_free_hours >= 1", name="opioid_free_hours_from_1"),
        CheckConstraint("workers_comp_percent >= 100", name="workers_comp_never_shortens"),
        CheckConstraint("records_kept_years BETWEEN 0 AND 100", name="records_kept_years_range"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str]
    country: Mapped[str] = mapped_column(String(2))  # ISO 3166-1 alpha-2
    time_zone: Mapped[str] = mapped_column(String(64))  # IANA
    phone: Mapped[str]  # what patients call; E.164
    closed_on: Mapped[list[str]] = mapped_column(default=list)  # ISO dates besides weekends and public holidays
    holiday_calendar: Mapped[str | None] = mapped_column(String(16))  # ISO 3166 country or region, such as US or US-NY
    opioid_free_hours: Mapped[int | None]  # since the last opioid or sedative, before driving may be cleared by rule
    workers_comp_percent: Mapped[int] = mapped_column(
        default=100, server_default="100"
    )  # of the work milestones' days; 100 changes nothing
    work_table: Mapped[dict[str, Any] | None]  # the jurisdiction's demand levels; None: those of the protocol
    # The rhythms of check-ins that the clinic has set, as `schedules.plan.check_ins` writes them; None: none yet.
    check_in_rhythms: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    # Of the latest rhythm: the open episode up to which plans follow it, '' before the first; None: all of them do.
    rhythm_planned_through: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    webhook_url: Mapped[str | None]  # of the clinic's own system, which tells patients by its own means
    webhook_secret_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)  # signs what is sent there

    records_kept_years: Mapped[int | None]  # after the last care, by the clinic's own law; None: it has not said

    # Coordinators and clinicians see the patients of their own caseload alone.
    own_caseload_only: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    webhook_secret = Sealed("webhook_secret_sealed")

    @property
    def practice_id(self) -> str:
        """Return the tenant that the row's private columns are sealed for: itself."""
        return self.id


BY_SLUG: Final = Door(Practice.id, Practice.slug)
