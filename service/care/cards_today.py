"""Which cards about daily life a patient reads today: those of their surgeries and the days since, in their language.

Days are the clinic's, as everywhere (rules, 2.1).
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Episode, Patient, Surgery
from schedules.plan.vocabulary import SurgeryStatus
from service.care.cards import VersionView, texts_in_use
from service.care.enrol import clinic_today
from service.care.limits import OPEN_EPISODES
from service.care.reach import find_patient, practice_of
from service.identity.principal import Principal


@dataclass(frozen=True, slots=True)
class CardToday:
    """One card that a patient reads today."""

    card_id: str
    shown: VersionView


@dataclass(frozen=True, slots=True)
class CardsToday:
    """What a patient reads on a day of the clinic. `tag` changes with the day and with whatever is read."""

    patient: Patient
    on: date
    cards: tuple[CardToday, ...]

    @property
    def tag(self) -> str:
        """Return what the ETag holds."""
        said = [f"{each.card_id}.{each.shown.tag}" for each in self.cards]
        return f"{self.on}-{hashlib.sha256(repr((self.patient.language, said)).encode()).hexdigest()[:32]}"


def cards_today(session: Session, caller: Principal, patient_id: str, now: datetime) -> CardsToday:
    """Return the cards that apply to a patient on the clinic's present day. Raises NotFoundError."""
    patient, practice = find_patient(session, caller, patient_id), practice_of(session, caller)
    today = clinic_today(practice, now)
    surgeries = _surgeries_of(session, patient)
    cards = tuple(
        CardToday(card.id, shown)
        for card, shown in texts_in_use(session, practice, patient.language)
        if any(
            card.serves(each.procedure, each.approach_class) and shown.text.covers(_day(each, today))
            for each in surgeries
        )
    )
    return CardsToday(patient, today, cards)


def _surgeries_of(session: Session, patient: Patient) -> list[Surgery]:
    query = (
        select(Surgery)
        .join(Episode, (Episode.practice_id == Surgery.practice_id) & (Episode.id == Surgery.episode_id))
        .where(Surgery.practice_id == patient.practice_id, Surgery.patient_id == patient.id, ~Surgery.deleted)
        .where(Surgery.status != SurgeryStatus.cancelled, Surgery.surgery_on.is_not(None))
        .where(~Episode.deleted, Episode.status.in_(OPEN_EPISODES))
    )
    return list(session.scalars(query))


def _day(surgery: Surgery, today: date) -> int:
    return (today - (surgery.surgery_on or today)).days
