"""Programs of a clinic that call the API: a key each, of which only the hash is stored, and what it opens."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference


class Scope(StrEnum):
    """What a program may be let do. Which routes that is stands in the table of roles."""

    patients_read = "patients:read"
    patients_write = "patients:write"
    plans_read = "plans:read"
    reminders_read = "reminders:read"
    reports_read = "reports:read"
    import_ = "import"
    health_read = "health:read"


class ServiceAccount(Tenant, Base):
    """One program and its key. `made_by` None: a command made it. A row stays after the key has ended."""

    __tablename__ = "service_account"
    __table_args__ = (reference("staff", "made_by"),)

    name: Mapped[str]
    scopes: Mapped[list[str]]
    key_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    made_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]  # to the minute
    revoked_at: Mapped[datetime | None]
