"""Work-status letters: a patient's release that lets the clinic write to one recipient, and the letters that left.

A letter is never changed: it is kept as the very bytes that were handed out. Not synced: no device needs them to work.
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference, words
from models.care import Reporter
from models.private import Sealed
from schedules.plan.vocabulary import Language, WorkStatus


class Recipient(StrEnum):
    """To whom a letter goes."""

    employer = "employer"
    carrier = "carrier"  # the insurer of a claim for workers' compensation


class LetterRelease(Tenant, Base):
    """The patient's word that the clinic may tell one recipient the work status of one episode. Only ever revoked.

    `tells_diagnosis`: the recipient may learn of procedure and indication too.
    """

    __tablename__ = "letter_release"
    __table_args__ = (
        reference("patient"),
        reference("episode"),
        reference("staff", "recorded_by"),
        Index(None, "practice_id", "episode_id"),
        Index(None, "practice_id", "patient_id"),
        CheckConstraint("valid_through_on >= signed_on", name="ends_after_it_is_signed"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked_whole"),
    )

    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    recipient: Mapped[Recipient] = mapped_column(words(Recipient))
    name_sealed: Mapped[bytes] = mapped_column(LargeBinary)  # of the employer or the carrier
    address_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    claim_number_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    injured_on: Mapped[date | None]
    tells_diagnosis: Mapped[bool]
    signed_on: Mapped[date]  # by the patient, on the clinic's calendar
    valid_through_on: Mapped[date]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[Reporter | None] = mapped_column(words(Reporter))

    name = Sealed("name_sealed")
    address = Sealed("address_sealed")
    claim_number = Sealed("claim_number_sealed")


class Letter(Tenant, Base):
    """One letter. `number` counts the letters of its episode; `pdf` is base64, `pdf_digest` the SHA-256 of its bytes.

    `facts_digest` is that of the work status which it tells: what the plan says now can be held against it.
    """

    __tablename__ = "letter"
    __table_args__ = (
        reference("patient"),
        reference("episode"),
        reference("letter_release", "release_id"),
        Index(None, "practice_id", "patient_id"),
        reference("staff", "made_by"),
        UniqueConstraint("practice_id", "episode_id", "number"),
        CheckConstraint("number >= 1", name="number_from_1"),
    )

    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    episode_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    release_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    number: Mapped[int]
    language: Mapped[Language] = mapped_column(words(Language))
    status: Mapped[WorkStatus] = mapped_column(words(WorkStatus))
    status_on: Mapped[date]  # the clinic's day whose work status it tells
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    facts_digest: Mapped[str] = mapped_column(String(64))
    pdf_digest: Mapped[str] = mapped_column(String(64))
    pdf_sealed: Mapped[bytes] = mapped_column(LargeBinary)

    pdf = Sealed("pdf_sealed")
