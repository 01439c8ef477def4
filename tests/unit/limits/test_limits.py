"""What a patient may do on a day: the strictest limit holds, and no day lifts one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest

from schedules.plan.build import PatientFacts, Plan, PlannedRestriction
from schedules.plan.day_limits import strictest_of
from schedules.plan.limits import Cleared, DayLimits, Limit, limits_on, strictest
from schedules.plan.protocol import PoundsRange, Text
from schedules.plan.vocabulary import Grade, LimitState, Procedure, RestrictionKind, WorkClass
from tests.unit.plan.samples import DAY0, braced, plan, protocol, stage

STAGE_2_ON = date(2026, 4, 1)
HEAVY = PatientFacts(WorkClass.heavy)
STATES = LimitState


def limits(
    a_plan: Plan,
    days: int,
    *cleared: Cleared,
    own_class: WorkClass | None = WorkClass.heavy,
    day0s: Mapping[int, date | None] | None = None,
    unmet: frozenset[tuple[str, int]] = frozenset(),
    barred: dict[RestrictionKind, date] | None = None,
) -> DayLimits:
    """Return the limits `days` after the first day 0, by the table of work that ships."""
    return limits_on(
        a_plan,
        DAY0 + timedelta(days),
        clearances=cleared,
        day0s={1: DAY0, 2: STAGE_2_ON} if day0s is None else day0s,
        work=protocol("MD-MISS").work,
        own_class=own_class,
        unmet=unmet,
        barred=barred or {},
    )


def on_day(days: int, key: str, occurrence: int = 1, work_class: WorkClass | None = None) -> Cleared:
    return Cleared(key, occurrence, DAY0 + timedelta(days), work_class=work_class)


def classes(day: DayLimits) -> dict[str, str]:
    return {each.work_class.value: each.limit.state.value for each in day.work.classes}


def test_before_surgery_nothing_is_limited() -> None:
    day = limits(plan(stage(), patient=HEAVY), -1)

    assert day.on == date(2026, 3, 1)
    assert {day.lifting, day.driving, day.brace, day.work.limit, day.sport.contact} == {Limit(STATES.none)}
    assert day.work.permitted_class is WorkClass.heavy


def test_a_limit_says_what_binds_since_when_and_on_which_evidence() -> None:
    lifting = limits(plan(stage(), patient=HEAVY), 14).lifting

    assert lifting == Limit(
        state=STATES.restricted,
        limit_lb=10,
        since_on=date(2026, 3, 2),
        until_on=date(2026, 3, 16),
        binding_procedure=Procedure.lumbar_microdiscectomy,
        binding_stage=1,
        grade=Grade.D,
        sources=("S61",),
        text=Text(en="Lift no more than 10 lb.", es="No levante más de 10 lb."),
    )


@pytest.mark.parametrize(("days", "limit_lb"), [(0, 10), (14, 10), (15, 20), (28, 20), (29, 35), (57, 50), (999, 50)])
def test_pounds_rise_by_phase_and_never_end_by_date(days: int, limit_lb: int) -> None:
    assert limits(plan(stage(), patient=HEAVY), days).lifting.limit_lb == limit_lb


@pytest.mark.parametrize(
    ("days", "state"), [(0, "restricted"), (13, "restricted"), (14, "eligible"), (999, "eligible")]
)
def test_a_day_makes_driving_eligible_and_lifts_nothing(days: int, state: str) -> None:
    driving = limits(plan(stage(), patient=HEAVY), days).driving

    assert (driving.state.value, driving.eligible_on, driving.lifted_by) == (state, date(2026, 3, 16), "drive")
    assert driving.lifted_by_occurrence == 1


def test_what_is_past_its_day_is_not_eligible_while_a_condition_does_not_hold() -> None:
    day = limits(plan(stage(), patient=HEAVY), 28, unmet=frozenset({("drive", 1), ("blt_end", 2)}))

    assert (day.driving.state, day.bending_twisting.state) == (STATES.restricted, STATES.eligible)


def test_what_a_later_surgerys_clearance_ends_waits_for_the_conditions_of_that_one() -> None:
    both = plan(stage(), stage("MD-OPEN", day0=date(2026, 3, 9), ordinal=2), patient=HEAVY)
    first_alone = Plan(both.milestones, tuple(row for row in both.restrictions if row.occurrence == 1))

    states = [
        limits(first_alone, 90, unmet=frozenset({("blt_end", occurrence)})).bending_twisting.state
        for occurrence in (1, 2)
    ]

    assert states == [STATES.eligible, STATES.restricted]


def test_work_whose_milestone_the_plan_lacks_is_nobodys_to_begin() -> None:
    day = limits(Plan((), plan(stage(), patient=HEAVY).restrictions), 90)

    assert set(classes(day).values()) == {"restricted"}
    assert (day.work.permitted_class, day.work.limit.eligible_on) == (None, None)


def test_a_clearance_lifts_from_its_day_until_it_is_revoked() -> None:
    given = Cleared("drive", 1, date(2026, 3, 16), revoked_on=date(2026, 3, 20))
    a_plan = plan(stage(), patient=HEAVY)

    states = [limits(a_plan, days, given).driving.state for days in (13, 14, 17, 18)]

    assert states == [STATES.restricted, STATES.cleared, STATES.cleared, STATES.eligible]


def test_what_was_cleared_says_since_when_and_holds_nothing() -> None:
    driving = limits(plan(stage(), patient=HEAVY), 20, on_day(14, "drive")).driving

    assert (driving.state, driving.cleared_on) == (STATES.cleared, date(2026, 3, 16))
    assert (driving.text, driving.until_on, driving.condition) == (None, None, None)


def test_a_clearance_from_before_the_surgery_lifts_nothing() -> None:
    a_plan = plan(stage(), patient=HEAVY)

    before, on_it = limits(a_plan, 20, on_day(-1, "drive")), limits(a_plan, 20, on_day(0, "drive"))

    assert (before.driving.state, on_it.driving.state) == (STATES.eligible, STATES.cleared)
    assert limits(a_plan, 20, on_day(14, "drive"), day0s={1: None}).driving.state is STATES.eligible
    assert limits(a_plan, 20, on_day(14, "drive"), day0s={}).driving.state is STATES.eligible


def test_driving_is_barred_since_an_opioid_unless_it_was_cleared_since() -> None:
    a_plan, cleared = plan(stage(), patient=HEAVY), on_day(14, "drive")

    def state(taken_on: date) -> LimitState:
        return limits(a_plan, 20, cleared, barred={RestrictionKind.driving: taken_on}).driving.state

    assert (state(date(2026, 3, 16)), state(date(2026, 3, 17))) == (STATES.cleared, STATES.eligible)
    other = limits(a_plan, 40, on_day(30, "blt_end"), barred={RestrictionKind.driving: date(2026, 4, 10)})
    assert other.bending_twisting.state is STATES.cleared


def test_sitting_is_limited_in_minutes_and_ends_by_date() -> None:
    a_plan = plan(stage(), patient=HEAVY)

    sitting = limits(a_plan, 14).sitting

    assert (sitting.limit_minutes, sitting.state, sitting.until_on) == (20, STATES.restricted, date(2026, 3, 16))
    assert limits(a_plan, 15).sitting == Limit(STATES.none)


def test_a_brace_is_limited_only_where_it_was_ordered() -> None:
    worn = limits(plan(braced("ACDF-2+"), patient=HEAVY), 5).brace

    assert (worn.state, worn.lifted_by) == (STATES.restricted, "brace_wean")
    assert limits(plan(stage("ACDF-2+"), patient=HEAVY), 5).brace == Limit(STATES.none)


def test_a_step_of_lifting_waits_for_its_own_clearance_whatever_the_day() -> None:
    a_plan = plan(stage("TLIF-MISS"), patient=HEAVY)
    second, third = on_day(90, "lifting_2"), on_day(200, "lifting_3")

    late = [
        (day.lifting.limit_lb, day.lifting.state.value, day.lifting.condition)
        for day in (limits(a_plan, 999), limits(a_plan, 999, second), limits(a_plan, 999, second, third))
    ]

    assert late == [
        (20, "eligible", "X-ray satisfactory"),
        (50, "eligible", "fusion progress"),
        (None, "cleared", None),
    ]
    assert limits(a_plan, 999, third).lifting.limit_lb == 20


@pytest.mark.parametrize(
    ("protocol_id", "low_bone_density", "limit_lb"),
    [("INTRACEPT", True, 10), ("KYPHO", True, 10), ("KYPHO", False, 20)],
)
def test_bone_health_holds_lifting_for_life_unless_a_clinician_raises_it(
    protocol_id: str, low_bone_density: bool, limit_lb: int
) -> None:
    facts = PatientFacts(WorkClass.heavy, low_bone_density=low_bone_density)

    lifting = limits(plan(stage(protocol_id), patient=facts), 9999).lifting

    assert lifting.limit_lb == limit_lb
    assert lifting.state in (STATES.eligible, STATES.restricted)


def test_clearing_work_raises_lifting_to_the_occasional_maximum_of_its_class() -> None:
    a_plan = plan(stage("TLIF-MISS"), patient=HEAVY)

    def lifting(work_class: WorkClass | None) -> Limit:
        return limits(a_plan, 50, on_day(45, "rtw_heavy", work_class=work_class)).lifting

    medium = lifting(WorkClass.medium)
    assert (medium.limit_lb, medium.raised_by, medium.state) == (50, WorkClass.medium, STATES.restricted)
    assert medium.text == Text(en="Lift no more than 50 lb.", es="No levante más de 50 lb.")
    assert (lifting(WorkClass.light).limit_lb, lifting(WorkClass.light).raised_by) == (20, None)
    assert (lifting(WorkClass.sedentary).limit_lb, lifting(WorkClass.sedentary).text) == (
        20, Text(en="Lift no more than 20 lb.", es="No levante más de 20 lb."),
    )  # fmt: skip
    assert (lifting(None).limit_lb, lifting(None).state, lifting(None).cleared_on) == (
        None, STATES.cleared, date(2026, 4, 16),
    )  # fmt: skip


def test_pounds_that_a_clearance_for_work_freed_have_no_last_day() -> None:
    lifting = limits(plan(stage(), patient=HEAVY), 5, on_day(4, "rtw_heavy")).lifting

    assert (lifting.state, lifting.limit_lb, lifting.until_on) == (STATES.cleared, None, None)


def test_the_raised_text_is_the_shipped_one() -> None:
    shipped = protocol("MD-MISS").texts.restrictions["lifting"].filled(limit_lb=50)

    raised = limits(plan(stage("TLIF-MISS"), patient=HEAVY), 5, on_day(4, "rtw_heavy", work_class=WorkClass.medium))

    assert raised.lifting.text == shipped


def test_modified_duty_allows_the_lighter_classes_alone() -> None:
    a_plan = plan(stage(), patient=HEAVY)

    day = limits(a_plan, 30, on_day(20, "rtw_heavy", work_class=WorkClass.light))

    assert classes(day) == {
        "sedentary": "cleared", "light": "cleared", "medium": "restricted", "heavy": "restricted",
        "very_heavy": "restricted",
    }  # fmt: skip
    assert (day.work.own_class, day.work.permitted_class) == (WorkClass.heavy, WorkClass.light)
    assert (day.work.limit.state, day.work.limit.lifted_by) == (STATES.restricted, "rtw_heavy")
    medium = day.work.classes[2]
    assert (medium.limit.eligible_on, medium.limit.text) == (None, None)
    assert (medium.limit.lifted_by, medium.limit.lifted_by_occurrence) == (None, None)


def test_of_several_clearances_for_work_the_heaviest_counts() -> None:
    a_plan = plan(stage(), patient=HEAVY)

    day = limits(
        a_plan,
        30,
        on_day(20, "rtw_heavy", work_class=WorkClass.medium),
        on_day(25, "rtw_heavy", work_class=WorkClass.light),
    )

    assert day.work.permitted_class is WorkClass.medium


def test_the_own_class_is_cleared_with_all_below_it_and_none_above() -> None:
    day = limits(plan(stage(), patient=HEAVY), 90, on_day(85, "rtw_heavy"))

    assert classes(day)["very_heavy"] == "restricted"
    assert (day.work.permitted_class, day.work.limit.state) == (WorkClass.heavy, STATES.cleared)


def test_each_class_shows_its_pounds_by_frequency() -> None:
    light = limits(plan(stage(), patient=HEAVY), 0).work.classes[1]

    assert (light.work_class, light.occasional, light.frequent, light.constant) == (
        WorkClass.light, PoundsRange(None, 20), PoundsRange(None, 10), None,
    )  # fmt: skip


def test_who_does_not_work_has_no_limit_and_no_class() -> None:
    day = limits(plan(stage(), patient=PatientFacts(WorkClass.not_working)), 5, own_class=WorkClass.not_working)

    assert (day.work.limit, day.work.permitted_class) == (Limit(STATES.none), None)


def test_of_an_unknown_class_the_strictest_is_shown() -> None:
    day = limits(plan(stage()), 30, on_day(15, "rtw_sed"), own_class=None)

    assert classes(day) == {
        "sedentary": "cleared", "light": "eligible", "medium": "restricted", "heavy": "restricted",
        "very_heavy": "restricted",
    }  # fmt: skip
    assert (day.work.limit.state, day.work.permitted_class) == (STATES.restricted, WorkClass.sedentary)


def test_sport_is_limited_by_level_and_contact_sport_even_where_nobody_asked_for_it() -> None:
    a_plan = plan(stage(), patient=HEAVY)

    day = limits(a_plan, 60, on_day(56, "sport_low"), on_day(58, "sport_nc"))

    assert (day.sport.low_impact.state, day.sport.non_contact.state) == (STATES.cleared, STATES.cleared)
    assert (day.sport.contact.state, day.sport.contact.eligible_on, day.sport.contact.text) == (
        STATES.restricted, None, None,
    )  # fmt: skip
    asked = plan(stage(), patient=replace(HEAVY, wants_contact_sport=True))
    assert limits(asked, 90).sport.contact.state is STATES.eligible
    assert limits(asked, 89).sport.contact.lifted_by == "sport_ct"


def test_contact_sport_that_nobody_asked_for_names_the_surgery_that_binds_the_lightest() -> None:
    shipped = plan(stage(), patient=HEAVY)
    rows = tuple(replace(row, binding_stage=2) if row.lifted_by == "sport_nc" else row for row in shipped.restrictions)

    sport = limits(replace(shipped, restrictions=rows), 20).sport

    assert (sport.low_impact.binding_stage, sport.non_contact.binding_stage, sport.contact.binding_stage) == (1, 2, 1)


def test_a_clearance_between_two_surgeries_ends_with_the_second() -> None:
    a_plan = plan(stage(), stage("MD-OPEN", day0=STAGE_2_ON, ordinal=2), patient=HEAVY)
    between = on_day(14, "drive")

    states = [limits(a_plan, days, between).driving.state.value for days in (14, 29, 30, 51)]

    assert states == ["cleared", "cleared", "restricted", "eligible"]
    assert limits(a_plan, 60, between, on_day(51, "drive", 2)).driving.state is STATES.cleared


def test_a_clearance_of_the_later_surgery_lifts_what_the_earlier_one_left() -> None:
    a_plan = plan(stage(), stage("MD-OPEN", day0=date(2026, 3, 9), ordinal=2), patient=HEAVY)
    day0s = {1: DAY0, 2: date(2026, 3, 9)}

    later = limits(a_plan, 60, on_day(55, "blt_end", 2), day0s=day0s)
    earlier = limits(a_plan, 60, on_day(55, "blt_end", 1), day0s=day0s)

    assert (later.bending_twisting.state, earlier.bending_twisting.state) == (STATES.cleared, STATES.eligible)


def test_the_later_of_two_surgeries_is_the_one_of_the_later_day_whatever_its_number() -> None:
    a_plan = plan(stage("MD-OPEN", day0=STAGE_2_ON), stage(ordinal=2), patient=HEAVY)
    day0s: dict[int, date | None] = {1: STAGE_2_ON, 2: DAY0}

    assert limits(a_plan, 40, on_day(15, "drive", 2), day0s=day0s).driving.state is STATES.restricted
    assert limits(a_plan, 80, on_day(52, "drive", 1), day0s=day0s).driving.state is STATES.cleared


def test_a_step_of_the_later_surgery_does_not_lift_the_earlier_ones_step_of_the_same_name() -> None:
    a_plan = plan(stage("KYPHO"), stage("INTRACEPT", day0=STAGE_2_ON, ordinal=2), patient=HEAVY)

    lifting = limits(a_plan, 200, on_day(90, "lifting_3", 2)).lifting

    assert (lifting.limit_lb, lifting.binding_stage, lifting.state) == (20, 1, STATES.restricted)


def test_work_cleared_after_the_first_surgery_raises_nothing_after_the_second() -> None:
    a_plan = plan(stage(), stage("MD-OPEN", day0=STAGE_2_ON, ordinal=2), patient=HEAVY)
    given = on_day(20, "rtw_heavy", 1, WorkClass.medium)

    before, after = limits(a_plan, 29, given), limits(a_plan, 30, given)

    assert (before.lifting.limit_lb, after.lifting.limit_lb) == (50, 10)
    assert (before.lifting.raised_by, after.lifting.binding_stage) == (WorkClass.medium, 2)


def test_a_class_whose_own_row_ended_with_the_first_surgery_waits_for_the_seconds() -> None:
    a_plan = plan(stage(), stage("MD-OPEN", day0=STAGE_2_ON, ordinal=2))

    (sedentary,) = [each for each in limits(a_plan, 60, own_class=None).work.classes if each.work_class == "sedentary"]

    assert (sedentary.limit.state, sedentary.limit.eligible_on) == (STATES.eligible, date(2026, 4, 29))


def test_of_two_episodes_the_stricter_limit_counts_for_each_thing() -> None:
    back = limits(plan(stage("TLIF-MISS"), patient=HEAVY), 50, on_day(40, "drive"))
    neck = limits(plan(stage("ACDF-1"), patient=HEAVY), 50)

    both = strictest([back, neck])

    assert both == strictest([neck, back])
    assert (both.lifting.limit_lb, both.lifting.binding_procedure) == (20, Procedure.tlif)
    assert (both.driving.state, both.driving.binding_procedure) == (STATES.eligible, Procedure.acdf)
    assert strictest([back]) == back


def test_an_episode_without_limits_loosens_nothing_and_permits_all() -> None:
    cleared = limits(plan(stage(), patient=HEAVY), 90, on_day(85, "rtw_heavy"), on_day(85, "blt_end"))
    nothing = limits(Plan((), ()), 90)
    restricted = limits(plan(stage(), patient=HEAVY), 5)

    assert strictest([nothing, cleared]).work.permitted_class is WorkClass.heavy
    assert strictest([nothing, cleared]).bending_twisting.state is STATES.cleared
    assert strictest([cleared, restricted]).work.permitted_class is None
    assert strictest([nothing, restricted]).sport == restricted.sport
    assert strictest([nothing, nothing]).work.permitted_class is WorkClass.heavy


@pytest.mark.parametrize(
    ("looser", "stricter"),
    [
        (Limit(STATES.restricted, limit_minutes=30), Limit(STATES.restricted, limit_minutes=20)),
        (Limit(STATES.restricted, binding_stage=1), Limit(STATES.restricted, binding_stage=2)),
        (Limit(STATES.restricted, lifted_by="sport_low"), Limit(STATES.restricted, lifted_by="sport_nc")),
    ],
)
def test_fewer_minutes_then_the_later_surgery_binds_in_whatever_order(looser: Limit, stricter: Limit) -> None:
    assert strictest_of([looser, stricter]) == strictest_of([stricter, looser]) == stricter


def test_of_equal_pounds_what_is_not_eligible_yet_binds() -> None:
    def row(sequence: int, eligible_on: date | None, limit_lb: int = 20) -> PlannedRestriction:
        (first, *_) = plan(stage()).restrictions
        return replace(
            first, sequence=sequence, limit_lb=limit_lb, through_on=None, eligible_on=eligible_on,
            lifted_by=f"lifting_{sequence}", lifted_by_occurrence=1,
        )  # fmt: skip

    def binding(*rows: PlannedRestriction) -> str | None:
        return limits(Plan((), rows), 10).lifting.lifted_by

    assert binding(row(1, DAY0), row(2, date(2026, 5, 1))) == "lifting_2"
    assert binding(row(1, None), row(2, date(2026, 5, 1))) == "lifting_1"
    assert binding(row(1, date(2026, 5, 2)), row(2, date(2026, 5, 1))) == "lifting_1"
    assert binding(row(1, None), row(2, DAY0, limit_lb=10)) == "lifting_2"


@pytest.mark.parametrize("days", range(0, 400, 7))
def test_adding_a_surgery_never_loosens_lifting(days: int) -> None:
    one, two = stage(), stage("TLIF-OPEN", day0=STAGE_2_ON, ordinal=2)

    alone = limits(plan(one, patient=HEAVY), days).lifting.limit_lb
    both = limits(plan(one, two, patient=HEAVY), days).lifting.limit_lb

    assert alone is not None
    assert both is not None
    assert both <= alone
