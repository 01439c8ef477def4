"""The work-status letter: what an employer or a carrier needs of it, and nothing else of the patient.

No diagnosis, procedure, date of birth or record number, unless the patient's release says that the recipient may learn
of diagnosis and procedure.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

from schedules.plan.day_words import day_words
from schedules.plan.protocol import PoundsRange
from schedules.plan.vocabulary import Grade, Language, WorkStatus
from schedules.plan.work_status import Ending, OpenEnd, WorkReport
from schedules.plan.work_terms import Handling, WorkRestriction, WorkTerms
from service.documents.typeset import Block, Document, Facts, Heading, Paragraph, Table
from service.documents.words import grade_words, say

_KG_PER_LB: Final = 0.45359237


@dataclass(frozen=True, slots=True)
class ClearedForWork:
    """Who cleared the patient for work, and when; `by_rule`: by a rule of the clinic that this clinician signed."""

    name: str
    on: date
    by_rule: bool


@dataclass(frozen=True, slots=True)
class Addressee:
    """To whom a letter goes, under which release. `kind` is `employer` or `carrier`."""

    kind: str
    name: str
    address: str | None
    claim_number: str | None
    injured_on: date | None
    released_on: date


@dataclass(frozen=True, slots=True)
class WorkLetter:
    """What one letter tells. `diagnosis` is None unless the release covers it. `report` has a status."""

    language: Language
    country: str
    clinic: str
    phone: str
    to: Addressee
    patient: str
    diagnosis: str | None
    number: int
    made_on: date
    made_by: str
    report: WorkReport
    terms: WorkTerms
    cleared: ClearedForWork | None
    grades: frozenset[Grade]
    is_signed: bool


def facts_digest(report: WorkReport, cleared: ClearedForWork | None) -> str:
    """Return the digest of what a letter tells of the plan: it changes when the plan says otherwise."""
    terms = report.terms
    told = {
        "status": None if terms is None else terms.status,
        "class": None if terms is None else terms.work_class,
        "from": report.effective_on,
        "end": _ending(report.expected_end),
        "restrictions": [
            (each.kind, each.limit_lb, each.limit_minutes, _ending(end)) for each, end in _told_restrictions(report)
        ],
        "cleared": None if cleared is None else (cleared.name, cleared.on, cleared.by_rule),
    }
    return hashlib.sha256(json.dumps(told, default=str, sort_keys=True).encode()).hexdigest()


def work_document(letter: WorkLetter) -> Document:
    """Return a letter's text, to be typeset."""
    speak = partial(say, letter.language)
    released_on = day_words(letter.to.released_on, letter.language)
    return Document(
        title=speak("work_status"),
        language=letter.language,
        country=letter.country,
        sender=(letter.clinic, letter.phone),
        addressee=(speak(f"to_{letter.to.kind}"), letter.to.name, *(letter.to.address or "").splitlines()),
        blocks=(
            Facts(tuple(_about(letter))),
            Heading(speak("status")),
            Paragraph(speak(f"status_{letter.terms.status}"), is_strong=True),
            Facts(tuple(_terms(letter))),
            Heading(speak("restrictions")),
            _restrictions(letter),
            Paragraph(speak("basis")),
            Paragraph(speak("confidential", day=released_on, phone=letter.phone)),
        ),
        footer=_footer(letter),
    )


def _about(letter: WorkLetter) -> Iterator[tuple[str, str]]:
    speak, to = partial(say, letter.language), letter.to
    yield speak("patient"), letter.patient
    if to.claim_number is not None:
        yield speak("claim_number"), to.claim_number
    if to.injured_on is not None:
        yield speak("injured_on"), day_words(to.injured_on, letter.language)
    if letter.diagnosis is not None:
        yield speak("diagnosis"), letter.diagnosis
    yield speak("status_on"), day_words(letter.report.on, letter.language)
    yield speak("prepared_by"), letter.made_by


def _terms(letter: WorkLetter) -> Iterator[tuple[str, str]]:
    speak, report = partial(say, letter.language), letter.report
    if report.effective_on is not None:
        yield speak("effective_on"), day_words(report.effective_on, letter.language)
    yield speak("ends"), _end_words(report.expected_end, letter.language)
    yield speak("cleared_by"), _cleared_words(letter.cleared, letter.language)
    if letter.terms.work_class is not None:
        yield speak("work_class"), speak(f"class_{letter.terms.work_class}")
    if letter.terms.handling is not None:
        yield from _handling(letter.terms.handling, letter.language)


def _handling(handling: Handling, language: Language) -> Iterator[tuple[str, str]]:
    for name in ("occasional", "frequent", "constant"):
        yield say(language, name), _pounds(getattr(handling, name), language)


def _pounds(pounds: PoundsRange | None, language: Language) -> str:
    if pounds is None:
        return say(language, "negligible")
    return say(language, "any_weight") if pounds.to_lb is None else _weight(pounds.to_lb, language)


def _weight(pounds: int, language: Language) -> str:
    """Return a limit in pounds, and in kilograms rounded down to a half."""
    return say(language, "up_to_lb", lb=pounds, kg=f"{int(pounds * _KG_PER_LB * 2) / 2:g}")


def _restrictions(letter: WorkLetter) -> Block:
    speak = partial(say, letter.language)
    rows = tuple(
        (speak(f"restrict_{each.kind}"), _amount(each, letter.language), _end_words(end, letter.language))
        for each, end in _told_restrictions(letter.report)
    )
    if not rows:
        return Paragraph(speak("no_work" if letter.terms.status is WorkStatus.prevented else "no_restrictions"))
    return Table((speak("restriction"), speak("how_much"), speak("ends")), rows)


def _told_restrictions(report: WorkReport) -> list[tuple[WorkRestriction, Ending]]:
    """Return the restrictions at work with their ends: none of who does not work, since nobody there needs them."""
    if report.terms is None or report.terms.status is WorkStatus.prevented:
        return []
    return list(zip(report.terms.restrictions, report.restriction_ends, strict=True))


def _amount(restriction: WorkRestriction, language: Language) -> str:
    if restriction.limit_lb is not None:
        return _weight(restriction.limit_lb, language)
    if restriction.limit_minutes is not None:
        return say(language, "minutes", n=restriction.limit_minutes)
    return "–"


def _end_words(end: Ending | None, language: Language) -> str:
    if end is not None and end.on is not None:
        return day_words(end.on, language)
    return say(language, "no_end" if end is not None and end.why is OpenEnd.no_end else "until_cleared")


def _cleared_words(cleared: ClearedForWork | None, language: Language) -> str:
    if cleared is None:
        return say(language, "cleared_by_nobody")
    key = "cleared_by_rule" if cleared.by_rule else "cleared_on"
    return say(language, key, name=cleared.name, day=day_words(cleared.on, language))


def _footer(letter: WorkLetter) -> str:
    speak = partial(say, letter.language)
    return speak(
        "letter_footer",
        number=letter.number,
        day=day_words(letter.made_on, letter.language),
        grades=grade_words(letter.grades, letter.language),
        signed=speak("protocol_signed" if letter.is_signed else "protocol_draft"),
    )


def _ending(end: Ending | None) -> tuple[date | None, OpenEnd | None] | None:
    return None if end is None else (end.on, end.why)
