"""Where a clinic's version is less strict than the one it was copied from, or keeps sources of another figure.

All of it is for the signer to acknowledge: a clinic may decide so. Knows no clinic.
"""

from collections.abc import Iterator

from schedules.plan.findings import Finding, warning
from schedules.plan.kinds import rule_of
from schedules.plan.protocol import Lifting, LiftingPhase, MilestoneTemplate, Protocol
from schedules.plan.vocabulary import Grade


def compare_with_base(protocol: Protocol, base: Protocol) -> Iterator[Finding]:
    """Yield the warnings about what changed from `base` to `protocol`."""
    if (protocol.procedure, protocol.approach_class) != (base.procedure, base.approach_class):
        expected = f"{base.procedure}, {base.approach_class or 'no class'}, as in {base.id}"
        yield warning("copied_for_another", "procedure", expected, f"{protocol.procedure}")
    for before in base.milestones:
        after = protocol.find_milestone(before.key)
        if after is None:
            yield warning("left_out", f"milestones.{before.key}", f"the milestone of {base.id}", "none")
        else:
            yield from _compare_milestones(before, after)
    yield from _compare_lifting(base.lifting, protocol.lifting)
    yield from _compare_limits(base, protocol)


def _compare_milestones(before: MilestoneTemplate, after: MilestoneTemplate) -> Iterator[Finding]:
    where = f"milestones.{after.key}"
    windows = [(each.earliest_days, each.target_days, each.latest_days) for each in (before, after)]
    if windows[0] == windows[1]:
        return
    if after.sources and after.sources == before.sources and after.grade is not Grade.E:
        yield warning(
            "same_sources", f"{where}.sources", "sources of the changed days, or grade E", " ".join(after.sources)
        )
    if rule_of(after.kind).lifts is None or after.target_days is None:
        return
    if before.target_days is None:
        yield warning("less_strict", f"{where}.target", "a clinician dates it", f"day {after.target_days}")
    elif after.target_days < before.target_days:
        yield warning(
            "less_strict", f"{where}.target", f"day {before.target_days} or later", f"day {after.target_days}"
        )


def _compare_lifting(before: Lifting, after: Lifting) -> Iterator[Finding]:
    for phase in after.phases:
        limit_lb = _strictest(before, phase)
        if limit_lb is not None and phase.limit_lb > limit_lb:
            where = f"lifting.phases.day_{phase.from_days}"
            yield warning(
                "less_strict", where, f"at most {limit_lb} lb from day {phase.from_days}", f"{phase.limit_lb} lb"
            )
    yield from _compare_conditions(before, after)
    yield from _compare_ends(before, after)
    sources = {(each.from_days, each.through_days): each for each in before.phases}
    for phase in after.phases:
        old = sources.get((phase.from_days, phase.through_days))
        changed = old is not None and old.limit_lb != phase.limit_lb
        if old is not None and changed and phase.sources == old.sources and phase.grade is not Grade.E:
            where = f"lifting.phases.day_{phase.from_days}"
            yield warning("same_sources", where, "sources of the changed limit, or grade E", " ".join(phase.sources))


def _strictest(lifting: Lifting, phase: LiftingPhase) -> int | None:
    """Return the least pounds that `lifting` allows on a day of `phase`; None where it has no limit."""
    limits = [
        each.limit_lb
        for each in lifting.phases
        if (each.through_days is None or each.through_days >= phase.from_days)
        and (phase.through_days is None or each.from_days <= phase.through_days)
    ]
    return min(limits, default=None)


def _compare_conditions(before: Lifting, after: Lifting) -> Iterator[Finding]:
    had = sum(each.condition is not None for each in before.phases) + (before.unrestricted_condition is not None)
    has = sum(each.condition is not None for each in after.phases) + (after.unrestricted_condition is not None)
    if has < had:
        yield warning("less_strict", "lifting.conditions", f"{had} steps that wait for a clinician", str(has))


def _compare_ends(before: Lifting, after: Lifting) -> Iterator[Finding]:
    first, then = before.unrestricted_from_days, after.unrestricted_from_days
    if then is not None and (first is None or then < first):
        expected = "only the surgeon ends the last limit" if first is None else f"day {first} or later"
        yield warning("less_strict", "lifting.unrestricted_from", expected, f"day {then}")


def _compare_limits(before: Protocol, after: Protocol) -> Iterator[Finding]:
    old, new = before.sitting, after.sitting
    if old is not None and (new is None or new.minutes > old.minutes or new.through_days < old.through_days):
        expected = f"at most {old.minutes} minutes through day {old.through_days}"
        got = "no limit" if new is None else f"{new.minutes} minutes through day {new.through_days}"
        yield warning("less_strict", "sitting", expected, got)
    bone, now = before.low_bone_density, after.low_bone_density
    if bone is not None and (now is None or now.limit_lb > bone.limit_lb or now.through_days < bone.through_days):
        expected = f"at most {bone.limit_lb} lb through day {bone.through_days}"
        got = "no limit" if now is None else f"{now.limit_lb} lb through day {now.through_days}"
        yield warning("less_strict", "low_bone_density", expected, got)
