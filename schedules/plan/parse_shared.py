"""Parsing of the files that protocols share: milestones, reminders, texts, work classes and the bibliography.

Turns bytes into frozen content or raises ProtocolError. Reads no file.
"""

from collections.abc import Mapping

from schedules.plan.errors import describe
from schedules.plan.kinds import WORK_CLASS_OF
from schedules.plan.placeholders import placeholders_of, read_message_text
from schedules.plan.protocol import (
    EligibleBy,
    MilestoneTemplate,
    PoundsRange,
    ReminderRules,
    ReminderTemplate,
    SilentKind,
    Source,
    SourceMark,
    Text,
    TextCatalogue,
    WorkDemand,
    WorkDemands,
)
from schedules.plan.toml_table import Table, read_toml
from schedules.plan.vocabulary import (
    Anchor,
    Grade,
    MilestoneKind,
    PastPolicy,
    Phase,
    ProtocolStatus,
    ReminderCategory,
    WeekendRule,
    WorkClass,
)

# A plan cannot be written without these.
_MILESTONE_TEXTS = frozenset({"opioid_long_term"})
_RESTRICTION_TEXTS = frozenset(
    {"lifting", "lifting_low_bone_density", "bending_twisting", "driving", "brace", "sitting"}
    | set(WORK_CLASS_OF)
    | {MilestoneKind.sport_low, MilestoneKind.sport_nc, MilestoneKind.sport_ct}
)


def parse_sources(raw: bytes, *, file: str) -> dict[str, Source]:
    """Return the bibliography by source id. Raises ProtocolError."""
    top = read_toml(raw, file=file)
    sources: dict[str, Source] = {}
    for entry in top.tables("source"):
        source = Source(
            id=entry.text("id"),
            citation=entry.text("citation"),
            address=entry.optional_text("address"),
            mark=entry.word("mark", SourceMark),
            remark=entry.optional_text("remark"),
        )
        entry.finish()
        if source.id in sources:
            entry.fail("id", "each source once", describe(source.id))
        sources[source.id] = source
    top.finish()
    return sources


def parse_milestones(
    raw: bytes, *, file: str, phase: Phase, sources: Mapping[str, Source]
) -> tuple[MilestoneTemplate, ...]:
    """Return the milestones of a shared file. Raises ProtocolError."""
    top, _, _ = open_shared(raw, file=file)
    milestones = read_milestones(top.table("milestones"), phase=phase, sources=sources)
    top.finish()
    return milestones


def parse_texts(raw: bytes, *, file: str) -> TextCatalogue:
    """Return the texts of plans. Raises ProtocolError if one lacks a language."""
    top, _, _ = open_shared(raw, file=file)
    catalogue = TextCatalogue(
        milestones={name: read_text(table) for name, table in top.table("milestones").named_tables()},
        restrictions={name: read_text(table) for name, table in top.table("restrictions").named_tables()},
    )
    top.finish()
    for name in sorted(_RESTRICTION_TEXTS - catalogue.restrictions.keys()):
        top.fail("restrictions", f"a text {name}", "nothing")
    for name in sorted(_MILESTONE_TEXTS - catalogue.milestones.keys()):
        top.fail("milestones", f"a text {name}", "nothing")
    return catalogue


def parse_work_classes(raw: bytes, *, file: str, sources: Mapping[str, Source]) -> WorkDemands:
    """Return the table of physical demand levels. Raises ProtocolError if a class that works is missing."""
    top, _, _ = open_shared(raw, file=file)
    source_ids = read_source_ids(top, sources)
    classes = top.table("work_classes")
    levels = read_demands(classes)
    classes.finish()
    top.finish()
    return WorkDemands(levels=levels, sources=source_ids)


def read_demands(classes: Table) -> tuple[WorkDemand, ...]:
    """Return the level of every class that works, the lightest first. Raises ProtocolError if one is missing."""
    working = (each for each in WorkClass if each is not WorkClass.not_working)
    return tuple(_read_demand(classes.table(each), each) for each in working)


def parse_reminders(raw: bytes, *, file: str) -> ReminderRules:
    """Return the reminders of every kind of milestone. Raises ProtocolError."""
    top, version, status = open_shared(raw, file=file)
    templates = tuple(_read_reminder(entry) for entry in top.tables("reminder"))
    silent = tuple(_read_silent(entry) for entry in top.tables("without_reminder"))
    top.finish()
    _refuse_doubles(top, templates, silent)
    _refuse_mixed_policies(top, templates)
    return ReminderRules(version=version, status=status, templates=templates, silent=silent)


def read_milestones(table: Table, *, phase: Phase, sources: Mapping[str, Source]) -> tuple[MilestoneTemplate, ...]:
    """Return the milestones of a `[milestones]` table, in the file's order. Raises ProtocolError."""
    return tuple(_read_milestone(key, entry, phase, sources) for key, entry in table.named_tables())


def read_source_ids(table: Table, sources: Mapping[str, Source]) -> tuple[str, ...]:
    """Return the list `sources` of a table. Raises ProtocolError for an id that the bibliography lacks."""
    source_ids = table.text_list("sources")
    for source_id in source_ids:
        if source_id not in sources:
            table.fail("sources", "ids of the bibliography", describe(source_id))
    return source_ids


def read_graded_sources(table: Table, sources: Mapping[str, Source]) -> tuple[Grade, tuple[str, ...]]:
    """Return grade and sources of a figure. Raises ProtocolError if a grade better than E names no source."""
    grade = table.word("grade", Grade)
    source_ids = read_source_ids(table, sources)
    if grade is not Grade.E and not source_ids:
        table.fail("sources", f"a source for grade {grade}", "none")
    return grade, source_ids


def open_shared(raw: bytes, *, file: str) -> tuple[Table, int, ProtocolStatus]:
    """Return the top table of a shared file, its version and status. Raises ProtocolError if its name says another."""
    top = read_toml(raw, file=file)
    version = top.integer("version")
    if not file.endswith(f".v{version}.toml"):
        top.fail("version", "the version in the file's name", str(version))
    return top, version, top.word("status", ProtocolStatus)


def _read_milestone(key: str, entry: Table, phase: Phase, sources: Mapping[str, Source]) -> MilestoneTemplate:
    kind = entry.optional_word("kind", MilestoneKind)
    if kind is None:
        kind = _kind_named(key, entry)
    days = (entry.optional_integer("earliest"), entry.optional_integer("target"), entry.optional_integer("latest"))
    _check_window(entry, days, phase)
    grade: Grade | None = None
    source_ids: tuple[str, ...] = ()
    if days != (None, None, None):
        grade, source_ids = read_graded_sources(entry, sources)
    note = entry.optional_text("note")
    entry.finish()
    return MilestoneTemplate(key, kind, phase, *days, grade=grade, sources=source_ids, note=note)


def _kind_named(key: str, entry: Table) -> MilestoneKind:
    if key not in set(MilestoneKind):
        entry.fail("kind", "a kind, as the key is not one", describe(key))
    return MilestoneKind(key)


def _check_window(entry: Table, days: tuple[int | None, int | None, int | None], phase: Phase) -> None:
    earliest, target, latest = days
    if earliest is None and (target is not None or latest is not None):
        entry.fail("earliest", "the first day of the window", "nothing")
    if earliest is not None and target is None and latest is None:
        entry.fail("target", "a target or a latest day", "nothing")
    known = [day for day in days if day is not None]
    if known != sorted(known):
        entry.fail("earliest", "earliest, target and latest day in order", ", ".join(map(str, known)))
    if any((day > 0) if phase is Phase.before_surgery else (day < 0) for day in known):
        entry.fail("earliest", f"days {phase}".replace("_", " "), ", ".join(map(str, known)))


def read_text(entry: Table) -> Text:
    """Return a text in every language. Raises ProtocolError if it lacks one."""
    text = Text(en=entry.text("en"), es=entry.text("es"))
    entry.finish()
    return text


def _read_demand(entry: Table, work_class: WorkClass) -> WorkDemand:
    demand = WorkDemand(
        work_class=work_class,
        milestone=entry.word("milestone", MilestoneKind),
        eligible_by=entry.word("eligible_by", EligibleBy),
        occasional=_read_pounds(entry.table("occasional")),
        frequent=_read_optional_pounds(entry, "frequent"),
        constant=_read_optional_pounds(entry, "constant"),
    )
    if WORK_CLASS_OF.get(demand.milestone) is not work_class:
        entry.fail("milestone", f"the return to {work_class} work", demand.milestone)
    if demand.eligible_by is EligibleBy.occasional_limit and demand.occasional.to_lb is None:
        entry.fail("occasional.to_lb", "the pounds that the lifting limit must reach", "nothing")
    entry.finish()
    return demand


def _read_optional_pounds(entry: Table, key: str) -> PoundsRange | None:
    pounds = entry.optional_table(key)
    return None if pounds is None else _read_pounds(pounds)


def _read_pounds(entry: Table) -> PoundsRange:
    pounds = PoundsRange(over_lb=entry.optional_integer("over_lb"), to_lb=entry.optional_integer("to_lb"))
    entry.finish()
    return pounds


def _read_reminder(entry: Table) -> ReminderTemplate:
    kind = entry.word("kind", MilestoneKind)
    template = ReminderTemplate(
        kind=kind,
        key=entry.text("key"),
        anchor=entry.word("anchor", Anchor),
        days=entry.integer("days"),
        local_time=entry.clock_time("local_time"),
        useful_hours=entry.integer("useful_hours"),
        weekend=entry.word("weekend", WeekendRule),
        past_policy=entry.word("past_policy", PastPolicy),
        category=entry.word("category", ReminderCategory),
        text=read_message_text(entry, placeholders_of(kind)),
        grade=entry.word("grade", Grade),
    )
    if template.useful_hours < 1:
        entry.fail("useful_hours", "at least one hour", str(template.useful_hours))
    entry.finish()
    return template


def _read_silent(entry: Table) -> SilentKind:
    silent = SilentKind(
        kind=entry.word("kind", MilestoneKind),
        past_policy=entry.word("past_policy", PastPolicy),
        category=entry.word("category", ReminderCategory),
        text=read_message_text(entry, ()),
        grade=entry.word("grade", Grade),
    )
    entry.finish()
    return silent


def _refuse_doubles(top: Table, templates: tuple[ReminderTemplate, ...], silent: tuple[SilentKind, ...]) -> None:
    names = [f"{item.kind}.{item.key}" for item in templates]
    for name in names:
        if names.count(name) > 1:
            top.fail("reminder", "each key of a kind once", describe(name))
    kinds = [item.kind for item in silent]
    for kind in kinds:
        if kinds.count(kind) > 1 or any(item.kind is kind for item in templates):
            top.fail("without_reminder", "kinds without a reminder, each once", kind)


def _refuse_mixed_policies(top: Table, templates: tuple[ReminderTemplate, ...]) -> None:
    policies: dict[MilestoneKind, PastPolicy] = {}
    for item in templates:
        if policies.setdefault(item.kind, item.past_policy) is not item.past_policy:
            top.fail("reminder", f"one past policy for kind {item.kind}", item.past_policy)
