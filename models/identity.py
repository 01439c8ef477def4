"""Who may call: devices, one-time enrolment codes and tokens. Only hashes of secrets are stored; no patient data."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference, words


class TokenKind(StrEnum):
    """What a token is good for."""

    staff = "staff"
    device_access = "device_access"
    device_refresh = "device_refresh"
    staff_session = "staff_session"  # of a member of staff who signed in with password and second factor
    sign_in_challenge = "sign_in_challenge"  # a right password: good for the second step of a sign-in alone


class Device(Tenant, Base):
    """A patient's phone, enrolled by a one-time code.

    Revoked, it is told at its next contact to delete what it stores, and says when it has done so. `lost_at`: somebody
    said that it is lost. `proxy_consent_id`: the phone is of somebody whom the patient lets look after them.
    """

    __tablename__ = "device"
    __table_args__ = (reference("patient"), Index(None, "practice_id", "patient_id"))

    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    enrolled_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    lost_at: Mapped[datetime | None]
    wipe_told_at: Mapped[datetime | None]
    wiped_at: Mapped[datetime | None]
    proxy_consent_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))


class EnrolmentCode(Tenant, Base):
    """A code that one device may exchange for tokens, once: of the patient, or of the proxy whose consent it names."""

    __tablename__ = "enrolment_code"
    __table_args__ = (reference("patient"), reference("staff", "made_by"), Index(None, "practice_id", "patient_id"))

    code_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    proxy_consent_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    made_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Token(Tenant, Base):
    """An opaque bearer token. A refresh token is used once; using it after one that succeeds it revokes its device.

    `succeeds_id`: the refresh token that a device exchanged for this one.

    Of a session: when it was last used (to the minute), when its holder last gave a second factor, and a coarse `label`
    by which people tell their sessions apart, such as the family of the browser.
    """

    __tablename__ = "token"
    __table_args__ = (
        reference("staff"),
        reference("device"),
        CheckConstraint("(staff_id IS NULL) <> (device_id IS NULL)", name="one_holder"),
        CheckConstraint(
            "kind <> 'staff_session' OR (last_seen_at IS NOT NULL AND reauthenticated_at IS NOT NULL)",
            name="session_is_whole",
        ),
        Index(None, "practice_id", "device_id"),
        Index(None, "practice_id", "staff_id"),
    )

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    kind: Mapped[TokenKind] = mapped_column(words(TokenKind))
    staff_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    device_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]  # of an access token: first used
    revoked_at: Mapped[datetime | None]
    succeeds_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    last_seen_at: Mapped[datetime | None]
    reauthenticated_at: Mapped[datetime | None]
    label: Mapped[str | None] = mapped_column(String(40))
