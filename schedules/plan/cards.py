"""Cards: short texts about daily life after surgery, for whom and on which days each is, and what none may say. Pure.

What a plan limits (weight, bending, driving, bathing, work, ...) stands in the plan alone: a card that speaks of it has
no figure and gives no leave, so that it cannot come to contradict the plan. A search for words: a signer still reads.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from schedules.plan.leave import gives_leave
from schedules.plan.vocabulary import ApproachClass, Grade, Language, Procedure

EARLIEST_DAY: Final = -90  # days from surgery within which a card may be shown
LATEST_DAY: Final = 730
_LIMITED: Final[Mapping[Language, re.Pattern[str]]] = {
    Language.en: re.compile(
        r"(?i)\b(?:lift\w*|carry\w*|carri\w*|weigh\w*|bend\w*|twist\w*|driv\w*|shower\w*|bath\w*|soak\w*|swim\w*|pools?"
        r"|tubs?|braces?|collars?|sports?|exercis\w*|work(?!s\b)\w*|sit|sits|sitting|pounds?|lbs?|kilo\w*|kg)\b"
    ),
    Language.es: re.compile(
        r"(?i)\b(?:lev[aá]nt\w*|carg(?:ar?|ue|ues)|pes[oa]s?|incl[ií]n\w*|g[ií]r(?:ar|arse|e|o|os)?|conduc\w*|condu[zj]\w*"
        r"|manej\w*|d[uú]ch\w*|bañ\w*|remoj\w*|nad(?:ar|e)|piscinas?|jacuzzi|corsés?|collarín|collarines|deport\w*"
        r"|ejercici\w*|trabaj\w*|sentad[oa]s?|sentarse|si[eé]ntese|libras?|lbs?|kilo\w*|kg)\b"
    ),
}
_FIGURE: Final[Mapping[Language, re.Pattern[str]]] = {
    Language.en: re.compile(
        r"(?i)[\d½¼¾]|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty"
        r"|sixty|ninety|hundred)\b|\b(?:an?|one)\s+(?:minute|hour|day|week|month|year|pound|kilo\w*)\b"
    ),
    Language.es: re.compile(
        r"(?i)[\d½¼¾]|\b(?:dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|quince|veinte|treinta|cuarenta"
        r"|cincuenta|sesenta|noventa|cien)\b|\bun[ao]?\s+(?:minuto|hora|día|semana|mes|año|libra|kilo\w*)\b"
    ),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a card, with its grade and the ids of its sources."""

    text: str
    grade: Grade
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CardText:
    """A card in one language, shown from `from_day` through `through_day` after surgery (day 0) if `is_shown`."""

    title: str
    statements: tuple[Statement, ...]
    from_day: int
    through_day: int
    is_shown: bool = True

    def covers(self, day: int) -> bool:
        """Return whether the card is shown on a day after surgery."""
        return self.is_shown and self.from_day <= day <= self.through_day

    def as_data(self) -> dict[str, Any]:
        """Return the text as rows carry it."""
        return asdict(self) | {"statements": [asdict(each) | {"sources": [*each.sources]} for each in self.statements]}

    def digest(self) -> str:
        """Return the SHA-256 over everything in it, in hex."""
        told = json.dumps(self.as_data(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Card:
    """A card that ships. `procedures` and `classes` say whose it is; empty: everybody's."""

    id: str
    procedures: frozenset[Procedure]
    classes: frozenset[ApproachClass]
    texts: Mapping[Language, CardText] = field(hash=False)

    def serves(self, procedure: Procedure, approach_class: ApproachClass | None) -> bool:
        """Return whether the card is for patients of a surgery. Without a class only cards of no class are."""
        return (not self.procedures or procedure in self.procedures) and (
            not self.classes or approach_class in self.classes
        )


@dataclass(frozen=True, slots=True)
class CardFault:
    """What a card may not say: `where` is a JSON pointer."""

    where: str
    expected: str
    got: str


def read_card_text(told: Mapping[str, Any]) -> CardText:
    """Return the text that a row carries."""
    statements = tuple(
        Statement(each["text"], Grade(each["grade"]), tuple(each["sources"])) for each in told["statements"]
    )
    return CardText(told["title"], statements, told["from_day"], told["through_day"], told["is_shown"])


def faults_of_card(text: CardText, language: Language) -> Iterator[CardFault]:
    """Yield where a card could contradict a plan: a figure, or leave, in a card that speaks of what plans limit."""
    told = {"/title": text.title} | {f"/statements/{n}/text": each.text for n, each in enumerate(text.statements)}
    if not any(_LIMITED[language].search(words) for words in told.values()):
        return
    for where, words in told.items():
        if _FIGURE[language].search(words):
            yield CardFault(where, "no figure in a card about what plans limit: your plan's limit", "a figure")
        if gives_leave(words):
            yield CardFault(where, "only that the patient asks whether: plans limit this", "leave")
