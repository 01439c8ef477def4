"""How milestones stand on a day, and what comes next."""

from dataclasses import replace
from datetime import date

import pytest

from schedules.plan.build import PatientFacts, Plan
from schedules.plan.progress import NO_PROGRESS, ClearedSpan, ProgressFacts, facts_of, milestone_state
from schedules.plan.vocabulary import MilestoneState, OpioidUse, PastPolicy, WorkClass
from tests.unit.plan.samples import braced, milestone, plan, stage


def state(a_plan: Plan, key: str, on: date, progress: ProgressFacts = NO_PROGRESS) -> MilestoneState:
    return milestone_state(facts_of(milestone(a_plan, key)), progress, on)


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2026, 3, 8), MilestoneState.upcoming),
        (date(2026, 3, 9), MilestoneState.open),
        (date(2026, 3, 15), MilestoneState.open),
        (date(2026, 3, 16), MilestoneState.due),
        (date(2026, 3, 23), MilestoneState.due),
        (date(2026, 3, 24), MilestoneState.overdue),
    ],
)
def test_a_step_of_the_patient_is_overdue_only_after_its_latest_day(on: date, expected: MilestoneState) -> None:
    assert state(plan(stage()), "walk30", on) is expected


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2026, 3, 11), MilestoneState.upcoming),
        (date(2026, 3, 12), MilestoneState.open),
        (date(2026, 3, 16), MilestoneState.due),
        (date(2026, 6, 1), MilestoneState.due),
    ],
)
def test_a_step_of_the_clinic_is_never_overdue(on: date, expected: MilestoneState) -> None:
    assert state(plan(stage()), "incision", on) is expected


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2026, 3, 29), MilestoneState.upcoming),
        (date(2026, 3, 30), MilestoneState.open),
        (date(2026, 4, 13), MilestoneState.open),  # the target, while the lifting limit binds
        (date(2026, 4, 27), MilestoneState.open),
        (date(2026, 4, 28), MilestoneState.eligible),
        (date(2027, 4, 28), MilestoneState.eligible),
    ],
)
def test_what_lifts_a_restriction_becomes_eligible_and_nothing_more(on: date, expected: MilestoneState) -> None:
    assert state(plan(stage()), "rtw_med", on) is expected


def test_what_waits_for_the_surgeon_is_never_eligible_by_date() -> None:
    kyphoplasty = plan(stage("KYPHO"))

    assert state(kyphoplasty, "rtw_heavy", date(2028, 1, 1)) is MilestoneState.open


def test_what_waits_for_a_brace_without_days_is_never_due() -> None:
    assert state(plan(braced("MD-MISS")), "pt_start", date(2027, 1, 1)) is MilestoneState.open


def test_an_item_without_a_target_is_open_until_its_latest_day() -> None:
    a_plan = plan(stage())

    assert state(a_plan, "education", date(2026, 1, 1)) is MilestoneState.open
    assert state(a_plan, "education", date(2026, 3, 1)) is MilestoneState.due


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2026, 2, 16), MilestoneState.due),
        (date(2026, 3, 2), MilestoneState.due),  # the day of surgery closes the window of the baseline
        (date(2026, 3, 3), MilestoneState.skipped),
        (date(2026, 6, 1), MilestoneState.skipped),
    ],
)
def test_what_was_left_before_surgery_is_over_once_its_window_has_closed(on: date, expected: MilestoneState) -> None:
    assert state(plan(stage()), "prom_baseline", on) is expected


def test_items_without_a_date_are_unscheduled() -> None:
    very_heavy = plan(stage(), patient=PatientFacts(WorkClass.very_heavy))
    long_term = plan(stage(), patient=PatientFacts(None, opioid_use=OpioidUse.daily_long_term))

    assert state(very_heavy, "rtw_very_heavy", date(2028, 1, 1)) is MilestoneState.unscheduled
    assert state(long_term, "opioid_stop", date(2026, 6, 1)) is MilestoneState.unscheduled
    assert state(plan(stage(day0=None)), "drive", date(2026, 6, 1)) is MilestoneState.unscheduled


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (ProgressFacts(achieved_on=date(2026, 3, 10)), MilestoneState.achieved),
        (ProgressFacts(clearances=(ClearedSpan(date(2026, 3, 10)),)), MilestoneState.cleared),
        (ProgressFacts(skipped_on=date(2026, 3, 10)), MilestoneState.skipped),
        (ProgressFacts(cancelled_on=date(2026, 3, 10)), MilestoneState.cancelled),
        (
            ProgressFacts(achieved_on=date(2026, 3, 9), clearances=(ClearedSpan(date(2026, 3, 10)),)),
            MilestoneState.cleared,
        ),
        (ProgressFacts(achieved_on=date(2026, 3, 9), cancelled_on=date(2026, 3, 10)), MilestoneState.achieved),
        (ProgressFacts(skipped_on=date(2026, 3, 9), cancelled_on=date(2026, 3, 10)), MilestoneState.cancelled),
    ],
)
def test_what_was_reported_decides_from_its_own_day_on(progress: ProgressFacts, expected: MilestoneState) -> None:
    a_plan = plan(stage())

    assert state(a_plan, "drive", date(2026, 3, 8), progress) is MilestoneState.upcoming
    assert state(a_plan, "drive", date(2026, 3, 10), progress) is expected
    assert state(a_plan, "drive", date(2027, 3, 10), progress) is expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (PastPolicy.skip, MilestoneState.skipped),
        (PastPolicy.not_applicable, MilestoneState.skipped),
        (PastPolicy.ask_coordinator, MilestoneState.due),
        (PastPolicy.catch_up, MilestoneState.due),
        (None, MilestoneState.due),
    ],
)
def test_items_that_were_past_at_enrolment_are_skipped_by_their_policy(
    policy: PastPolicy | None, expected: MilestoneState
) -> None:
    late = replace(milestone(plan(stage()), "incision"), past_policy=policy)
    reported = ProgressFacts(achieved_on=date(2026, 3, 17))

    assert milestone_state(facts_of(late), NO_PROGRESS, date(2026, 3, 18)) is expected
    assert milestone_state(facts_of(late), reported, date(2026, 3, 18)) is MilestoneState.achieved


def test_what_was_past_at_enrolment_is_nobodys_lateness() -> None:
    late = plan(stage(), enrolled_on=date(2027, 3, 2))
    in_time = plan(stage(), enrolled_on=date(2026, 3, 16))

    def behind(a_plan: Plan) -> set[str]:
        on = date(2027, 3, 2)
        return {item.key for item in a_plan.milestones if state(a_plan, item.key, on) is MilestoneState.overdue}

    assert behind(late) == set()
    assert {"opioid_stop", "walk30", "sit60"} <= behind(in_time)
