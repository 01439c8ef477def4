"""What a patient is told while nobody watches: that this is not monitored, and which number to call."""

from dataclasses import dataclass

from schedules.plan.emergency import NOT_MONITORED, emergency_number, emergency_words
from schedules.plan.vocabulary import Language


@dataclass(frozen=True, slots=True)
class EmergencyAdvice:
    """The number to call, None where it is not known, and what to say in the patient's language."""

    number: str | None
    text: str


def emergency_advice(country: str, language: Language, practice_phone: str) -> EmergencyAdvice:
    """Return what a patient in `country` (ISO 3166-1 alpha-2) is told."""
    told = NOT_MONITORED.in_language(language).format(number=emergency_words(country, language), phone=practice_phone)
    return EmergencyAdvice(emergency_number(country), told)
