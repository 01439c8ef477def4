"""Parsing of one protocol file. A bad file is refused with file, key, what was expected and what came.

Reads no file: the shared content that a protocol includes comes in as a shelf.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from schedules.plan.errors import describe
from schedules.plan.overrides import override_reminders, override_texts
from schedules.plan.parse_shared import read_graded_sources, read_milestones, read_source_ids
from schedules.plan.protocol import (
    Lifting,
    LiftingPhase,
    LowBoneDensityLimit,
    MilestoneTemplate,
    OptionalImaging,
    Protocol,
    ReminderRules,
    SittingLimit,
    Source,
    TextCatalogue,
    WorkDemands,
)
from schedules.plan.toml_table import Table, read_toml
from schedules.plan.vocabulary import Approach, ApproachClass, MilestoneKind, Phase, Procedure, ProtocolStatus

_MILESTONE_FILES = ("preop", "visits", "prom")
_INCLUDED = (*_MILESTONE_FILES, "reminders", "texts", "work_classes")

_KEY = re.compile("[a-z0-9_]{1,40}")
# A plan makes these from the lifting phases and from other findings.
_MADE_BY_PLANS = (MilestoneKind.lifting_step, MilestoneKind.fracture_check)

# Without these a restriction would have no milestone that ends it.
_REQUIRED = (
    MilestoneKind.drive,
    MilestoneKind.blt_end,
    MilestoneKind.brace_wean,
    MilestoneKind.rtw_sed,
    MilestoneKind.rtw_light,
    MilestoneKind.rtw_med,
    MilestoneKind.rtw_heavy,
    MilestoneKind.sport_low,
    MilestoneKind.sport_nc,
    MilestoneKind.sport_ct,
)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The shared content by file name, each with the SHA-256 of its bytes in `digests`."""

    sources: Mapping[str, Source]
    milestones: Mapping[str, tuple[MilestoneTemplate, ...]]
    reminders: Mapping[str, ReminderRules]
    texts: Mapping[str, TextCatalogue]
    work: Mapping[str, WorkDemands]
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Included:
    milestones: tuple[MilestoneTemplate, ...]
    reminders: ReminderRules
    texts: TextCatalogue
    work: WorkDemands
    files: tuple[str, ...]


def parse_protocol(raw: bytes, *, file: str, shelf: Shelf) -> Protocol:
    """Return the protocol in `raw` with the content of `shelf` that it includes. Raises ProtocolError."""
    top = read_toml(raw, file=file)
    included = _with_overrides(top, _read_includes(top.table("includes"), shelf))
    own = read_milestones(top.table("milestones"), phase=Phase.after_surgery, sources=shelf.sources)
    milestones = (*included.milestones, *own)
    _check_milestones(top, milestones)
    _check_own_keys(top, own)
    protocol = Protocol(
        id=top.text("id"),
        version=top.integer("version"),
        digest=_digest(raw, included.files, shelf.digests),
        title=top.text("title"),
        status=top.word("status", ProtocolStatus),
        procedure=top.word("procedure", Procedure),
        approach_class=top.optional_word("class", ApproachClass),
        approaches=_read_approaches(top),
        min_levels=top.integer("min_levels"),
        max_levels=top.optional_integer("max_levels"),
        milestones=milestones,
        lifting=_read_lifting(top.table("lifting"), shelf.sources, included.texts),
        sitting=_read_sitting(top.optional_table("sitting"), shelf.sources),
        low_bone_density=_read_low_bone_density(top.optional_table("low_bone_density"), shelf.sources),
        optional_imaging=_read_optional_imaging(top.table("imaging"), shelf.sources),
        work=included.work,
        reminders=included.reminders,
        texts=included.texts,
    )
    top.finish()
    _check_head(top, protocol)
    return protocol


def _read_includes(table: Table, shelf: Shelf) -> _Included:
    files = {name: f"{name}.v{table.integer(name)}.toml" for name in _INCLUDED}
    for name, file in files.items():
        if file not in shelf.digests:
            table.fail(name, "the version of a file that exists", describe(file))
    table.finish()
    return _Included(
        milestones=tuple(item for name in _MILESTONE_FILES for item in shelf.milestones[files[name]]),
        reminders=shelf.reminders[files["reminders"]],
        texts=shelf.texts[files["texts"]],
        work=shelf.work[files["work_classes"]],
        files=tuple(sorted(files.values())),
    )


def _with_overrides(top: Table, included: _Included) -> _Included:
    texts, timing = top.optional_table("texts"), top.optional_table("reminders")
    changed = replace(
        included,
        texts=override_texts(texts, included.texts),
        reminders=override_reminders(timing, texts, included.reminders),
    )
    if texts is not None:
        texts.finish()
    return changed


def _digest(raw: bytes, files: tuple[str, ...], digests: Mapping[str, str]) -> str:
    lines = [hashlib.sha256(raw).hexdigest(), *(f"{file} {digests[file]}" for file in files)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _check_milestones(top: Table, milestones: tuple[MilestoneTemplate, ...]) -> None:
    keys = [template.key for template in milestones]
    for key in keys:
        if keys.count(key) > 1:
            top.fail("milestones", "each key once, the included files among them", describe(key))
    for required in _REQUIRED:
        if required not in keys:
            top.fail("milestones", f"a milestone {required}", "nothing")


def _check_own_keys(top: Table, own: tuple[MilestoneTemplate, ...]) -> None:
    for template in own:
        key = template.key
        if not _KEY.fullmatch(key):
            top.fail("milestones", "keys of 1 to 40 letters a-z, digits and _", describe(key))
        if key in set(MilestoneKind) and template.kind != key:
            top.fail(f"milestones.{key}.kind", f"{key}, as the key is that kind", template.kind)
        if template.kind in _MADE_BY_PLANS:
            top.fail(f"milestones.{key}", "a kind that plans do not make themselves", template.kind)


def _check_head(top: Table, protocol: Protocol) -> None:
    if not top.file.endswith(f".v{protocol.version}.toml"):
        top.fail("version", "the version in the file's name", str(protocol.version))
    if protocol.min_levels < 1:
        top.fail("min_levels", "at least 1", str(protocol.min_levels))
    if protocol.max_levels is not None and protocol.max_levels < protocol.min_levels:
        top.fail("max_levels", f"at least {protocol.min_levels}", str(protocol.max_levels))


def _read_approaches(top: Table) -> tuple[Approach, ...]:
    names = top.text_list("approaches")
    for name in names:
        if name not in set(Approach):
            top.fail("approaches", "some of " + ", ".join(Approach), describe(name))
    if not names:
        top.fail("approaches", "at least one approach", "none")
    return tuple(Approach(name) for name in names)


def _read_lifting(table: Table, sources: Mapping[str, Source], texts: TextCatalogue) -> Lifting:
    phases = tuple(_read_phase(entry, sources, texts) for entry in table.tables("phases"))
    lifting = Lifting(
        phases=phases,
        unrestricted_from_days=table.optional_integer("unrestricted_from"),
        unrestricted_condition=table.optional_text("unrestricted_condition"),
        unrestricted_note=table.optional_text("unrestricted_note"),
    )
    table.finish()
    _check_phases(table, lifting)
    return lifting


def _read_phase(entry: Table, sources: Mapping[str, Source], texts: TextCatalogue) -> LiftingPhase:
    from_days, through_days = entry.integer("from"), entry.optional_integer("through")
    limit_lb, condition = entry.integer("limit_lb"), entry.optional_text("condition")
    text_key = entry.optional_text("text") or ("lifting_when_cleared" if condition else "lifting")
    if text_key not in texts.restrictions:
        entry.fail("text", "a text of the included texts", describe(text_key))
    grade, source_ids = read_graded_sources(entry, sources)
    note = entry.optional_text("note")
    entry.finish()
    if limit_lb < 1:
        entry.fail("limit_lb", "at least 1 lb", str(limit_lb))
    return LiftingPhase(from_days, through_days, limit_lb, condition, text_key, grade, source_ids, note)


def _check_phases(table: Table, lifting: Lifting) -> None:
    next_from: int | None = 0
    limit_lb = 0
    for phase in lifting.phases:
        if phase.from_days != next_from:
            expected = "no phase after one without an end" if next_from is None else f"a phase from day {next_from}"
            table.fail("phases", expected, f"one from day {phase.from_days}")
        if phase.through_days is not None and phase.through_days < phase.from_days:
            table.fail("phases", f"an end on day {phase.from_days} or later", str(phase.through_days))
        if phase.limit_lb < limit_lb:
            table.fail("phases", f"a limit of {limit_lb} lb or more", str(phase.limit_lb))
        next_from = None if phase.through_days is None else phase.through_days + 1
        limit_lb = phase.limit_lb
    if not lifting.phases:
        table.fail("phases", "at least one phase", "none")
    if lifting.unrestricted_from_days != next_from:
        expected = (
            "nothing, as the last phase has no end" if next_from is None else f"day {next_from}, after the last phase"
        )
        table.fail("unrestricted_from", expected, describe(lifting.unrestricted_from_days))


def _read_sitting(table: Table | None, sources: Mapping[str, Source]) -> SittingLimit | None:
    if table is None:
        return None
    grade, source_ids = read_graded_sources(table, sources)
    limit = SittingLimit(
        through_days=table.integer("through"),
        minutes=table.integer("minutes"),
        grade=grade,
        sources=source_ids,
        note=table.optional_text("note"),
    )
    table.finish()
    return limit


def _read_low_bone_density(table: Table | None, sources: Mapping[str, Source]) -> LowBoneDensityLimit | None:
    if table is None:
        return None
    grade, source_ids = read_graded_sources(table, sources)
    limit = LowBoneDensityLimit(
        through_days=table.integer("through"), limit_lb=table.integer("limit_lb"), grade=grade, sources=source_ids
    )
    table.finish()
    return limit


def _read_optional_imaging(table: Table, sources: Mapping[str, Source]) -> tuple[OptionalImaging, ...]:
    optional = []
    for entry in table.tables("optional"):
        what, day = entry.text("what"), entry.optional_integer("day")
        optional.append(OptionalImaging(what=what, day=day, sources=read_source_ids(entry, sources)))
        entry.finish()
    table.finish()
    return tuple(optional)
