"""Staff and patients. Contact data is sealed; name and MRN stay searchable."""

from datetime import date, datetime, time
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Synced, Tenant, words
from models.private import Lookup, Sealed
from schedules.plan.vocabulary import Language, OpioidUse, Units, WorkClass


class StaffRole(StrEnum):
    """What a member of staff is. What each may do is decided in `service.identity`."""

    practice_admin = "practice_admin"
    clinician = "clinician"
    coordinator = "coordinator"
    auditor = "auditor"  # reads who did what
    operator = "operator"  # sees whether the service runs, and nothing of patients


class Staff(Tenant, Base):
    """A member of a practice's staff."""

    __tablename__ = "staff"
    __table_args__ = (UniqueConstraint("practice_id", "email_lookup"),)

    display_name: Mapped[str]
    role: Mapped[StaffRole] = mapped_column(words(StaffRole))
    email_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    email_lookup: Mapped[bytes | None] = mapped_column(LargeBinary)
    disabled_at: Mapped[datetime | None]
    # Of the pages when they last signed in there: what they are told outside of these is in it. None: English.
    language: Mapped[Language | None] = mapped_column(words(Language))
    email_dead_at: Mapped[datetime | None]  # a provider refused the address for good; it still signs in
    email_dead_code: Mapped[str | None] = mapped_column(String(64))  # the provider's status, never its free text

    email = Sealed("email_sealed", lookup=Lookup("email_lookup"))


class Patient(Synced, Base):
    """A person under the practice's care, with what reminders and plans need to know of them."""

    __tablename__ = "patient"
    __table_args__ = (
        UniqueConstraint("practice_id", "mrn"),
        Index(None, "practice_id", "rev", "id"),
        Index(None, "practice_id", "family_name", "given_name", "id"),
        Index(None, "practice_id", "email_lookup"),
        Index(None, "practice_id", "phone_lookup"),
        # Who is in no recovery any more, whatever their episodes say: to be counted without a look at all the others.
        Index(
            "ix_patient_gone",
            "practice_id",
            "id",
            sqlite_where=text("died_on IS NOT NULL OR deleted IS 1"),
            postgresql_where=text("died_on IS NOT NULL OR deleted IS true"),
        ),
        CheckConstraint("(quiet_from IS NULL) = (quiet_until IS NULL)", name="quiet_hours_whole"),
        CheckConstraint("length(country) = 2", name="country_code"),
    )

    mrn: Mapped[str] = mapped_column(String(64))
    given_name: Mapped[str]
    family_name: Mapped[str]
    date_of_birth: Mapped[date]
    language: Mapped[Language] = mapped_column(words(Language))
    country: Mapped[str] = mapped_column(String(2))  # where the patient is now: gives the emergency number
    time_zone: Mapped[str] = mapped_column(String(64))  # IANA, where the patient is now
    units: Mapped[Units] = mapped_column(words(Units))
    channels: Mapped[list[str]] = mapped_column(default=list)  # in the patient's order; empty: none outside the app
    opted_out: Mapped[list[str]] = mapped_column(default=list)  # channels the patient stopped
    # Categories of reminders that the patient does not want.
    opted_out_categories: Mapped[list[str]] = mapped_column(default=list, server_default=text("'[]'"))
    quiet_from: Mapped[time | None]  # wall time in the patient's zone; may be later than quiet_until (over midnight)
    quiet_until: Mapped[time | None]
    reminders_paused_at: Mapped[datetime | None]
    # Since when subjects and lock screens may say more than that something waits; None: they may not.
    details_consent_at: Mapped[datetime | None]
    died_on: Mapped[date | None]
    email_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    email_lookup: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_lookup: Mapped[bytes | None] = mapped_column(LargeBinary)

    work_class: Mapped[WorkClass | None] = mapped_column(words(WorkClass))
    opioid_use: Mapped[OpioidUse] = mapped_column(words(OpioidUse), default=OpioidUse.unknown)  # before surgery
    takes_blood_thinner: Mapped[bool | None]
    has_diabetes_or_glp1: Mapped[bool | None]
    uses_nicotine: Mapped[bool | None]
    has_implanted_device: Mapped[bool | None]
    low_bone_density: Mapped[bool | None]
    wants_contact_sport: Mapped[bool] = mapped_column(default=False)

    email = Sealed("email_sealed", lookup=Lookup("email_lookup"))
    phone = Sealed("phone_sealed", lookup=Lookup("phone_lookup"))
