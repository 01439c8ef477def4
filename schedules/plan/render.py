"""A plan as plain text that a clinician reads: day, date, window, grade, sources, limits. Knows no patient."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from schedules.plan.items import Plan, PlannedMilestone, PlannedRestriction
from schedules.plan.vocabulary import Binding, Phase, RestrictionKind

_MILESTONE_HEAD = ("day", "date", "milestone", "window", "eligible", "grade", "sources", "remarks")
_RESTRICTION_HEAD = ("days", "dates", "restriction", "limit", "grade", "sources", "remarks")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def render_plan(plan: Plan) -> str:
    """Return the plan as aligned text: before surgery, after surgery, restrictions; one part per stage."""
    parts = []
    for occurrence in sorted({item.occurrence for item in plan.milestones}):
        own = [item for item in plan.milestones if item.occurrence == occurrence]
        limits = [item for item in plan.restrictions if item.occurrence == occurrence]
        parts.append(_render_stage(occurrence, own, limits))
    return "\n".join(parts)


def render_beside(plans: Mapping[str, Plan]) -> str:
    """Return what follows surgery in several one-stage plans of a procedure side by side, each plan under its name.

    A cell reads: target (earliest-latest) grade, and what binds a later day. Rows that do not agree bear a star.
    """
    lines: dict[str, list[str]] = {}
    for position, plan in enumerate(plans.values()):
        for name, cell in _cells(plan):
            lines.setdefault(name, ["-"] * len(plans))[position] = cell
    rows = [(name, *cells, "" if len(set(cells)) == 1 else "*") for name, cells in lines.items()]
    return "\n".join(_align([("after surgery", *plans, ""), *rows]))


def _cells(plan: Plan) -> Iterator[tuple[str, str]]:
    for item in plan.milestones:
        if item.phase is Phase.after_surgery:
            target = "-" if item.target_days is None else str(item.target_days)
            eligible = "" if _eligible(item) == "-" else f", {_eligible(item)}"
            yield item.key, f"{target} ({_window(item)}) {item.grade}{eligible}"
    for limit in plan.restrictions:
        if limit.kind is RestrictionKind.lifting:
            through = "until cleared" if limit.through_days is None else f"to {limit.through_days}"
            yield f"lifting, phase {limit.sequence}", f"{limit.limit_lb} lb, {limit.from_days} {through} {limit.grade}"


def _render_stage(occurrence: int, own: list[PlannedMilestone], limits: list[PlannedRestriction]) -> str:
    first = limits[0]  # every protocol limits lifting from day 0, and no other stage binds that
    lines = [
        f"Stage {occurrence}: {first.binding_procedure}, day 0 {_date(first.from_on) if first.from_on else 'not known'}"
    ]
    for phase, title in ((Phase.before_surgery, "Before surgery"), (Phase.after_surgery, "After surgery")):
        rows = [_milestone_row(item) for item in own if item.phase is phase]
        lines += ["", title, *_align([_MILESTONE_HEAD, *rows])]
    lines += ["", "Restrictions", *_align([_RESTRICTION_HEAD, *map(_restriction_row, limits)]), ""]
    return "\n".join(lines)


def _milestone_row(item: PlannedMilestone) -> tuple[str, ...]:
    return (
        _day(item.pod if item.phase is Phase.after_surgery else item.target_days, item.phase),
        _date(item.target_on),
        item.key,
        _window(item),
        _eligible(item),
        item.grade or "-",
        " ".join(item.sources) or "-",
        "; ".join(_milestone_remarks(item)) or "-",
    )


def _milestone_remarks(item: PlannedMilestone) -> list[str]:
    remarks = []
    if item.lifts is not None:
        remarks.append(f"lifts {item.lifts}, only when cleared")
    if item.not_before_days is not None:
        remarks.append(f"not before POD {item.not_before_days}")
    if item.past_policy is not None:
        remarks.append(f"past at enrolment: {item.past_policy}")
    if item.binding_stage != item.occurrence:
        remarks.append(f"bound by stage {item.binding_stage}, {item.binding_procedure}")
    if item.superseded_on is not None:
        remarks.append(f"from {item.superseded_on} on superseded by stage {item.superseded_by}")
    return [*remarks, *(part.rstrip(".") for part in (item.text.en if item.text else None, item.note) if part)]


def _restriction_row(item: PlannedRestriction) -> tuple[str, ...]:
    through = "until cleared" if item.through_days is None else f"to {item.through_days}"
    until = "until cleared" if item.through_days is None else f"to {_date(item.through_on)}"
    return (
        f"{item.from_days} {through}",
        f"{_date(item.from_on)} {until}" if item.from_on else "-",
        item.kind,
        f"{item.limit_lb} lb" if item.limit_lb else "-",
        item.grade,
        " ".join(item.sources) or "-",
        "; ".join(_restriction_remarks(item)),
    )


def _restriction_remarks(item: PlannedRestriction) -> list[str]:
    remarks = [item.text.en.rstrip(".")]
    if item.eligible_days is not None:
        remarks.append(f"eligible to end from POD {item.eligible_days}")
    if item.lifted_by_occurrence not in (None, item.occurrence):
        remarks.append(f"ended by {item.lifted_by} of stage {item.lifted_by_occurrence}")
    if item.condition is not None:
        remarks.append(f"with {item.condition}")
    return remarks


def _day(days: int | None, phase: Phase) -> str:
    if days is None:
        return "-"
    return f"POD {days}" if phase is Phase.after_surgery else str(days)


def _window(item: PlannedMilestone) -> str:
    if item.earliest_days is None:
        return "by a clinician"
    return f"{item.earliest_days}+" if item.latest_days is None else f"{item.earliest_days} to {item.latest_days}"


def _eligible(item: PlannedMilestone) -> str:
    if item.eligible_days is None:
        return f"never by date ({item.binds})"
    return "-" if item.binds in (Binding.target, Binding.earliest) else f"{item.eligible_days} ({item.binds})"


def _date(on: date | None) -> str:
    return f"{_WEEKDAYS[on.weekday()]} {on.isoformat()}" if on else "-"


def _align(rows: Iterable[tuple[str, ...]]) -> list[str]:
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
