"""Which clearances stand on a day, what they reach, and which gates earlier and later surgeries share."""

from dataclasses import replace
from datetime import date

import pytest

from schedules.plan.build import PatientFacts, Plan, PlannedRestriction
from schedules.plan.gates import gate_of
from schedules.plan.lifted import Cleared, RaisedLimit, StandingClearances, is_at_least, raised_by_work
from schedules.plan.limits import limits_on, strictest
from schedules.plan.vocabulary import Condition, LimitState, RestrictionKind, WorkClass
from tests.unit.plan.samples import DAY0, braced, milestone, plan, protocol, restrictions, stage

ON = date(2026, 6, 1)
HEAVY = PatientFacts(WorkClass.heavy)
WORK = protocol("MD-MISS").work


def standing(*cleared: Cleared, day0s: dict[int, date | None] | None = None, on: date = ON) -> StandingClearances:
    return StandingClearances(plan(stage(), patient=HEAVY), cleared, on=on, day0s=day0s or {1: DAY0})


@pytest.mark.parametrize(
    ("granted", "wanted", "expected"),
    [
        (WorkClass.light, WorkClass.light, True),
        (WorkClass.medium, WorkClass.light, True),
        (WorkClass.light, WorkClass.medium, False),
        (None, WorkClass.sedentary, False),
        (WorkClass.not_working, WorkClass.sedentary, False),
        (WorkClass.very_heavy, WorkClass.not_working, False),
    ],
)
def test_a_heavier_class_includes_the_lighter_ones(
    granted: WorkClass | None, wanted: WorkClass, expected: bool
) -> None:
    assert is_at_least(granted, wanted) is expected


def test_a_clearance_holds_from_its_day_to_the_day_before_its_revocation() -> None:
    given = Cleared("drive", 1, date(2026, 5, 1), revoked_on=date(2026, 5, 3))

    held = [given.stands_on(date(2026, 5, day)) for day in (1, 2, 3)]

    assert (given.stands_on(date(2026, 4, 30)), held) == (False, [True, True, False])


def test_only_exactly_this_milestone_is_held() -> None:
    found = standing(Cleared("lifting_2", 1, date(2026, 5, 1)))

    assert found.hold("lifting_2", 1)
    assert not found.hold("lifting_3", 1)
    assert not found.hold("lifting_2", 2)
    assert not standing(Cleared("lifting_2", 1, ON)).hold("lifting_1", 1)
    assert not standing(Cleared("lifting_2", 1, date(2026, 6, 2))).hold("lifting_2", 1)


def test_the_earliest_of_several_clearances_counts() -> None:
    (driving,) = restrictions(plan(stage(), patient=HEAVY), RestrictionKind.driving)
    first, second = Cleared("drive", 1, date(2026, 5, 1)), Cleared("drive", 1, date(2026, 5, 2))

    assert standing(second, first).lifting(driving) == first
    assert standing().lifting(driving) is None


def test_of_the_heaviest_class_the_earliest_clearance_counts() -> None:
    light = Cleared("rtw_heavy", 1, date(2026, 4, 1), work_class=WorkClass.light)
    late, early = (Cleared("rtw_heavy", 1, date(2026, 5, day), work_class=WorkClass.medium) for day in (2, 1))

    assert standing(light, late, early).granted_class(1) == (WorkClass.medium, early)
    assert standing().granted_class(1) is None
    assert standing(Cleared("drive", 1, ON)).granted_class(1) is None


def test_of_two_surgeries_on_one_day_the_higher_number_is_the_later() -> None:
    day0s: dict[int, date | None] = {1: DAY0, 2: DAY0}
    first, second = Cleared("rtw_heavy", 1, ON), Cleared("rtw_heavy", 2, ON)

    assert standing(second, day0s=day0s).granted_class(1) == (WorkClass.heavy, second)
    assert standing(first, day0s=day0s).granted_class(2) is None
    assert standing(first, day0s=day0s).granted_class(1) == (WorkClass.heavy, first)


def test_a_surgery_without_a_day_is_neither_earlier_nor_later() -> None:
    given = Cleared("rtw_heavy", 1, ON)

    assert standing(given, day0s={1: DAY0, 2: None}).granted_class(2) is None
    assert standing(given, day0s={1: DAY0}).granted_class(2) is None


def test_work_is_raised_to_its_maximum_and_never_lowers_a_limit() -> None:
    (row, *_) = restrictions(plan(stage(), patient=HEAVY), RestrictionKind.lifting)
    light = Cleared("rtw_heavy", 1, ON, work_class=WorkClass.light)

    def raised(limit_lb: int | None, *cleared: Cleared) -> int | str | None:
        found = raised_by_work(replace(row, limit_lb=limit_lb), standing(*cleared), WORK)
        return "unchanged" if found is None else found.limit_lb

    assert [raised(pounds, light) for pounds in (10, 19, 20, 35)] == [20, 20, "unchanged", "unchanged"]
    assert raised(50, Cleared("rtw_heavy", 1, ON)) is None
    assert raised_by_work(replace(row, limit_lb=10), standing(light), WORK) == RaisedLimit(20, light)
    assert (raised(None, light), raised(10)) == ("unchanged", "unchanged")
    assert raised_by_work(row, standing(light), replace(WORK, levels=WORK.levels[:1])) is None


def collar(row: PlannedRestriction | None, *before: PlannedRestriction) -> bool:
    """Return whether driving after stage 1 waits for the collar, with `row` among another surgery's limits."""
    a_plan = plan(stage(), patient=HEAVY)
    rows = (*a_plan.restrictions, *before, *((row,) if row else ()))
    gate = gate_of(milestone(a_plan, "drive"), Plan(a_plan.milestones, rows), on=ON, day0s={1: DAY0}, work=WORK)
    assert gate is not None
    return Condition.collar_off in {each.condition for each in gate.needed}


def test_a_collar_counts_while_it_is_worn() -> None:
    (worn,) = restrictions(plan(braced("ACDF-2+")), RestrictionKind.brace)
    other = replace(worn, occurrence=9)

    assert not collar(None)
    assert collar(replace(other, from_on=ON))
    assert not collar(replace(other, from_on=date(2026, 6, 2)))
    assert not collar(replace(other, from_on=None))
    assert collar(replace(other, through_on=ON))
    assert not collar(replace(other, through_on=date(2026, 5, 31)))
    assert collar(other, replace(other, from_on=None, sequence=2))
    assert collar(replace(worn, from_on=None))


@pytest.mark.parametrize(
    ("day0s", "waits"),
    [
        ({1: DAY0, 2: date(2026, 4, 1)}, True),
        ({1: date(2026, 4, 1), 2: date(2026, 4, 1)}, True),
        ({1: date(2026, 4, 2), 2: date(2026, 4, 1)}, False),
        ({1: None, 2: date(2026, 4, 1)}, False),
        ({1: DAY0, 2: None}, False),
        ({2: DAY0}, False),
    ],
)
def test_heavy_work_waits_for_the_x_ray_of_a_fusion_up_to_its_own_surgery(
    day0s: dict[int, date | None], waits: bool
) -> None:
    a_plan = plan(stage("TLIF-MISS"), stage("INTRACEPT", day0=date(2026, 4, 1), ordinal=2), patient=HEAVY)

    gate = gate_of(milestone(a_plan, "rtw_heavy", 2), a_plan, on=ON, day0s=day0s, work=WORK)

    assert gate is not None
    assert (Condition.xray_satisfactory in {each.condition for each in gate.needed}) is waits


def test_an_episode_that_limits_nothing_leaves_the_others_limits_as_they_are() -> None:
    facts = PatientFacts(WorkClass.heavy, wants_contact_sport=True)
    limits = {
        name: limits_on(a_plan, DAY0, clearances=(), day0s={1: DAY0}, work=WORK, own_class=WorkClass.heavy)
        for name, a_plan in (("all", plan(braced("TLIF-MISS"), patient=facts)), ("nothing", Plan((), ())))
    }

    assert strictest([limits["nothing"], limits["all"]]) == limits["all"]
    assert strictest([limits["all"], limits["nothing"]]) == limits["all"]
    assert limits["nothing"].work.permitted_class is WorkClass.heavy


def test_a_cleared_limit_of_minutes_names_none() -> None:
    (sitting,) = restrictions(plan(stage()), RestrictionKind.sitting)
    a_plan = Plan((), (replace(sitting, lifted_by="sit60"),))

    day = limits_on(a_plan, DAY0, clearances=[Cleared("sit60", 1, DAY0)], day0s={1: DAY0}, work=WORK, own_class=None)

    assert (day.sitting.state, day.sitting.limit_minutes) == (LimitState.cleared, None)
