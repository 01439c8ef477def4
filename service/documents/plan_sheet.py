"""A patient's plan on paper: today's limits, and each step with its day, in words that never say "you may"."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import partial

from schedules.plan.day_words import day_words
from schedules.plan.vocabulary import Grade, Language
from service.documents.typeset import Block, Document, Facts, Heading, Paragraph, Table
from service.documents.words import grade_words, say
from service.pages.lines import LimitLine


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the plan: what it is, the day it is planned for (None: not known yet), and how it stands in words."""

    name: str
    on: date | None
    state: str


@dataclass(frozen=True, slots=True)
class PlanSheet:
    """What the paper tells. `surgeries` are names with their days; `revision` is that of the plan."""

    language: Language
    country: str
    clinic: str
    phone: str
    patient: str
    as_of: date
    revision: int
    surgeries: tuple[tuple[str, date | None], ...]
    limits: tuple[LimitLine, ...]
    steps: tuple[Step, ...]
    grades: frozenset[Grade]
    is_signed: bool


def plan_document(sheet: PlanSheet) -> Document:
    """Return the text of a plan, to be typeset."""
    speak = partial(say, sheet.language)
    return Document(
        title=speak("plan"),
        language=sheet.language,
        country=sheet.country,
        sender=(sheet.clinic, sheet.phone),
        addressee=(sheet.patient,),
        blocks=(
            Facts(tuple((name, _day(on, sheet.language)) for name, on in sheet.surgeries)),
            Heading(speak("plan_limits", day=day_words(sheet.as_of, sheet.language))),
            _limits(sheet.limits, sheet.language),
            Heading(speak("plan_steps")),
            _steps(sheet.steps, sheet.language),
            Paragraph(speak("plan_basis", phone=sheet.phone)),
        ),
        footer=speak(
            "plan_footer",
            day=day_words(sheet.as_of, sheet.language),
            revision=sheet.revision,
            grades=grade_words(sheet.grades, sheet.language),
            signed=speak("protocol_signed" if sheet.is_signed else "protocol_draft"),
        ),
    )


def _limits(limits: Iterable[LimitLine], language: Language) -> Block:
    rows = tuple((each.name, _amount(each), _until(each, language)) for each in limits)
    if not rows:
        return Paragraph(say(language, "plan_no_limits"))
    return Table((say(language, "restriction"), say(language, "plan_what"), say(language, "plan_until")), rows)


def _amount(limit: LimitLine) -> str:
    return limit.text if limit.kilograms is None else f"{limit.text} ({limit.kilograms})"


def _until(limit: LimitLine, language: Language) -> str:
    if limit.may_end:
        return say(language, "plan_ask_whether")
    return limit.through or say(language, "until_cleared")


def _steps(steps: Iterable[Step], language: Language) -> Block:
    rows = tuple((_day(each.on, language), each.name, each.state) for each in steps)
    if not rows:
        return Paragraph(say(language, "plan_no_steps"))
    return Table((say(language, "plan_day"), say(language, "plan_step"), say(language, "plan_state")), rows)


def _day(on: date | None, language: Language) -> str:
    return say(language, "plan_no_day") if on is None else day_words(on, language)
