"""What changed in the limits of a protocol: lifting, sitting, low bone density, work. Words only, nothing is judged."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from schedules.plan.protocol import (
    Lifting,
    LiftingPhase,
    LowBoneDensityLimit,
    MilestoneTemplate,
    Protocol,
    SittingLimit,
    WorkDemand,
)


class Matter(StrEnum):
    """What a change is about."""

    serves = "serves"
    days = "days"
    limits = "limits"
    messages = "messages"
    evidence = "evidence"
    texts = "texts"


@dataclass(frozen=True, slots=True)
class Change:
    """One change: `where` as a path into the protocol, `words` for a person to read."""

    where: str
    matter: Matter
    words: str


def evidence_changes(
    before: MilestoneTemplate | LiftingPhase, after: MilestoneTemplate | LiftingPhase
) -> tuple[str, ...]:
    """Return in words how grade and sources of a figure changed."""
    told = []
    if before.grade is not after.grade:
        told.append(f"grade {before.grade or 'none'} -> {after.grade or 'none'}")
    if before.sources != after.sources:
        told.append(f"sources {_list(before.sources)} -> {_list(after.sources)}")
    return tuple(told)


def _list(words: Iterable[str]) -> str:
    return " ".join(words) or "none"


def lifting_changes(before: Lifting, after: Lifting) -> Iterator[Change]:
    """Yield what changed in the lifting limits."""
    steps = [[_phase_words(each) for each in lifting.phases] for lifting in (before, after)]
    ends = [(lifting.unrestricted_from_days, lifting.unrestricted_condition) for lifting in (before, after)]
    if steps[0] != steps[1]:
        yield Change("lifting.phases", Matter.limits, f"lifting: {'; '.join(steps[0])} -> {'; '.join(steps[1])}")
    else:
        yield from _phase_evidence_changes(before.phases, after.phases)
    if ends[0] != ends[1]:
        words = " -> ".join(_end_words(*each) for each in ends)
        yield Change("lifting.unrestricted_from", Matter.limits, f"lifting without limit: {words}")
    notes = [(lifting.unrestricted_note, *(each.note for each in lifting.phases)) for lifting in (before, after)]
    if notes[0] != notes[1]:
        yield Change("lifting", Matter.texts, "lifting: the notes read otherwise")


def _phase_words(phase: LiftingPhase) -> str:
    until = "on" if phase.through_days is None else f"to {phase.through_days}"
    condition = f" if {phase.condition}" if phase.condition else ""
    return f"day {phase.from_days} {until} {phase.limit_lb} lb{condition}"


def _end_words(day: int | None, condition: str | None) -> str:
    told = "set by the surgeon" if day is None else f"from day {day}"
    return f"{told} if {condition}" if condition else told


def _phase_evidence_changes(before: tuple[LiftingPhase, ...], after: tuple[LiftingPhase, ...]) -> Iterator[Change]:
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        evidence = evidence_changes(old, new)
        where = f"lifting.phases.{number}"
        if evidence:
            yield Change(where, Matter.evidence, f"lifting from day {new.from_days}: " + ", ".join(evidence))
        if old.text_key != new.text_key:
            words = f"lifting from day {new.from_days}: text {old.text_key} -> {new.text_key}"
            yield Change(where, Matter.texts, words)


def other_limit_changes(older: Protocol, newer: Protocol) -> Iterator[Change]:
    """Yield what changed in the limits of sitting, of low bone density and of work."""
    yield from _limit_changes("sitting", _sitting_words(older.sitting), _sitting_words(newer.sitting))
    yield from _limit_changes("low_bone_density", _density_words(older), _density_words(newer))
    yield from _work_changes(older, newer)


def _sitting_words(limit: SittingLimit | None) -> tuple[str, str]:
    if limit is None:
        return "no limit", ""
    return f"{limit.minutes} minutes through day {limit.through_days}", f"grade {limit.grade}, {_list(limit.sources)}"


def _density_words(protocol: Protocol) -> tuple[str, str]:
    limit: LowBoneDensityLimit | None = protocol.low_bone_density
    if limit is None:
        return "no limit", ""
    return f"{limit.limit_lb} lb through day {limit.through_days}", f"grade {limit.grade}, {_list(limit.sources)}"


def _limit_changes(where: str, before: tuple[str, str], after: tuple[str, str]) -> Iterator[Change]:
    if before[0] != after[0]:
        yield Change(where, Matter.limits, f"{where}: {before[0]} -> {after[0]}")
    elif before[1] != after[1]:
        yield Change(where, Matter.evidence, f"{where}: {before[1]} -> {after[1]}")


def _work_changes(older: Protocol, newer: Protocol) -> Iterator[Change]:
    before = {level.work_class: level for level in older.work.levels}
    for level in newer.work.levels:
        old = before.get(level.work_class)
        if old != level:
            words = f"{level.work_class} work: occasionally {_pounds(old)} -> {_pounds(level)}"
            yield Change(f"work.{level.work_class}", Matter.limits, words)


def _pounds(demand: WorkDemand | None) -> str:
    if demand is None or demand.occasional.to_lb is None:
        return "no limit"
    return f"up to {demand.occasional.to_lb} lb"
