"""What the dashboard says, in every language: the one place is words.toml. Clinical words come from the plan."""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from schedules.plan.vocabulary import Language

FILE: Final = Path(__file__).parent / "words.toml"
_UNSENT: Final = "unsent_"
_WEEKDAYS: Final = {
    Language.en: ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    Language.es: ("lun", "mar", "mié", "jue", "vie", "sáb", "dom"),
}
_MONTHS: Final = {
    Language.en: ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    Language.es: ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
}
_HALF_A_YEAR: Final = timedelta(days=183)


@lru_cache(maxsize=1)
def all_words() -> Mapping[str, Mapping[str, str]]:
    """Return every word by key and language."""
    with FILE.open("rb") as file:
        return tomllib.load(file)


def say(language: Language, key: str, /, **values: object) -> str:
    """Return what a key says. `n` chooses between one and several. Raises KeyError for an unknown key."""
    if values.get("n") == 1 and f"{key}_one" in all_words():
        key = f"{key}_one"
    text = all_words()[key][language.value]
    return text.format(**values) if values else text


def unsent_reasons() -> frozenset[str]:
    """Return the reasons, why a message waits or did not go out, that there are words for."""
    return frozenset(key.removeprefix(_UNSENT) for key in all_words() if key.startswith(_UNSENT))


def day_words(on: date, language: Language, *, near: date | None = None, weekday: bool = True) -> str:
    """Return a day as it is said: Tue 14 Apr. It has its year unless it is within half a year of `near`."""
    said = f"{on.day} {_MONTHS[language][on.month - 1]}"
    if weekday:
        said = f"{_WEEKDAYS[language][on.weekday()]} {said}"
    return said if near is not None and abs(on - near) <= _HALF_A_YEAR else f"{said} {on.year}"


def month_words(first_day: date, language: Language) -> str:
    """Return a month as it is said: Apr 2026."""
    return f"{_MONTHS[language][first_day.month - 1]} {first_day.year}"


def instant_words(at: datetime, zone: ZoneInfo, language: Language, *, near: date) -> str:
    """Return an instant as it is said in the clinic's zone: Tue 14 Apr 09:05, with its year as `day_words` has it."""
    local = at.astimezone(zone)
    return f"{day_words(local.date(), language, near=near)} {local:%H:%M}"


def pod_words(pod: int, language: Language) -> str:
    """Return a postoperative day as it is said: POD 17, day of surgery, or in 3 days."""
    if pod < 0:
        return say(language, "in_days", n=-pod)
    return say(language, "pod", n=pod)


def age_on(born_on: date, on: date) -> int:
    """Return somebody's age in whole years on a day."""
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))
