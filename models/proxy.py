"""Proxies: whom a patient lets look after them, what for, until when, and how the patient said so."""

from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, ColumnElement, Index, LargeBinary, String, and_, exists, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference, words
from models.care import Episode
from models.people import Patient
from models.private import Sealed
from schedules.plan.vocabulary import EpisodeStatus


class ProxyScope(StrEnum):
    """What a proxy may do. The words are those of the role table."""

    read_plan = "read_plan"
    report_check_ins = "report_check_ins"  # and read what was reported
    receive_messages = "receive_messages"


class Relationship(StrEnum):
    """What a proxy is to the patient."""

    partner = "partner"
    parent = "parent"
    child = "child"
    relative = "relative"
    friend = "friend"
    paid_carer = "paid_carer"
    legal_representative = "legal_representative"


class ConsentMeans(StrEnum):
    """How a patient said that somebody may look after them."""

    in_person = "in_person"
    by_phone = "by_phone"
    signed_form = "signed_form"
    legal_document = "legal_document"  # a guardian's or a power of attorney's, where the patient cannot say it


class ConsentEnd(StrEnum):
    """Why a consent ended."""

    by_patient = "by_patient"
    by_clinic = "by_clinic"
    expired = "expired"
    patient_died = "patient_died"
    patient_withdrew = "patient_withdrew"


class ProxyConsent(Tenant, Base):
    """One consent. It is never changed, only ended: what it says is what was consented to.

    The devices of the proxy name it (`Device.proxy_consent_id`). They stay when it is removed with an erased patient,
    so no key refers to it.
    """

    __tablename__ = "proxy_consent"
    __table_args__ = (
        reference("patient"),
        reference("staff", "recorded_by"),
        CheckConstraint("(ended_at IS NULL) = (ended_how IS NULL)", name="end_is_whole"),
        Index(None, "practice_id", "patient_id"),
    )

    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    name_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    relationship: Mapped[Relationship] = mapped_column(words(Relationship))
    scopes: Mapped[list[str]]  # words of ProxyScope
    given_how: Mapped[ConsentMeans] = mapped_column(words(ConsentMeans))
    given_on: Mapped[date]
    recorded_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    recorded_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_how: Mapped[ConsentEnd | None] = mapped_column(words(ConsentEnd))

    name = Sealed("name_sealed")


_OPEN: Final = (EpisodeStatus.active, EpisodeStatus.paused)
_LEFT: Final = (EpisodeStatus.died, EpisodeStatus.withdrawn)


def has_died() -> ColumnElement[bool]:
    """Return the condition that the patient of a consent is dead, or no more in the practice."""
    is_gone = or_(Patient.died_on.is_not(None), Patient.deleted)
    return exists(select(Patient.id).where(*_of_practice(Patient), Patient.id == ProxyConsent.patient_id, is_gone))


def has_withdrawn() -> ColumnElement[bool]:
    """Return the condition that the patient of a consent has left care, and is in no other of the practice's."""
    theirs = select(Episode.id).where(*_of_practice(Episode), Episode.patient_id == ProxyConsent.patient_id)
    has_left, is_open = (exists(theirs.where(Episode.status.in_(several))) for several in (_LEFT, _OPEN))
    return and_(has_left, ~is_open)


def stands(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a consent holds: asked at each request, so that none outlives what it hangs on."""
    return and_(ProxyConsent.ended_at.is_(None), ProxyConsent.ends_at > now, ~has_died(), ~has_withdrawn())


def _of_practice(model: type[Patient | Episode]) -> tuple[ColumnElement[bool]]:
    return (model.practice_id == ProxyConsent.practice_id,)
