"""A jurisdiction's table of physical demand levels, as a clinic sets it: pounds by how much of the day they are lifted.

Takes the shape of `work_classes` in the shipped content (evidence file, section 8.1), holds it to the same rules, and
to three more that a typing error breaks: no negative pounds, bounds in order, no class with less than the one before.
Knows no practice.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from schedules.plan.errors import describe
from schedules.plan.library import load_library
from schedules.plan.parse_shared import read_demands, read_source_ids
from schedules.plan.protocol import PoundsRange, WorkDemand, WorkDemands
from schedules.plan.toml_table import Table

NAME = "work_table"
_HEAVIEST_LB = 1000  # no level is defined by more; a longer number is a slip of the keyboard


def read_work_table(values: Mapping[str, Any]) -> WorkDemands:
    """Return the demand levels: `values` has a table for each class that works, and optionally `sources`.

    A class names `milestone`, `eligible_by`, and pounds `occasional` and optionally `frequent` and `constant`, each
    with `over_lb`, `to_lb` or both. Raises ProtocolError, whose `key` names what is wrong.
    """
    top = Table(NAME, "", dict(values))
    source_ids = read_source_ids(top, load_library().sources)
    levels = read_demands(top)
    top.finish()
    for level in levels:
        _check_pounds(top, level)
    for lighter, heavier in pairwise(levels):
        _check_order(top, lighter, heavier)
    return WorkDemands(levels=levels, sources=source_ids)


def write_work_table(demands: WorkDemands) -> dict[str, Any]:
    """Return the table as `read_work_table` takes it: an example to start from."""
    return {"sources": list(demands.sources)} | {level.work_class.value: _values(level) for level in demands.levels}


def _values(level: WorkDemand) -> dict[str, Any]:
    head = {"milestone": level.milestone.value, "eligible_by": level.eligible_by.value}
    return head | {name: _bounds(pounds) for name, pounds in _frequencies(level)}


def _frequencies(level: WorkDemand) -> Iterator[tuple[str, PoundsRange]]:
    named = {"occasional": level.occasional, "frequent": level.frequent, "constant": level.constant}
    return ((name, pounds) for name, pounds in named.items() if pounds is not None)


def _bounds(pounds: PoundsRange) -> dict[str, int]:
    named = {"over_lb": pounds.over_lb, "to_lb": pounds.to_lb}
    return {name: bound for name, bound in named.items() if bound is not None}


def _check_pounds(top: Table, level: WorkDemand) -> None:
    for name, pounds in _frequencies(level):
        bounds = _bounds(pounds)
        for key, bound in bounds.items():
            if not 0 <= bound <= _HEAVIEST_LB:
                top.fail(f"{level.work_class}.{name}.{key}", f"pounds from 0 to {_HEAVIEST_LB}", describe(bound))
        if not bounds:
            top.fail(f"{level.work_class}.{name}", "over_lb, to_lb or both", "neither")
        if len(bounds) == 2 and bounds["over_lb"] >= bounds["to_lb"]:
            top.fail(f"{level.work_class}.{name}.to_lb", f"more than over_lb, {pounds.over_lb}", describe(pounds.to_lb))


def _check_order(top: Table, lighter: WorkDemand, heavier: WorkDemand) -> None:
    """A class may have no upper bound; then none after it may have one."""
    least, most = lighter.occasional.to_lb, heavier.occasional.to_lb
    if most is not None and (least is None or most <= least):
        expected = "no bound, as the class before it" if least is None else f"more than the class before it, {least}"
        top.fail(f"{heavier.work_class}.occasional.to_lb", expected, describe(most))
