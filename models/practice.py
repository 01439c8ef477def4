"""The practice: the tenant that every other row belongs to."""

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base


class Practice(Base):
    """A clinic. Its zone counts the medical day (POD); its country gives emergency numbers."""

    __tablename__ = "practice"
    __table_args__ = (CheckConstraint("length(country) = 2", name="country_code"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str]
    country: Mapped[str] = mapped_column(String(2))  # ISO 3166-1 alpha-2
    time_zone: Mapped[str] = mapped_column(String(64))  # IANA
    phone: Mapped[str]  # what patients call; E.164
    closed_on: Mapped[list[str]] = mapped_column(default=list)  # ISO dates besides weekends
