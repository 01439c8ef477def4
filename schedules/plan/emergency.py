"""Whom to call in an emergency, and what is said while nobody watches.

The number follows from the country where the patient is, never from a text; an unknown country gets words instead. The
numbers are general knowledge, not read in a source (grade E): a clinic checks those of its patients' countries.
Countries whose number differs by region, or is in doubt, are left out on purpose.
"""

from schedules.plan.protocol import Text
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
LOCAL_NUMBER = Text(en="your local emergency number", es="número de emergencias de su localidad")  # follows "al"
# `{number}` and `{phone}` are filled in where the text is shown.
NOT_MONITORED = Text(
    en="Nobody reads this right away. In an emergency call {number}. For questions call your clinic: {phone}.",
    es=(
        "Nadie lee esto de inmediato. En una emergencia llame al {number}. "
        "Si tiene preguntas, llame a su clínica: {phone}."
    ),
)
# Somebody is on call: told beside what was reported, as nobody watches a screen.
MONITORED = Text(
    en=(
        "Somebody of your care team is on call. Do not wait for an answer: in an emergency call {number}. "
        "For questions call your clinic: {phone}."
    ),
    es=(
        "Alguien de su equipo de atención está de guardia. No espere una respuesta: en una emergencia llame al "
        "{number}. Si tiene preguntas, llame a su clínica: {phone}."
    ),
)


def emergency_number(country: str) -> str | None:
    """Return the number to call in `country` (ISO 3166-1 alpha-2), None where it is not known."""
    return EMERGENCY_NUMBERS.get(country)


def emergency_words(country: str, language: Language) -> str:
    """Return the number, or words for it where it is not known. In Spanish they follow "al"."""
    return emergency_number(country) or LOCAL_NUMBER.in_language(language)
