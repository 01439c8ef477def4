"""Parsing of the file of cards. Turns bytes into frozen content or raises ProtocolError. Reads no file."""

import re
from collections.abc import Mapping
from typing import TypeVar

from schedules.plan.cards import EARLIEST_DAY, LATEST_DAY, Card, CardText, Statement, faults_of_card
from schedules.plan.errors import describe
from schedules.plan.parse_shared import open_shared, read_graded_sources, read_text
from schedules.plan.protocol import Source
from schedules.plan.toml_table import Table
from schedules.plan.vocabulary import ApproachClass, Language, Procedure

Word = TypeVar("Word", Procedure, ApproachClass)
_ID = re.compile("[a-z][a-z0-9_]{0,39}")


def parse_cards(raw: bytes, *, file: str, sources: Mapping[str, Source]) -> tuple[Card, ...]:
    """Return the cards of a file, in its order. Raises ProtocolError, also for one that could contradict a plan."""
    top, _, _ = open_shared(raw, file=file)
    cards: dict[str, Card] = {}
    for entry in top.tables("card"):
        card = _read_card(entry, sources)
        if card.id in cards:
            entry.fail("id", "each card once", describe(card.id))
        cards[card.id] = card
    top.finish()
    return tuple(cards.values())


def _read_card(entry: Table, sources: Mapping[str, Source]) -> Card:
    card_id = entry.text("id")
    if not _ID.fullmatch(card_id):
        entry.fail("id", "1 to 40 of a-z, 0-9 and _, a letter first", describe(card_id))
    title, from_day, through_day = (
        read_text(entry.table("title")),
        entry.integer("from_day"),
        entry.integer("through_day"),
    )
    if not EARLIEST_DAY <= from_day <= through_day <= LATEST_DAY:
        entry.fail("from_day", f"days in order from {EARLIEST_DAY} to {LATEST_DAY}", f"{from_day}, {through_day}")
    procedures, classes = _words(entry, "procedures", Procedure), _words(entry, "classes", ApproachClass)
    statements = [_read_statement(each, sources) for each in entry.tables("statement")]
    if not statements:
        entry.fail("statement", "at least one statement", "none")
    entry.finish()
    texts = {
        language: CardText(
            title.in_language(language), tuple(each[language] for each in statements), from_day, through_day
        )
        for language in Language
    }
    for language, text in texts.items():
        for fault in faults_of_card(text, language):
            entry.fail(f"{language}{fault.where}".replace("/", "."), fault.expected, fault.got)
    return Card(card_id, procedures, classes, texts)


def _read_statement(entry: Table, sources: Mapping[str, Source]) -> dict[Language, Statement]:
    words = {language: entry.text(language.value) for language in Language}
    grade, cited = read_graded_sources(entry, sources)
    entry.finish()
    return {language: Statement(text, grade, cited) for language, text in words.items()}


def _words(entry: Table, key: str, vocabulary: type[Word]) -> frozenset[Word]:
    named = entry.text_list(key)
    if not set(named) <= set(vocabulary):
        entry.fail(key, "a list of " + ", ".join(vocabulary), "another word")
    return frozenset(vocabulary(each) for each in named)
