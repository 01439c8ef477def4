"""Several surgeries in one episode: which occurrence stands, which procedure binds, and what a later stage ends."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from schedules.plan.build import PatientFacts, Plan, PlannedMilestone, Stage
from schedules.plan.protocol import MilestoneTemplate, Protocol
from schedules.plan.vocabulary import (
    Binding,
    Grade,
    MilestoneKind,
    OpioidUse,
    Phase,
    Procedure,
    RestrictionKind,
    SurgeryStatus,
    WorkClass,
)
from tests.unit.plan.samples import DAY0, braced, milestone, plan, protocol, restrictions, stage

INTRACEPT = stage("INTRACEPT", day0=date(2026, 3, 1))
DISCECTOMY = stage("MD-MISS", day0=date(2026, 3, 22), ordinal=2)
ANY_SPORT = PatientFacts(work_class=None, wants_contact_sport=True)


def second(protocol_id: str, *, after_days: int, ordinal: int = 2) -> Stage:
    """Return a later stage, so many days after day 0 of the first."""
    return stage(protocol_id, day0=DAY0 + timedelta(days=after_days), ordinal=ordinal)


def occurrences(a_plan: Plan, key: str) -> list[int]:
    return [item.occurrence for item in a_plan.milestones if item.key == key]


def with_template(protocol_id: str, key: str, **days: int | None) -> Protocol:
    """Return a protocol with other days of one milestone, as a clinic's own copy may have."""
    shipped = protocol(protocol_id)
    milestones = tuple(replace(each, **days) if each.key == key else each for each in shipped.milestones)  # type: ignore[arg-type]
    return replace(shipped, milestones=milestones)


def without_template(protocol_id: str, key: str) -> Protocol:
    shipped = protocol(protocol_id)
    return replace(shipped, milestones=tuple(each for each in shipped.milestones if each.key != key))


def bound(item: PlannedMilestone) -> tuple[date | None, str, int, str]:
    return item.eligible_on, item.binds, item.binding_stage, item.binding_procedure


def test_the_worked_example_of_an_intracept_and_a_later_discectomy() -> None:
    staged = plan(INTRACEPT, DISCECTOMY)

    sedentary = [milestone(staged, "rtw_sed", stage_number) for stage_number in (1, 2)]
    bending = [milestone(staged, "blt_end", stage_number) for stage_number in (1, 2)]
    heavy = milestone(staged, "rtw_heavy", 2)

    assert [(item.eligible_on, item.superseded_on, item.superseded_by) for item in sedentary] == [
        (date(2026, 3, 4), date(2026, 3, 22), 2),
        (date(2026, 4, 5), None, None),
    ]
    assert [(item.eligible_on, item.superseded_on) for item in bending] == [
        (date(2026, 3, 15), date(2026, 3, 22)),
        (date(2026, 4, 19), None),
    ]
    assert (heavy.target_on, heavy.binding_procedure) == (date(2026, 5, 17), Procedure.lumbar_microdiscectomy)
    assert occurrences(staged, "rtw_heavy") == [2]


def test_the_worked_example_day_by_day() -> None:
    """What is still forbidden when each item is cleared on its first eligible day."""
    staged = plan(INTRACEPT, DISCECTOMY)
    cleared_on = {(item.key, item.occurrence): item.eligible_on for item in staged.milestones if item.lifts}

    def forbidden(key: str, on: date) -> bool:
        rows = [row for row in staged.restrictions if row.lifted_by == key]
        active = [
            row for row in rows if row.from_on and row.from_on <= on and (not row.through_on or on <= row.through_on)
        ]
        ends = [cleared_on[key, row.lifted_by_occurrence or 0] for row in active]
        return any(end is None or on < end for end in ends)

    def free_days(key: str) -> list[str]:
        days = (date(2026, 3, 1) + timedelta(days=after) for after in range(120))
        free = [on for on in days if not forbidden(key, on)]
        firsts = [on for on in free if on - timedelta(days=1) not in free]
        lasts = [on for on in free if on + timedelta(days=1) not in free]
        return [f"{first:%d %b}-{last:%d %b}" for first, last in zip(firsts, lasts, strict=True)]

    assert free_days("rtw_sed") == ["04 Mar-21 Mar", "05 Apr-28 Jun"]
    assert free_days("blt_end") == ["15 Mar-21 Mar", "19 Apr-28 Jun"]
    assert free_days("rtw_light") == ["09 Mar-21 Mar", "19 Apr-28 Jun"]
    assert free_days("rtw_heavy") == ["15 Jun-28 Jun"]
    assert free_days("drive") == ["03 Mar-21 Mar", "05 Apr-28 Jun"]


def test_the_order_of_the_stages_does_not_matter() -> None:
    third = second("LAM-MISS", after_days=60, ordinal=3)

    assert plan(third, DISCECTOMY, INTRACEPT) == plan(INTRACEPT, DISCECTOMY, third)


@pytest.mark.parametrize(("after_days", "expected"), [(13, [2]), (14, [2]), (15, [1, 2])])
def test_an_item_reached_before_the_later_stage_has_its_own_occurrence(after_days: int, expected: list[int]) -> None:
    staged = plan(stage("MD-MISS"), second("INTRACEPT", after_days=after_days))

    assert occurrences(staged, "drive") == expected


@pytest.mark.parametrize(("after_days", "expected"), [(8, [2]), (9, [1, 2])])
def test_the_eligible_day_counts_where_it_is_later_than_the_target(after_days: int, expected: list[int]) -> None:
    staged = plan(stage("INTRACEPT"), second("MD-MISS", after_days=after_days))

    assert milestone(plan(stage("INTRACEPT")), "rtw_light").target_days == 7
    assert occurrences(staged, "rtw_light") == expected


def test_the_latest_day_binds_and_its_procedure_is_named() -> None:
    staged = plan(stage("TLIF-OPEN"), second("INTRACEPT", after_days=10))

    drive = milestone(staged, "drive", 2)

    alone = milestone(plan(stage("TLIF-OPEN")), "drive")
    assert bound(drive) == (alone.eligible_on, "target", 1, "tlif")
    assert (drive.earliest_on, drive.target_on, drive.latest_on) == (
        alone.earliest_on,
        alone.target_on,
        alone.latest_on,
    )
    assert (drive.grade, drive.sources, drive.note) == (alone.grade, alone.sources, alone.note)
    assert (drive.earliest_days, drive.target_days, drive.latest_days, drive.eligible_days) == (18, 25, 32, 25)
    assert drive.day0 == date(2026, 3, 12)


def test_each_day_of_the_window_is_the_latest_of_its_own() -> None:
    long_window = replace(stage(), protocol=with_template("MD-MISS", "drive", earliest_days=1, latest_days=60))

    drive = milestone(plan(long_window, second("MD-OPEN", after_days=5)), "drive", 2)

    assert (drive.earliest_days, drive.target_days, drive.latest_days) == (14, 21, 55)
    assert (drive.binding_stage, drive.eligible_on) == (2, date(2026, 3, 28))


def test_the_later_stage_binds_where_both_days_are_the_same() -> None:
    drive = milestone(plan(stage("MD-OPEN"), second("MD-MISS", after_days=7)), "drive", 2)

    assert (drive.eligible_on, drive.binding_stage, drive.grade) == (date(2026, 3, 23), 2, Grade.B)


def test_the_later_stage_binds_where_neither_has_an_eligible_day() -> None:
    osteoporosis = PatientFacts(work_class=None, low_bone_density=True)

    heavy = milestone(plan(stage("KYPHO"), second("INTRACEPT", after_days=10), patient=osteoporosis), "rtw_heavy", 2)

    assert bound(heavy) == (None, Binding.bone_density, 2, Procedure.intracept)
    assert heavy.target_on == date(2026, 5, 25)


def test_what_is_never_eligible_by_date_reaches_every_later_stage() -> None:
    staged = plan(stage("KYPHO"), second("MD-MISS", after_days=400))

    medium = milestone(staged, "rtw_med", 2)

    assert occurrences(staged, "rtw_med") == [2]
    assert bound(medium) == (None, Binding.surgeon, 1, Procedure.kyphoplasty)
    assert medium.eligible_days is None
    assert medium.target_days == 42


def test_three_stages_form_a_chain_only_where_each_meets_the_next() -> None:
    chained = plan(stage(), second("MD-MISS", after_days=10), second("MD-MISS", after_days=20, ordinal=3))
    parted = plan(stage(), second("MD-MISS", after_days=10), second("MD-MISS", after_days=30, ordinal=3))

    assert occurrences(chained, "drive") == [3]
    assert occurrences(parted, "drive") == [2, 3]
    first = milestone(parted, "drive", 2)
    assert (first.superseded_on, first.superseded_by) == (date(2026, 4, 1), 3)


def test_what_a_chain_supersedes_ends_with_the_chains_first_surgery() -> None:
    staged = plan(stage(), second("MD-MISS", after_days=30), second("MD-MISS", after_days=40, ordinal=3))

    drive = milestone(staged, "drive", 1)

    assert (drive.superseded_on, drive.superseded_by) == (date(2026, 4, 1), 3)
    (first, *_) = restrictions(staged, RestrictionKind.driving)
    assert first.through_on == date(2026, 3, 31)


def test_stages_count_by_their_day_of_surgery_and_not_by_their_number() -> None:
    staged = plan(stage(ordinal=2), second("INTRACEPT", after_days=20, ordinal=1))

    assert [(item.occurrence, item.superseded_by) for item in staged.milestones if item.key == "drive"] == [
        (1, None),
        (2, 1),
    ]


def test_a_stage_without_a_date_or_cancelled_touches_no_other() -> None:
    alone = plan(stage())
    undated = stage("INTRACEPT", day0=None, ordinal=2)
    cancelled = replace(second("INTRACEPT", after_days=5), status=SurgeryStatus.cancelled)

    both = plan(stage(), undated)

    assert [item for item in both.milestones if item.occurrence == 1] == list(alone.milestones)
    assert [item for item in both.restrictions if item.occurrence == 1] == list(alone.restrictions)
    assert [item for item in both.milestones if item.occurrence == 2] == list(plan(undated).milestones)
    assert plan(stage(), cancelled) == alone


@pytest.mark.parametrize(
    ("first_id", "second_id", "imaged"),
    [("ALIF-MISS", "TLIF-OPEN", "TLIF-OPEN"), ("LAM-MISS", "TLIF-MISS", "TLIF-MISS"), ("LAM-OPEN", "TLIF-MISS", None)],
)
def test_one_operation_of_two_procedures_runs_on_the_slower_clock(
    first_id: str, second_id: str, imaged: str | None
) -> None:
    combined = plan(stage(first_id), stage(second_id, ordinal=2))

    alone = [plan(stage(each)) for each in (first_id, second_id)]
    for key in ("drive", "rtw_sed", "rtw_heavy", "blt_end", "sport_nc", "full"):
        (item,) = [each for each in combined.milestones if each.key == key]
        days = [milestone(each, key) for each in alone]
        assert item.target_days == max(day.target_days or 0 for day in days)
        assert item.eligible_days == max(day.eligible_days or 0 for day in days)
        assert (item.occurrence, item.superseded_on) == (2, None)
    if imaged is not None:
        assert milestone(combined, "imaging_d180", 2).binding_procedure is Procedure.tlif


def test_an_open_posterior_fixation_puts_an_anterior_fusion_on_the_fusion_clock() -> None:
    combined = plan(stage("ALIF-MISS"), stage("TLIF-OPEN", ordinal=2))

    heavy = milestone(combined, "rtw_heavy", 2)

    assert bound(heavy) == (date(2027, 3, 3), Binding.lifting, 2, Procedure.tlif)
    assert heavy.eligible_days == 366


def test_before_one_operation_the_earliest_day_binds() -> None:
    early = replace(stage(), protocol=with_template("MD-MISS", "health_check", earliest_days=-9, target_days=-8))

    combined = plan(early, stage("INTRACEPT", ordinal=2))

    (check,) = [item for item in combined.milestones if item.key == "health_check"]
    assert (check.earliest_days, check.target_days, check.latest_days, check.eligible_days) == (-9, -8, -1, -8)
    assert (check.occurrence, check.binding_stage, check.phase) == (2, 1, Phase.before_surgery)
    assert check.past_policy is None


def test_before_two_operations_each_has_its_own_preparation() -> None:
    staged = plan(stage(), second("INTRACEPT", after_days=1))

    before = [item for item in staged.milestones if item.phase is Phase.before_surgery]
    assert all(occurrences(staged, item.key) == [1, 2] for item in before)
    assert all(item.superseded_on is None for item in before)


@pytest.mark.parametrize(("after_days", "expected"), [(35, [2]), (36, [1, 2])])
def test_a_follow_up_belongs_to_the_last_stage_unless_it_closes_before_the_new_baseline(
    after_days: int, expected: list[int]
) -> None:
    staged = plan(stage(), second("INTRACEPT", after_days=after_days))

    assert occurrences(staged, "prom_2wk") == expected
    follow_up = milestone(staged, "prom_2wk", 2)
    assert (follow_up.earliest_days, follow_up.target_days, follow_up.latest_days) == (10, 14, 21)
    assert (follow_up.binding_stage, follow_up.target_on) == (2, DAY0 + timedelta(days=after_days + 14))


def test_an_open_ended_follow_up_of_an_earlier_stage_gives_way() -> None:
    endless = replace(stage(), protocol=with_template("MD-MISS", "prom_2wk", latest_days=None))

    assert occurrences(plan(endless, second("INTRACEPT", after_days=300)), "prom_2wk") == [2]


@pytest.mark.parametrize(
    ("after_days", "first_days", "target_days"),
    [(200, -14, -14), (15, -14, -14), (14, -13, -13), (2, -1, -1), (1, -1, -1)],
)
def test_the_baseline_of_a_later_stage_is_answered_between_the_stages(
    after_days: int, first_days: int, target_days: int
) -> None:
    staged = plan(stage(), second("INTRACEPT", after_days=after_days))

    first, between = milestone(staged, "prom_baseline", 1), milestone(staged, "prom_baseline", 2)

    day0 = DAY0 + timedelta(days=after_days)
    assert (first.earliest_days, first.target_days, first.latest_days) == (-60, -14, 0)
    assert (between.earliest_days, between.target_days, between.latest_days) == (first_days, target_days, 0)
    assert (between.earliest_on, between.target_on) == (
        day0 + timedelta(days=first_days),
        day0 + timedelta(days=target_days),
    )
    assert (between.eligible_days, between.eligible_on) == (between.target_days, between.target_on)


def test_the_baseline_of_a_later_stage_may_have_no_target() -> None:
    untargeted = replace(
        second("INTRACEPT", after_days=200), protocol=with_template("INTRACEPT", "prom_baseline", target_days=None)
    )

    between = milestone(plan(stage(), untargeted), "prom_baseline", 2)

    assert (between.earliest_days, between.target_days, between.latest_days) == (-14, None, 0)
    assert (between.target_on, between.eligible_on) == (None, between.earliest_on)


def test_one_operation_has_one_baseline_with_its_usual_window() -> None:
    (baseline,) = [
        item for item in plan(stage(), stage("INTRACEPT", ordinal=2)).milestones if item.key == "prom_baseline"
    ]

    assert (baseline.occurrence, baseline.earliest_days, baseline.target_days) == (2, -60, -14)


def test_after_one_operation_of_two_procedures_there_is_one_baseline_more_for_the_next() -> None:
    staged = plan(stage(), stage("INTRACEPT", ordinal=2), second("MD-MISS", after_days=5, ordinal=3))

    assert occurrences(staged, "prom_baseline") == [2, 3]
    assert milestone(staged, "prom_baseline", 2).earliest_days == -60
    assert milestone(staged, "prom_baseline", 3).earliest_days == -4


@pytest.mark.parametrize(("latest_days", "expected"), [(27, [1, 2]), (28, [2]), (None, [2])])
def test_there_is_one_wound_check_where_the_windows_overlap(latest_days: int | None, expected: list[int]) -> None:
    first = replace(stage(), protocol=with_template("MD-MISS", "incision", latest_days=latest_days))

    staged = plan(first, second("MD-MISS", after_days=18))

    assert occurrences(staged, "incision") == expected
    assert occurrences(staged, "shower") == [1, 2]


def test_the_collar_of_an_earlier_stage_holds_driving_exercise_and_therapy_of_a_later_one() -> None:
    staged = plan(braced("ACDF-2+"), second("LAM-MISS", after_days=30))

    off_on = date(2026, 5, 4)
    for key in ("drive", "pt_start", "sport_low"):
        assert milestone(staged, key, 2).eligible_on == max(off_on, milestone(staged, key, 2).target_on or off_on)
    assert bound(milestone(staged, "drive", 2)) == (off_on, Binding.collar, 1, Procedure.acdf)
    assert occurrences(staged, "brace_wean") == [1]
    assert milestone(staged, "brace_wean", 1).superseded_on is None


def test_a_collar_holds_what_its_own_stage_does_not_plan() -> None:
    no_therapy = replace(braced("ACDF-2+"), protocol=without_template("ACDF-2+", "pt_start"))
    after = second("INTRACEPT", after_days=30)
    therapy = milestone(plan(no_therapy, after), "pt_start", 2)
    surgeons = replace(no_therapy, protocol=without_template("MD-MISS", "pt_start"))

    assert milestone(plan(after), "pt_start", 2).eligible_on == date(2026, 4, 22)
    assert bound(therapy) == (date(2026, 5, 4), Binding.collar, 1, Procedure.acdf)
    assert (therapy.eligible_days, therapy.target_days) == (33, 21)
    open_ended = milestone(plan(surgeons, after), "pt_start", 2)
    assert bound(open_ended) == (None, Binding.collar, 1, Procedure.lumbar_microdiscectomy)
    assert open_ended.eligible_days is None


def test_a_stage_without_a_collar_holds_nothing_that_it_does_not_plan() -> None:
    no_therapy = replace(stage("ACDF-2+"), protocol=without_template("ACDF-2+", "pt_start"))

    therapy = milestone(plan(no_therapy, second("INTRACEPT", after_days=30)), "pt_start", 2)

    assert bound(therapy) == (date(2026, 4, 22), Binding.target, 2, Procedure.intracept)


@pytest.mark.parametrize(("after_days", "expected"), [(41, (22, "collar")), (42, (21, "target")), (43, (21, "target"))])
def test_a_collar_that_is_off_by_then_holds_nothing(after_days: int, expected: tuple[int, str]) -> None:
    no_therapy = replace(braced("ACDF-2+"), protocol=without_template("ACDF-2+", "pt_start"))

    therapy = milestone(plan(no_therapy, second("INTRACEPT", after_days=after_days)), "pt_start", 2)

    assert (therapy.eligible_days, therapy.binds) == expected


def test_the_collar_of_a_later_stage_holds_nothing_before_it() -> None:
    collar = replace(braced("ACDF-2+"), protocol=without_template("ACDF-2+", "pt_start"), ordinal=2)

    before = plan(stage("INTRACEPT"), replace(collar, day0=date(2026, 3, 24)))
    on_its_day = plan(stage("INTRACEPT"), replace(collar, day0=date(2026, 3, 23)))

    assert milestone(before, "pt_start", 1).eligible_on == date(2026, 3, 23)
    assert milestone(on_its_day, "pt_start", 1).eligible_on == date(2026, 5, 25)
    assert milestone(on_its_day, "walk30", 1).eligible_on == date(2026, 3, 9)


def test_a_clearance_between_the_stages_ends_on_the_later_ones_day_of_surgery() -> None:
    driving = restrictions(plan(INTRACEPT, DISCECTOMY), RestrictionKind.driving)

    spans = [(row.occurrence, row.from_on, row.through_on, row.through_days) for row in driving]

    assert spans == [(1, date(2026, 3, 1), date(2026, 3, 21), 20), (2, date(2026, 3, 22), None, None)]
    assert [(row.lifted_by, row.lifted_by_occurrence, row.binding_stage) for row in driving] == [
        ("drive", 1, 1),
        ("drive", 2, 2),
    ]


def test_a_limit_of_an_earlier_stage_points_to_the_occurrence_that_stands_for_both() -> None:
    rows = [
        row for row in restrictions(plan(INTRACEPT, DISCECTOMY), RestrictionKind.work) if row.lifted_by == "rtw_heavy"
    ]

    assert [(row.occurrence, row.lifted_by_occurrence, row.through_on) for row in rows] == [(1, 2, None), (2, 2, None)]
    assert [row.eligible_on for row in rows] == [date(2026, 6, 15), date(2026, 6, 15)]
    assert [row.eligible_days for row in rows] == [106, 85]
    assert {(row.binding_stage, row.binding_procedure) for row in rows} == {(2, Procedure.lumbar_microdiscectomy)}


def test_a_later_stage_never_ends_a_limit_in_pounds() -> None:
    lifting = restrictions(plan(INTRACEPT, DISCECTOMY), RestrictionKind.lifting)

    first = [row for row in lifting if row.occurrence == 1]

    assert [(row.through_on, row.lifted_by, row.lifted_by_occurrence) for row in first] == [
        (date(2026, 3, 8), None, None),
        (date(2026, 3, 15), None, None),
        (None, "lifting_3", 1),
    ]
    assert occurrences(plan(INTRACEPT, DISCECTOMY), "lifting_3") == [1]
    assert milestone(plan(INTRACEPT, DISCECTOMY), "lifting_3", 1).superseded_on is None


def test_one_number_of_a_step_means_each_stages_own_limit() -> None:
    staged = plan(stage("INTRACEPT"), second("LLIF-MISS", after_days=3))

    assert occurrences(staged, "lifting_3") == [1, 2]
    assert milestone(staged, "lifting_3", 1).eligible_days == 43
    assert milestone(staged, "lifting_3", 2).eligible_days == 181


@pytest.mark.parametrize("ids", [("KYPHO", "MD-MISS"), ("MD-MISS", "KYPHO")])
def test_very_heavy_work_waits_for_the_latest_day_of_heavy_work_that_is_known(ids: tuple[str, str]) -> None:
    very_heavy = PatientFacts(WorkClass.very_heavy)
    first, later = stage(ids[0]), second(ids[1], after_days=10)

    item = milestone(plan(first, later, patient=very_heavy), "rtw_very_heavy", 2)

    heavy_days = 85 if ids[1] == "MD-MISS" else 75
    assert (item.not_before_days, item.not_before_on) == (heavy_days, date(2026, 3, 12) + timedelta(days=heavy_days))
    assert (item.earliest_on, item.eligible_on, item.binds) == (None, None, Binding.surgeon)


def test_a_merged_item_was_past_if_its_window_closed_before_the_later_date_was_known() -> None:
    first, later = replace(stage(), known_on=date(2026, 6, 1)), second("MD-OPEN", after_days=7)

    in_time, late = (
        milestone(plan(first, replace(later, known_on=known_on)), "drive", 2)
        for known_on in (date(2026, 4, 6), date(2026, 4, 7))
    )

    assert (in_time.target_on, in_time.latest_on) == (date(2026, 3, 30), date(2026, 4, 6))
    assert (in_time.past_policy, late.past_policy) == (None, "ask_coordinator")


def test_a_merged_item_without_an_end_was_past_after_its_target() -> None:
    first, later = stage("TLIF-OPEN"), second("INTRACEPT", after_days=7)

    in_time, late = (
        milestone(plan(first, replace(later, known_on=known_on), patient=ANY_SPORT), "sport_ct", 2)
        for known_on in (date(2027, 3, 2), date(2027, 3, 3))
    )

    assert (in_time.target_on, in_time.latest_on, in_time.latest_days) == (date(2027, 3, 2), None, None)
    assert (in_time.past_policy, late.past_policy) == (None, "ask_coordinator")
    assert in_time.note == "no upper bound"


def test_who_tapers_opioids_with_a_prescriber_has_one_taper() -> None:
    long_term = PatientFacts(work_class=None, opioid_use=OpioidUse.daily_long_term)

    staged = plan(stage(), second("INTRACEPT", after_days=300), patient=long_term)

    (taper,) = [item for item in staged.milestones if item.key == "opioid_stop"]
    assert (taper.occurrence, taper.binds, taper.binding_stage) == (2, Binding.prescriber, 2)


def test_a_text_of_either_stage_is_kept() -> None:
    def exercise(protocol_id: str, earliest_days: int) -> Protocol:
        return with_template(protocol_id, "sport_low", earliest_days=earliest_days)

    early, late = exercise("MD-MISS", 0), exercise("MD-MISS", 28)

    for first, later in ((early, late), (late, early)):
        merged = milestone(
            plan(replace(stage(), protocol=first), replace(second("MD-MISS", after_days=5), protocol=later)),
            "sport_low",
            2,
        )
        assert merged.text is not None
        assert merged.text.en.startswith("Walking or stationary bike only")


def test_items_of_one_key_and_two_kinds_stay_apart() -> None:
    shipped = protocol("MD-MISS")
    visit = shipped.find_milestone("visit_6wk")
    assert isinstance(visit, MilestoneTemplate)
    other = replace(
        shipped,
        milestones=(*without_template("MD-MISS", "visit_6wk").milestones, replace(visit, kind=MilestoneKind.imaging)),
    )

    staged = plan(stage(), replace(second("MD-MISS", after_days=5), protocol=other))

    assert occurrences(staged, "visit_6wk") == [1, 2]
    assert milestone(staged, "visit_6wk", 1).superseded_on is None
