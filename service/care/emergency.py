"""What a patient is told while nobody watches: that this is not monitored, and which number to call.

The number follows from the country where the patient is, never from a text. An unknown country gets words instead.
The numbers are general knowledge, not read in a source (grade E): a clinic checks those of its patients' countries.
Countries whose number differs by region, or is in doubt, are left out on purpose.
"""

from dataclasses import dataclass

from schedules.plan.vocabulary import Language

EMERGENCY_NUMBERS: dict[str, str] = {
    **dict.fromkeys(("US", "CA", "MX", "PR", "DO", "CR", "PA", "UY", "PH"), "911"),
    **dict.fromkeys(("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"), "112"),
    **dict.fromkeys(("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "IN"), "112"),
    "GB": "999",
    "CH": "144",
    "NO": "113",
    "IS": "112",
    "AU": "000",
    "NZ": "111",
    "JP": "119",
    "KR": "119",
    "NP": "102",
    "SG": "995",
    "ZA": "10177",
    "BR": "192",
    "CL": "131",
    "CO": "123",
    "EC": "911",
    "IL": "101",
    "AE": "998",
}
_LOCAL = {Language.en: "your local emergency number", Language.es: "al número de emergencias de su localidad"}
_TEXT = {
    Language.en: (
        "Nobody reads this right away. In an emergency call {number}. For questions call your clinic: {phone}."
    ),
    Language.es: (
        "Nadie lee esto de inmediato. En una emergencia llame {number}. "
        "Si tiene preguntas, llame a su clínica: {phone}."
    ),
}


@dataclass(frozen=True, slots=True)
class EmergencyAdvice:
    """The number to call, None where it is not known, and what to say in the patient's language."""

    number: str | None
    text: str


def emergency_advice(country: str, language: Language, practice_phone: str) -> EmergencyAdvice:
    """Return what a patient in `country` (ISO 3166-1 alpha-2) is told."""
    number = EMERGENCY_NUMBERS.get(country)
    told = number or _LOCAL[language]
    if number and language is Language.es:
        told = f"al {number}"
    return EmergencyAdvice(number, _TEXT[language].format(number=told, phone=practice_phone))
