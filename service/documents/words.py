"""What documents say, in every language: the one place is words.toml. Clinical words come from the plan."""

import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from schedules.plan.vocabulary import Grade, Language

FILE: Final = Path(__file__).parent / "words.toml"


@lru_cache(maxsize=1)
def all_words() -> Mapping[str, Mapping[str, str]]:
    """Return every word by key and language."""
    with FILE.open("rb") as file:
        return tomllib.load(file)


def say(language: Language, key: str, /, **values: object) -> str:
    """Return what a key says. Raises KeyError for an unknown key."""
    text = all_words()[key][language.value]
    return text.format(**values) if values else text


def grade_words(grades: Iterable[Grade], language: Language) -> str:
    """Return the words of some grades, the strongest first."""
    return ", ".join(say(language, f"grade_{each}") for each in sorted(grades)) or say(language, "no_grade")
