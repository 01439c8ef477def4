"""What a page shows of limits and plan, as lines of text in the patient's language."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from models import Staff
from schedules.plan.day_limits import HELD, DayLimits, Limit
from schedules.plan.day_words import day_words
from schedules.plan.kind_words import kind_name
from schedules.plan.vocabulary import Language, LimitState, MilestoneKind, Units
from schedules.plan.wording import time_words
from service.care.cards import VersionView
from service.care.message_links import Instruction, MessageView
from service.care.progress_view import ProgressItem
from service.pages.words import WORDS

KG_PER_LB = 0.45359237


@dataclass(frozen=True, slots=True)
class LimitLine:
    """One limit that holds today. `kilograms`: its weight for who counts in them, rounded down, else None."""

    name: str
    text: str
    through: str | None
    may_end: bool
    kilograms: str | None


@dataclass(frozen=True, slots=True)
class NextLine:
    """One item of the plan that comes next."""

    name: str
    day: str | None
    state: str


@dataclass(frozen=True, slots=True)
class InstructionLine:
    """What a clinician entered, by name: `arrival` is the wall time that fasting times count from."""

    name: str
    note: str | None
    arrival: str | None
    day: str | None
    text: str | None
    entered_by: str
    signed_by: str | None


@dataclass(frozen=True, slots=True)
class CardLine:
    """A card about daily life: each statement with what its grade means, and who signed it, or that nobody did."""

    title: str
    statements: list[tuple[str, str]]
    standing: str


def card_lines(view: MessageView) -> list[CardLine]:
    """Return the cards that apply today."""
    language = Language(view.patient.language)
    return [_card_line(each.shown, language) for each in view.cards]


def _card_line(shown: VersionView, language: Language) -> CardLine:
    standing = WORDS["card_draft"].in_language(language)
    if shown.signature is not None:
        signed_on = day_words(shown.signature.signed_on, language)
        standing = f"{WORDS['signed_by'].in_language(language)} {shown.signature.signed_by}, {signed_on}."
    statements = [(each.text, WORDS[f"grade_{each.grade}"].in_language(language)) for each in shown.text.statements]
    return CardLine(shown.text.title, statements, standing)


def limit_lines(view: MessageView) -> list[LimitLine]:
    """Return the limits that hold today. What was cleared, or is not limited, has no line."""
    if view.limits is None:
        return []
    return lines_of(view.limits, Language(view.patient.language), view.patient.units)


def lines_of(limits: DayLimits, language: Language, units: Units) -> list[LimitLine]:
    """Return the limits that hold on a day."""
    held = [(name, limit) for name, limit in _limits(limits) if limit.state in HELD and limit.text is not None]
    return [_limit_line(name, limit, language, units) for name, limit in held]


def next_lines(view: MessageView) -> list[NextLine]:
    """Return the next items of the plan."""
    language = Language(view.patient.language)
    return [_next_line(item, language) for item in view.next]


def instruction_lines(view: MessageView) -> list[InstructionLine]:
    """Return what clinicians entered for the patient, of the items that the message is about."""
    return [_instruction_line(each, Language(view.patient.language)) for each in view.instructions]


def _instruction_line(told: Instruction, language: Language) -> InstructionLine:
    slot, entry = told.slot, told.slot.entry
    arrival_at = slot.surgery.arrival_at if slot.milestone.kind == MilestoneKind.fasting else None
    return InstructionLine(
        name=kind_name(MilestoneKind(slot.milestone.kind)).in_language(language),
        note=told.note,
        arrival=None if arrival_at is None else time_words(arrival_at, language),
        day=None if entry is None else _day(entry.due_on, language),
        text=None if entry is None else entry.instruction,
        entered_by=_named(told.entered_by, language),
        signed_by=None if told.signed_by is None else _named(told.signed_by, language),
    )


def _named(staff: Staff, language: Language) -> str:
    return f"{staff.display_name} ({WORDS[staff.role.value].in_language(language)})"


def _limits(limits: DayLimits) -> Iterator[tuple[str, Limit]]:
    for name in ("lifting", "bending_twisting", "driving", "sitting", "brace"):
        yield name, getattr(limits, name)
    for name in ("low_impact", "non_contact", "contact"):
        yield name, getattr(limits.sport, name)
    yield "work", limits.work.limit


def _limit_line(name: str, limit: Limit, language: Language, units: Units) -> LimitLine:
    in_kilograms = units is Units.metric and limit.limit_lb is not None
    return LimitLine(
        name=WORDS[name].in_language(language),
        text=limit.text.in_language(language) if limit.text is not None else "",
        through=_day(limit.until_on, language),
        may_end=limit.state is LimitState.eligible,
        kilograms=f"{int((limit.limit_lb or 0) * KG_PER_LB * 2) / 2:g} kg" if in_kilograms else None,
    )


def _next_line(item: ProgressItem, language: Language) -> NextLine:
    name = kind_name(MilestoneKind(item.row.kind)).in_language(language)
    return NextLine(name, _day(item.row.target_on, language), item.patient_text.in_language(language))


def _day(on: date | None, language: Language) -> str | None:
    return None if on is None else day_words(on, language)
