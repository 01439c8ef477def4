"""Which providers are left alone for a while, and why. No practice's and no patient's data: all workers share it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, words
from schedules.plan.vocabulary import Provider


class PauseReason(StrEnum):
    """Why a provider is left alone."""

    trouble = "trouble"  # one request after the other got no answer
    credentials = "credentials"  # it does not know us: somebody must look
    busy = "busy"  # it asked for it


class ProviderPause(Base):
    """Until when nothing is handed to a provider. What is due for it stays pending and uses no attempt up."""

    __tablename__ = "provider_pause"

    provider: Mapped[Provider] = mapped_column(words(Provider), primary_key=True)
    reason: Mapped[PauseReason] = mapped_column(words(PauseReason))
    began_at: Mapped[datetime]
    until_at: Mapped[datetime]
    code: Mapped[str | None] = mapped_column(String(64))  # of the last answer: a status or an error's class
