"""Says days in words, in every language: for messages, pages and letters. Knows no clock and no zone."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from schedules.plan.vocabulary import Language

MONTHS: Final[Mapping[Language, tuple[str, ...]]] = MappingProxyType(
    {
        Language.en: (
            "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
            "November", "December",
        ),
        Language.es: (
            "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
            "noviembre", "diciembre",
        ),
    }
)  # fmt: skip


def day_words(on: date, language: Language) -> str:
    """Return a day as it is said.

    >>> day_words(date(2026, 3, 16), Language.en), day_words(date(2026, 3, 16), Language.es)
    ('March 16, 2026', '16 de marzo de 2026')
    """
    month = MONTHS[language][on.month - 1]
    return f"{on.day} de {month} de {on.year}" if language is Language.es else f"{month} {on.day}, {on.year}"
