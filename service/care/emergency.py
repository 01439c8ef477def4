"""What a patient is told beside a report: whether somebody is on call, and which number to call."""

from dataclasses import dataclass

from schedules.plan.emergency import MONITORED, NOT_MONITORED, emergency_number, emergency_words
from schedules.plan.vocabulary import Language


@dataclass(frozen=True, slots=True)
class EmergencyAdvice:
    """The number to call, None where it is not known, and what to say in the patient's language."""

    number: str | None
    text: str


def emergency_advice(
    country: str, language: Language, practice_phone: str, *, is_monitored: bool = False
) -> EmergencyAdvice:
    """Return what a patient in `country` (ISO 3166-1 alpha-2) is told."""
    words = MONITORED if is_monitored else NOT_MONITORED
    told = words.in_language(language).format(number=emergency_words(country, language), phone=practice_phone)
    return EmergencyAdvice(emergency_number(country), told)
