"""Filters of the worklist that a member of staff keeps under a name. The name is their own words, so it is sealed."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference
from models.private import Sealed


class SavedView(Tenant, Base):
    """One saved view: codes and an id of staff in `filters`, never a patient. Of one person at most one is the default.

    What a filter's word no longer means counts as no filter, as in the worklist's address.
    """

    __tablename__ = "saved_view"
    __table_args__ = (
        reference("staff"),
        Index(None, "practice_id", "staff_id"),
        Index(
            "uq_saved_view_default",
            "practice_id",
            "staff_id",
            unique=True,
            sqlite_where=text("is_default"),
            postgresql_where=text("is_default"),
        ),
    )

    staff_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    name_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    filters: Mapped[dict[str, str]]
    is_default: Mapped[bool]
    made_at: Mapped[datetime]

    name = Sealed("name_sealed")
