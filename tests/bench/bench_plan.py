"""How much a plan costs, as a ratio to creating the very same dataclasses in the same process.

Run with `.venv/bin/python -m tests.bench.bench_plan`; prints one line.
"""

from collections.abc import Callable
from dataclasses import fields
from datetime import date
from statistics import median
from time import perf_counter

from schedules.plan.build import PatientFacts, Plan, PlannedMilestone, PlannedRestriction, Stage, build_plan
from schedules.plan.library import load_library
from schedules.plan.vocabulary import Setting, SurgeryStatus

ROUNDS = 15
PLANS_A_ROUND = 10
_MILESTONE_FIELDS = tuple(item.name for item in fields(PlannedMilestone))
_RESTRICTION_FIELDS = tuple(item.name for item in fields(PlannedRestriction))


def build_all() -> list[Plan]:
    """Return the full plan of every protocol that ships."""
    patient = PatientFacts(work_class=None, wants_contact_sport=True)
    return [
        build_plan(
            [Stage(1, protocol, date(2026, 3, 2), SurgeryStatus.performed, Setting.inpatient, brace_ordered=True)],
            patient,
            enrolled_on=date(2026, 3, 20),
        )
        for protocol in load_library().protocols
    ]


def create_only(rows: list[tuple[type[PlannedMilestone] | type[PlannedRestriction], tuple[object, ...]]]) -> None:
    """Create the dataclasses of all plans from values that stand ready."""
    for row_type, values in rows:
        row_type(*values)  # type: ignore[arg-type]  # they are its own fields


def seconds(work: Callable[[], object]) -> float:
    """Return how long one round of `work` takes."""
    start = perf_counter()
    for _ in range(PLANS_A_ROUND):
        work()
    return perf_counter() - start


def main() -> None:
    """Print the ratio of building to creating: the median over rounds that take turns."""
    rows: list[tuple[type[PlannedMilestone] | type[PlannedRestriction], tuple[object, ...]]] = []
    for plan in build_all():
        rows.extend(
            (PlannedMilestone, tuple(getattr(item, name) for name in _MILESTONE_FIELDS)) for item in plan.milestones
        )
        rows.extend(
            (PlannedRestriction, tuple(getattr(item, name) for name in _RESTRICTION_FIELDS))
            for item in plan.restrictions
        )
    pairs = [(seconds(build_all), seconds(lambda: create_only(rows))) for _ in range(ROUNDS)]
    ratio = median(built / created for built, created in pairs)
    cost_us = median(built for built, _ in pairs) / PLANS_A_ROUND / len(build_all()) * 1e6
    print(f"plan_build: ratio {ratio:.2f} ({cost_us:.0f} us a plan, {len(rows)} rows in 14 plans, {ROUNDS} rounds)")


if __name__ == "__main__":
    main()
