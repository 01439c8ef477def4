"""What a patient is told while nobody watches: that this is not monitored, and which number to call.

The number follows from the country where the patient is, never from a text; an unknown country gets words instead.
"""

from dataclasses import dataclass

from schedules.plan.emergency import emergency_number, emergency_words
from schedules.plan.protocol import Text
from schedules.plan.vocabulary import Language

_TEXT = Text(
    en="Nobody reads this right away. In an emergency call {number}. For questions call your clinic: {phone}.",
    es=(
        "Nadie lee esto de inmediato. En una emergencia llame al {number}. "
        "Si tiene preguntas, llame a su clínica: {phone}."
    ),
)


@dataclass(frozen=True, slots=True)
class EmergencyAdvice:
    """The number to call, None where it is not known, and what to say in the patient's language."""

    number: str | None
    text: str


def emergency_advice(country: str, language: Language, practice_phone: str) -> EmergencyAdvice:
    """Return what a patient in `country` (ISO 3166-1 alpha-2) is told."""
    told = _TEXT.in_language(language).format(number=emergency_words(country, language), phone=practice_phone)
    return EmergencyAdvice(emergency_number(country), told)
