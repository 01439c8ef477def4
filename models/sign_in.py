"""What members of staff sign in with: passwords, authenticators, passkeys, one-time codes, and tries that went wrong.

Hashes and sealed values only. None of it is synced, none of it is about a patient.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference, words
from models.private import Sealed


class CodePurpose(StrEnum):
    """What a one-time code that the clinic hands out is for. Either way its holder sets a password with it."""

    invitation = "invitation"
    password_reset = "password_reset"  # noqa: S105 - a word, not a secret


class StaffCredential(Tenant, Base):
    """Password and authenticator of one member of staff, whose id it has. Every change of either locks this row first.

    `totp_step` is the time step of the last code that was taken: no code of it or an earlier one is taken again. The
    pending secret belongs to an authenticator that has not shown a right code yet, and counts for nothing else.
    """

    __tablename__ = "staff_credential"
    __table_args__ = (
        reference("staff", "id"),
        CheckConstraint("(totp_secret_sealed IS NULL) = (totp_step IS NULL)", name="totp_whole"),
        CheckConstraint("(password_hash IS NULL) = (password_changed_at IS NULL)", name="password_whole"),
    )

    password_hash: Mapped[str | None]
    password_changed_at: Mapped[datetime | None]
    totp_secret_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    pending_secret_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)

    totp_secret = Sealed("totp_secret_sealed")
    pending_secret = Sealed("pending_secret_sealed")


class RecoveryCode(Tenant, Base):
    """One code that stands for the authenticator, once. A new set takes the place of the old one."""

    __tablename__ = "recovery_code"
    __table_args__ = (reference("staff"), UniqueConstraint("practice_id", "staff_id", "code_hash"))

    staff_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Passkey(Tenant, Base):
    """A key pair of WebAuthn on a device or in a safe of somebody's; here is its public half.

    `sign_count` is what its authenticator counted last, 0 for one that does not count. `stopped_at`: that count went
    back, so that two may hold the key, and it is taken no more.
    """

    __tablename__ = "passkey"
    __table_args__ = (
        reference("staff"),
        CheckConstraint("sign_count >= 0", name="sign_count_from_0"),
        Index(None, "practice_id", "staff_id"),
    )

    staff_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    name: Mapped[str]
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    made_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]


class UsedChallenge(Tenant, Base):
    """A challenge that was answered, kept until it would have ended: it is taken once. `id` is its hash."""

    __tablename__ = "used_challenge"
    __table_args__ = (Index(None, "practice_id", "expires_at"),)

    expires_at: Mapped[datetime]


class SignInProvider(Tenant, Base):
    """The clinic's own provider of sign-ins (OpenID Connect). There is one at most: `id` is the practice's."""

    __tablename__ = "sign_in_provider"

    issuer: Mapped[str]
    client_id: Mapped[str]
    client_secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)

    client_secret = Sealed("client_secret_sealed")


class StaffIdentity(Tenant, Base):
    """Whom a provider knows a member of staff as. An issuer knows each of them once, and nobody as two of them."""

    __tablename__ = "staff_identity"
    __table_args__ = (
        reference("staff"),
        UniqueConstraint("practice_id", "issuer", "subject"),
        UniqueConstraint("practice_id", "staff_id", "issuer"),
    )

    staff_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    issuer: Mapped[str]
    subject: Mapped[str]
    linked_at: Mapped[datetime]


class SignInCode(Tenant, Base):
    """A code with which a member of staff sets a password, once."""

    __tablename__ = "sign_in_code"
    __table_args__ = (reference("staff"), Index(None, "practice_id", "staff_id"))

    staff_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    purpose: Mapped[CodePurpose] = mapped_column(words(CodePurpose))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignInThrottle(Tenant, Base):
    """Tries that went wrong: of an account, of an address, or of both together. `id` is a keyed hash and tells neither.

    `known_since`: a whole sign-in to the account came from the address. `forgotten_at`: until then the row counts.
    """

    __tablename__ = "sign_in_throttle"
    __table_args__ = (
        CheckConstraint("failed_tries >= 0", name="failed_tries_from_0"),
        Index(None, "practice_id", "forgotten_at"),
    )

    failed_tries: Mapped[int]
    waits_until: Mapped[datetime | None]
    known_since: Mapped[datetime | None]
    forgotten_at: Mapped[datetime]
