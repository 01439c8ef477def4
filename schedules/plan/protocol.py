"""Clinical content after parsing: protocols, the content they share, and the bibliography.

Days are calendar days from the day of surgery (day 0); pounds are `*_lb`. Knows no patient and no file.
"""

from dataclasses import dataclass, field, replace
from datetime import time
from enum import StrEnum
from typing import Final

from schedules.plan.errors import PlanError, describe
from schedules.plan.vocabulary import (
    Anchor,
    Approach,
    ApproachClass,
    Grade,
    Language,
    MilestoneKind,
    PastPolicy,
    Phase,
    Procedure,
    ProtocolStatus,
    ReminderCategory,
    WeekendRule,
    WorkClass,
)


class SourceMark(StrEnum):
    """What was read of a source: the figure itself, only that the source exists, or nothing (general knowledge)."""

    SEEN = "SEEN"
    PART = "PART"
    MEM = "MEM"


class EligibleBy(StrEnum):
    """Which day of the lifting limits a work class waits for; `surgeon` is never a date."""

    occasional_limit = "occasional_limit"
    unrestricted = "unrestricted"
    surgeon = "surgeon"


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of the bibliography; `address` as it was seen."""

    id: str
    citation: str
    address: str | None
    mark: SourceMark
    remark: str | None


@dataclass(frozen=True, slots=True)
class Text:
    """One text in every language."""

    en: str
    es: str

    def in_language(self, language: Language) -> str:
        """Return the text in `language`."""
        return self.es if language is Language.es else self.en

    def by_language(self) -> dict[str, str]:
        """Return the text as rows and the wire carry it."""
        return {"en": self.en, "es": self.es}

    def filled(self, **figures: int | None) -> "Text":
        """Return the text with each `{name}` replaced by its figure. Figures that the text does not name are left."""
        english, spanish = self.en, self.es
        for name, figure in figures.items():
            english, spanish = (each.replace(f"{{{name}}}", str(figure)) for each in (english, spanish))
        return Text(en=english, es=spanish)


# In the days after day surgery the check-in asks for red flags: a draft of ours, grade E, that no protocol holds.
ASKS_RED_FLAGS: Final = "red_flags"
_RED_FLAGS_TEXT: Final = Text(
    en="How are you after your surgery? Please answer the safety questions now. Do not wait for us with an emergency.",
    es="¿Cómo está después de su operación? Responda ahora las preguntas de seguridad; en una emergencia no espere.",
)


@dataclass(frozen=True, slots=True)
class TextCatalogue:
    """The texts of plans: of milestones and of restrictions, by key."""

    milestones: dict[str, Text] = field(hash=False)
    restrictions: dict[str, Text] = field(hash=False)


@dataclass(frozen=True, slots=True)
class MilestoneTemplate:
    """A milestone as day offsets. All days None: dated by a clinician. No latest: no upper bound."""

    key: str
    kind: MilestoneKind
    phase: Phase
    earliest_days: int | None
    target_days: int | None
    latest_days: int | None
    grade: Grade | None
    sources: tuple[str, ...]
    note: str | None


@dataclass(frozen=True, slots=True)
class LiftingPhase:
    """At most `limit_lb` pounds over a span of days.

    `through_days` None: not defined further, holds until cleared. `condition`: the phase before it holds until a
    clinician has seen that the condition is met.
    """

    from_days: int
    through_days: int | None
    limit_lb: int
    condition: str | None
    text_key: str
    grade: Grade
    sources: tuple[str, ...]
    note: str | None


@dataclass(frozen=True, slots=True)
class Lifting:
    """The lifting limits of a protocol. `unrestricted_from_days` None: only the surgeon ends the last limit."""

    phases: tuple[LiftingPhase, ...]
    unrestricted_from_days: int | None
    unrestricted_condition: str | None
    unrestricted_note: str | None


@dataclass(frozen=True, slots=True)
class SittingLimit:
    """Minutes of sitting at a time, from day 0 through `through_days`."""

    through_days: int
    minutes: int
    grade: Grade
    sources: tuple[str, ...]
    note: str | None


@dataclass(frozen=True, slots=True)
class LowBoneDensityLimit:
    """With low bone density lifting stays at `limit_lb`; after `through_days` a clinician may raise it."""

    through_days: int
    limit_lb: int
    grade: Grade
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OptionalImaging:
    """Imaging that is ordered when needed and never scheduled by itself."""

    what: str
    day: int | None
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PoundsRange:
    """Pounds of one frequency of handling: more than `over_lb`, up to `to_lb`; None is no bound."""

    over_lb: int | None
    to_lb: int | None


@dataclass(frozen=True, slots=True)
class WorkDemand:
    """A physical demand level (US Department of Labor). A frequency that is None is negligible."""

    work_class: WorkClass
    milestone: MilestoneKind
    eligible_by: EligibleBy
    occasional: PoundsRange
    frequent: PoundsRange | None
    constant: PoundsRange | None


@dataclass(frozen=True, slots=True)
class WorkDemands:
    """The table of demand levels and where it comes from."""

    levels: tuple[WorkDemand, ...]
    sources: tuple[str, ...]

    def of_milestone(self, kind: MilestoneKind) -> WorkDemand:
        """Return the level that `kind` returns to. Raises PlanError if the table has none."""
        for level in self.levels:
            if level.milestone is kind:
                return level
        raise PlanError("work_classes", "a level for every return to work", describe(kind))


@dataclass(frozen=True, slots=True)
class ReminderTemplate:
    """One reminder of a kind of milestone: `days` from the anchor at the patient's wall time `local_time`."""

    kind: MilestoneKind
    key: str
    anchor: Anchor
    days: int
    local_time: time
    useful_hours: int
    weekend: WeekendRule
    past_policy: PastPolicy
    category: ReminderCategory
    text: Text
    grade: Grade


@dataclass(frozen=True, slots=True)
class SilentKind:
    """A kind of milestone with a text for the app and no reminder."""

    kind: MilestoneKind
    past_policy: PastPolicy
    category: ReminderCategory
    text: Text
    grade: Grade


@dataclass(frozen=True, slots=True)
class ReminderRules:
    """One version of the reminders. `status` is draft until the clinic signs it."""

    version: int
    status: ProtocolStatus
    templates: tuple[ReminderTemplate, ...]
    silent: tuple[SilentKind, ...]
    _by_kind: dict[MilestoneKind, tuple[ReminderTemplate, ...]] = field(init=False, repr=False, compare=False)
    _policies: dict[MilestoneKind, PastPolicy] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_kind: dict[MilestoneKind, tuple[ReminderTemplate, ...]] = {}
        for template in self.templates:
            by_kind[template.kind] = (*by_kind.get(template.kind, ()), template)
        if by_kind.get(MilestoneKind.check_in):
            usual = by_kind[MilestoneKind.check_in]
            safety = replace(usual[0], key=ASKS_RED_FLAGS, category=ReminderCategory.safety, text=_RED_FLAGS_TEXT)
            by_kind[MilestoneKind.check_in] = (*usual, replace(safety, grade=Grade.E))
        object.__setattr__(self, "_by_kind", by_kind)
        policies = {template.kind: template.past_policy for template in self.templates}
        policies |= {silent.kind: silent.past_policy for silent in self.silent}
        object.__setattr__(self, "_policies", policies)

    def for_kind(self, kind: MilestoneKind) -> tuple[ReminderTemplate, ...]:
        """Return the reminders of `kind` in the file's order, or none.

        Of check-ins the one that asks for red flags comes last, and goes out at the time of the first.
        """
        return self._by_kind.get(kind, ())

    def past_policy_of(self, kind: MilestoneKind) -> PastPolicy | None:
        """Return what happens to an item of `kind` whose day is past at enrolment; None where nothing is said."""
        return self._policies.get(kind)


@dataclass(frozen=True, slots=True)
class Protocol:
    """One version of one protocol with all that it includes.

    `digest` is the SHA-256, in hex, over its own bytes and those of the files it includes. `approach_class` None:
    anterior cervical surgery. `max_levels` None: no limit.
    """

    id: str
    version: int
    digest: str
    title: str
    status: ProtocolStatus
    procedure: Procedure
    approach_class: ApproachClass | None
    approaches: tuple[Approach, ...]
    min_levels: int
    max_levels: int | None
    milestones: tuple[MilestoneTemplate, ...]
    lifting: Lifting
    sitting: SittingLimit | None
    low_bone_density: LowBoneDensityLimit | None
    optional_imaging: tuple[OptionalImaging, ...]
    work: WorkDemands
    reminders: ReminderRules
    texts: TextCatalogue

    def find_milestone(self, key: str) -> MilestoneTemplate | None:
        """Return the milestone with `key`, or None."""
        return next((template for template in self.milestones if template.key == key), None)
