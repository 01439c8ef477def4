"""Each row of limits on a day: it holds from its first day until it is lifted or through its last."""

from collections.abc import Mapping
from datetime import date

import pytest

from schedules.plan.items import PatientFacts
from schedules.plan.lifted import Cleared, StandingClearances
from schedules.plan.limit_rows import LimitRow, limit_row_on
from schedules.plan.vocabulary import RestrictionKind, WorkClass
from tests.unit.plan.samples import DAY0, plan, protocol, restrictions, stage

PLAN = plan(stage(), patient=PatientFacts(WorkClass.light))
KINDS = {each.key: each.kind for each in PLAN.milestones}
GONE = LimitRow(active=False)


def row_on(
    kind: RestrictionKind,
    on: date,
    *clearances: Cleared,
    sequence: int = 1,
    barred: Mapping[RestrictionKind, date] | None = None,
    day0: date | None = DAY0,
    kinds: Mapping[str, str] = KINDS,
) -> LimitRow:
    a_plan = plan(stage(day0=day0), patient=PatientFacts(WorkClass.light))
    (row,) = [each for each in restrictions(a_plan, kind) if each.sequence == sequence]
    standing = StandingClearances(a_plan, clearances, on=on, day0s={1: day0})
    work = protocol("MD-MISS").work
    return limit_row_on(row, on, clearances=standing, work=work, kinds=kinds, barred=barred or {})


def test_a_limit_holds_from_its_first_day_through_its_last() -> None:
    days = (date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 16), date(2026, 3, 17))

    assert [row_on(RestrictionKind.lifting, day) for day in days] == [
        GONE,
        LimitRow(active=True, limit_lb=10),
        LimitRow(active=True, limit_lb=10),
        LimitRow(active=False, ended_on=date(2026, 3, 17)),
    ]
    assert row_on(RestrictionKind.lifting, date(2026, 3, 16), day0=None) == GONE


def test_a_clearance_ends_a_limit_from_its_day_on() -> None:
    driving = Cleared("drive", 1, date(2026, 3, 16))

    assert row_on(RestrictionKind.driving, date(2026, 3, 15), driving) == LimitRow(active=True)
    assert row_on(RestrictionKind.driving, date(2026, 3, 16), driving) == LimitRow(False, None, date(2026, 3, 16))
    assert row_on(RestrictionKind.bending_twisting, date(2026, 3, 16), driving) == LimitRow(active=True)


def test_a_bar_since_a_later_day_than_the_clearance_holds_the_limit() -> None:
    driving = Cleared("drive", 1, date(2026, 3, 16))

    before, since = (
        row_on(RestrictionKind.driving, date(2026, 3, 20), driving, barred={RestrictionKind.driving: day})
        for day in (date(2026, 3, 16), date(2026, 3, 17))
    )

    assert (before.active, since.active) == (False, True)


def test_a_clearance_for_work_ends_the_limit_of_its_class_and_raises_the_pounds() -> None:
    on = date(2026, 3, 10)
    light = Cleared("rtw_light", 1, date(2026, 3, 9))
    sedentary = Cleared("rtw_light", 1, date(2026, 3, 9), work_class=WorkClass.sedentary)
    heavy = Cleared("rtw_light", 1, date(2026, 3, 9), work_class=WorkClass.heavy)

    assert row_on(RestrictionKind.work, on) == LimitRow(active=True)
    assert row_on(RestrictionKind.work, on, light) == LimitRow(False, None, date(2026, 3, 9))
    assert row_on(RestrictionKind.work, on, sedentary) == LimitRow(active=True)
    assert row_on(RestrictionKind.lifting, on, light) == LimitRow(active=True, limit_lb=20)
    assert row_on(RestrictionKind.lifting, on, sedentary) == LimitRow(active=True, limit_lb=10)
    assert row_on(RestrictionKind.lifting, on, heavy) == LimitRow(False, None, date(2026, 3, 9))


def test_what_was_lifted_before_it_began_ended_on_its_first_day() -> None:
    heavy = Cleared("rtw_light", 1, date(2026, 3, 9), work_class=WorkClass.heavy)

    assert row_on(RestrictionKind.lifting, date(2026, 3, 20), heavy, sequence=2).ended_on == date(2026, 3, 17)


def test_a_limit_for_work_whose_milestone_the_plan_lacks_goes_on() -> None:
    light = Cleared("rtw_light", 1, date(2026, 3, 9))

    assert row_on(RestrictionKind.work, date(2026, 3, 10), light, kinds={}) == LimitRow(active=True)


@pytest.mark.parametrize(
    ("step_on", "work_on"), [(date(2026, 5, 1), date(2026, 5, 20)), (date(2026, 5, 20), date(2026, 5, 1))]
)
def test_of_two_clearances_that_end_a_limit_the_first_did(step_on: date, work_on: date) -> None:
    step = Cleared("lifting_4", 1, step_on)
    heavy = Cleared("rtw_light", 1, work_on, work_class=WorkClass.heavy)

    ended = [row_on(RestrictionKind.lifting, date(2026, 5, day), step, heavy, sequence=4) for day in (10, 25)]

    assert ended == [LimitRow(active=False, ended_on=date(2026, 5, 1))] * 2
