"""Several surgeries in one episode: which occurrence stands, which procedure binds, and what a later stage ends."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from schedules.plan.build import PatientFacts
from schedules.plan.protocol import MilestoneTemplate, Protocol
from schedules.plan.vocabulary import (
    Binding,
    Grade,
    MilestoneKind,
    OpioidUse,
    Procedure,
    RestrictionKind,
    SurgeryStatus,
)
from tests.unit.plan.samples import (
    DISCECTOMY,
    INTRACEPT,
    bound,
    milestone,
    occurrences,
    plan,
    protocol,
    restrictions,
    second,
    stage,
    with_template,
    without_template,
)

ANY_SPORT = PatientFacts(work_class=None, wants_contact_sport=True)


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
