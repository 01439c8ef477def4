"""What is found in a protocol version before a clinic signs and releases it.

The clinical rules are those of the evidence file, section 11. What may not be is an error; what is less strict than the
protocol it was copied from, or keeps sources that were about another figure, is a warning. Knows no clinic.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from schedules.plan.findings import Finding, error, warning
from schedules.plan.kinds import rule_of
from schedules.plan.leave import gives_leave
from schedules.plan.protocol import Protocol, Text
from schedules.plan.review_base import compare_with_base
from schedules.plan.vocabulary import Approach, ApproachClass, MilestoneKind, Phase, Procedure

_WORK = (MilestoneKind.rtw_sed, MilestoneKind.rtw_light, MilestoneKind.rtw_med, MilestoneKind.rtw_heavy)
_SPORT = (MilestoneKind.sport_low, MilestoneKind.sport_nc, MilestoneKind.sport_ct)
_ONE_APPROACH = {
    Procedure.intracept: Approach.percutaneous,
    Procedure.kyphoplasty: Approach.percutaneous,
    Procedure.acdf: Approach.anterior,
}
# The approach must not change these, so neither side is ahead of the other.
_SAME_FOR_BOTH = (MilestoneKind.prom_baseline, MilestoneKind.prom_followup, MilestoneKind.imaging, MilestoneKind.visit)
_EXPECTED_BENEFIT = "expected benefit"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def review_protocol(
    protocol: Protocol, *, base: Protocol | None = None, beside: Sequence[Protocol] = ()
) -> tuple[Finding, ...]:
    """Return what is found in a clinic's version, errors first.

    `base` is the version that it was copied from; `beside` are protocols that serve the same procedure by another
    class. Source of the rules: evidence file, section 11.
    """
    found = [
        *_refuse_disorder(protocol, _WORK),
        *_refuse_disorder(protocol, _SPORT),
        *_refuse_early_full(protocol),
        *_refuse_foreign_approach(protocol),
        *_ask_about_driving(protocol),
        *(finding for other in beside for finding in _compare_classes(protocol, other)),
        *_refuse_texts(protocol),
        *(compare_with_base(protocol, base) if base is not None else ()),
    ]
    return tuple(sorted(found, key=lambda finding: finding.severity))


def _target(protocol: Protocol, key: str) -> int | None:
    template = protocol.find_milestone(key)
    return None if template is None else template.target_days


def _refuse_disorder(protocol: Protocol, order: tuple[MilestoneKind, ...]) -> Iterator[Finding]:
    dated = [(kind, day) for kind in order if (day := _target(protocol, kind)) is not None]
    for (lighter, first), (harder, then) in pairwise(dated):
        if first > then:
            yield error("order", f"milestones.{harder}.target", f"{lighter}'s day {first} or later", f"day {then}")


def _refuse_early_full(protocol: Protocol) -> Iterator[Finding]:
    full, heavy = protocol.find_milestone(MilestoneKind.full), _target(protocol, MilestoneKind.rtw_heavy)
    if full is None or full.target_days is None or heavy is None or _EXPECTED_BENEFIT in (full.note or ""):
        return
    if full.target_days < heavy:
        yield error("order", "milestones.full.target", f"rtw_heavy's day {heavy} or later", f"day {full.target_days}")


def _refuse_foreign_approach(protocol: Protocol) -> Iterator[Finding]:
    only = _ONE_APPROACH.get(protocol.procedure)
    if only is not None and protocol.approaches != (only,):
        yield error("approach", "approaches", f"{only} alone for {protocol.procedure}", ", ".join(protocol.approaches))
    if protocol.procedure is Procedure.acdf and protocol.approach_class is not None:
        yield error("approach", "class", f"no class for {protocol.procedure}", protocol.approach_class)


def _ask_about_driving(protocol: Protocol) -> Iterator[Finding]:
    opioids, drive = _target(protocol, MilestoneKind.opioid_stop), _target(protocol, MilestoneKind.drive)
    if opioids is not None and drive is not None and drive < opioids:
        yield warning("driving_before_opioids", "milestones.drive.target", f"day {opioids} or later", f"day {drive}")


def _compare_classes(protocol: Protocol, other: Protocol) -> Iterator[Finding]:
    """Yield where minimally invasive would be later than open: an error on the open side, which would be too early."""
    if other.procedure is not protocol.procedure or {protocol.approach_class, other.approach_class} != set(
        ApproachClass
    ):
        return
    is_open = protocol.approach_class is ApproachClass.open
    for template in protocol.milestones:
        here, there = template.target_days, _target(other, template.key)
        if here is None or there is None or template.kind in _SAME_FOR_BOTH or template.phase is Phase.before_surgery:
            continue
        where, beside = f"milestones.{template.key}.target", f"{other.id}'s day {there}"
        if is_open and here < there:
            yield error("open_before_miss", where, f"{beside} or later", f"day {here}")
        if not is_open and here > there:
            yield warning("miss_after_open", where, f"{beside} or earlier", f"day {here}")


def _refuse_texts(protocol: Protocol) -> Iterator[Finding]:
    for name, text in protocol.texts.milestones.items():
        if name in set(MilestoneKind) and rule_of(MilestoneKind(name)).lifts is not None:
            yield from _refuse_permission(f"texts.milestones.{name}", text)
        yield from _refuse_placeholders(f"texts.milestones.{name}", text, frozenset())
    for name, text in protocol.texts.restrictions.items():
        yield from _refuse_permission(f"texts.restrictions.{name}", text)
        yield from _refuse_placeholders(f"texts.restrictions.{name}", text, _figures_of(name))
    for template in protocol.reminders.templates:
        if rule_of(template.kind).lifts is not None:
            yield from _refuse_permission(f"texts.reminders.{template.kind}.{template.key}", template.text)


def _figures_of(name: str) -> frozenset[str]:
    return frozenset({"limit_lb"} if name.startswith("lifting") else {"minutes"} if name == "sitting" else ())


def _refuse_permission(where: str, text: Text) -> Iterator[Finding]:
    """Yield where a text about a lifted restriction gives leave: before a clearance it may only say "ask whether"."""
    for language, words in (("en", text.en), ("es", text.es)):
        if gives_leave(words):
            yield error("gives_leave", f"{where}.{language}", "only that the patient asks whether", "leave")


def _refuse_placeholders(where: str, text: Text, needed: frozenset[str]) -> Iterator[Finding]:
    for language, words in (("en", text.en), ("es", text.es)):
        named = set(_PLACEHOLDER.findall(words))
        for missing in sorted(needed - named):
            yield error("figure_missing", f"{where}.{language}", f"the figure {{{missing}}}", "none")
        if named - needed:
            known = ", ".join(f"{{{name}}}" for name in sorted(needed)) or "no figure"
            yield error("figure_unknown", f"{where}.{language}", known, "another one in braces")
